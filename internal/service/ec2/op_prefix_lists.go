package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/value/arn"
	"cloister/internal/value/catalogue"
	shape "cloister/internal/value/shape/ec2"
)

// prefixList is a list that AWS manages; customers cannot make any.
type prefixList struct {
	id, name string
	cidrs    []string
}

func (s *Service) prefixLists(ids []string) ([]prefixList, error) {
	for _, id := range ids {
		if err := knownPrefixList(s.Region, id); err != nil {
			return nil, err
		}
	}
	var out []prefixList
	for i := range catalogue.Services {
		c := &catalogue.Services[i]
		if len(c.Prefixes) == 0 || len(ids) > 0 && !slices.Contains(ids, c.PrefixList(s.Region)) {
			continue
		}
		l := prefixList{id: c.PrefixList(s.Region), name: c.EndpointName(s.Region)}
		for _, p := range c.Prefixes {
			l.cidrs = append(l.cidrs, p.String())
		}
		out = append(out, l)
	}
	return out, nil
}

func (p prefixList) key() string { return p.id }

var prefixListFields = fields[prefixList]{
	"prefix-list-id":   one(prefixList.key),
	"prefix-list-name": one(func(p prefixList) string { return p.name }),
	"owner-id":         one(func(prefixList) string { return "AWS" }),
}

var _ = api.Define(operations, "DescribePrefixLists", describes[shape.DescribePrefixListsRequest]("DescribePrefixLists"), (*Service).describePrefixLists)

func (s *Service) describePrefixLists(_ context.Context, _ *api.Call, in *shape.DescribePrefixListsRequest) (*shape.DescribePrefixListsResult, error) {
	if err := begin(in, "PrefixListIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	all, err := s.prefixLists(in.PrefixListIds)
	if err != nil {
		return nil, err
	}
	page, err := sift(all, prefixList.key, nil, query{nil, in.Filters, in.MaxResults, in.NextToken}, prefixListFields)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribePrefixListsResult{PrefixLists: []shape.PrefixList{}, NextToken: page.next}
	for _, p := range page.items {
		out.PrefixLists = append(out.PrefixLists, shape.PrefixList{PrefixListId: &p.id, PrefixListName: &p.name, Cidrs: p.cidrs})
	}
	return out, nil
}

var _ = api.Define(operations, "DescribeManagedPrefixLists",
	describes[shape.DescribeManagedPrefixListsRequest]("DescribeManagedPrefixLists"), (*Service).describeManagedPrefixLists)

func (s *Service) describeManagedPrefixLists(_ context.Context, _ *api.Call, in *shape.DescribeManagedPrefixListsRequest) (*shape.DescribeManagedPrefixListsResult, error) {
	if err := begin(in, "PrefixListIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	all, err := s.prefixLists(in.PrefixListIds)
	if err != nil {
		return nil, err
	}
	page, err := sift(all, prefixList.key, nil, query{nil, in.Filters, in.MaxResults, in.NextToken}, prefixListFields)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeManagedPrefixListsResult{PrefixLists: []shape.ManagedPrefixList{}, NextToken: page.next}
	for _, p := range page.items {
		out.PrefixLists = append(out.PrefixLists, shape.ManagedPrefixList{
			PrefixListId: &p.id, PrefixListName: &p.name, AddressFamily: new("IPv4"), State: new("create-complete"), OwnerId: new("AWS"),
			PrefixListArn: new(arn.Format("ec2", s.Region, "aws", "prefix-list/"+p.id)), Tags: []shape.Tag{},
		})
	}
	return out, nil
}

var _ = api.Define(operations, "GetManagedPrefixListEntries", func(c *api.Call, in *shape.GetManagedPrefixListEntriesRequest) []api.Check {
	return []api.Check{check(c, "GetManagedPrefixListEntries", "prefix-list", str(in.PrefixListId))}
}, (*Service).getManagedPrefixListEntries)

func (s *Service) getManagedPrefixListEntries(_ context.Context, _ *api.Call, in *shape.GetManagedPrefixListEntriesRequest) (*shape.GetManagedPrefixListEntriesResult, error) {
	if err := begin(in, "PrefixListId", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	all, err := s.prefixLists([]string{str(in.PrefixListId)})
	if err != nil {
		return nil, err
	}
	page, err := sift(all[0].cidrs, func(c string) string { return c }, nil, query{nil, nil, in.MaxResults, in.NextToken}, nil)
	if err != nil {
		return nil, err
	}
	out := &shape.GetManagedPrefixListEntriesResult{Entries: []shape.PrefixListEntry{}, NextToken: page.next}
	for _, c := range page.items {
		out.Entries = append(out.Entries, shape.PrefixListEntry{Cidr: new(c)})
	}
	return out, nil
}
