package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribePrefixLists", describes[shape.DescribePrefixListsRequest]("DescribePrefixLists"), (*Service).describePrefixLists)

// describePrefixLists shows AWS's lists only, as AWS does.
func (s *Service) describePrefixLists(ctx context.Context, c *api.Call, in *shape.DescribePrefixListsRequest) (*shape.DescribePrefixListsResult, error) {
	if err := begin(in, "PrefixListIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribePrefixListsResult{PrefixLists: []shape.PrefixList{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := s.pageOfLists(tx, "", query{in.PrefixListIds, in.Filters, in.MaxResults, in.NextToken})
		for _, p := range page.items {
			if p.owner != "AWS" {
				continue
			}
			shown := shape.PrefixList{PrefixListId: &p.id, PrefixListName: &p.name}
			for _, e := range p.entries {
				shown.Cidrs = append(shown.Cidrs, e.CIDR.String())
			}
			out.PrefixLists = append(out.PrefixLists, shown)
		}
		out.NextToken = page.next
		return err
	})
}

// pageOfLists gives the lists that a query asks for; of no account only AWS's.
func (s *Service) pageOfLists(tx *store.Tx, account string, q query) (found[prefixList], error) {
	if account == "" {
		account = "-" // nobody's
	}
	all, err := s.prefixLists(tx, account, q.ids)
	if err != nil {
		return found[prefixList]{}, err
	}
	return sift(all, prefixList.key, func(p prefixList) map[string]string { return p.tags }, q, prefixListFields)
}

var _ = api.Define(operations, "DescribeManagedPrefixLists",
	describes[shape.DescribeManagedPrefixListsRequest]("DescribeManagedPrefixLists"), (*Service).describeManagedPrefixLists)

func (s *Service) describeManagedPrefixLists(ctx context.Context, c *api.Call, in *shape.DescribeManagedPrefixListsRequest) (*shape.DescribeManagedPrefixListsResult, error) {
	if err := begin(in, "PrefixListIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeManagedPrefixListsResult{PrefixLists: []shape.ManagedPrefixList{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := s.pageOfLists(tx, c.Account(), query{in.PrefixListIds, in.Filters, in.MaxResults, in.NextToken})
		for _, p := range page.items {
			out.PrefixLists = append(out.PrefixLists, p.aws(s.Region))
		}
		out.NextToken = page.next
		return err
	})
}

var _ = api.Define(operations, "GetManagedPrefixListEntries", named("GetManagedPrefixListEntries", "prefix-list",
	func(in *shape.GetManagedPrefixListEntriesRequest) *string { return in.PrefixListId }), (*Service).getManagedPrefixListEntries)

func (s *Service) getManagedPrefixListEntries(ctx context.Context, c *api.Call, in *shape.GetManagedPrefixListEntriesRequest) (*shape.GetManagedPrefixListEntriesResult, error) {
	if err := begin(in, "PrefixListId", "TargetVersion", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.GetManagedPrefixListEntriesResult{Entries: []shape.PrefixListEntry{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := s.prefixLists(tx, c.Account(), []string{str(in.PrefixListId)})
		if err != nil {
			return err
		}
		entries := all[0].entries
		if all[0].owner != "AWS" && in.TargetVersion != nil {
			l, err := managedLists.get(tx, c.Account(), all[0].id)
			if err != nil {
				return err
			}
			if entries, err = l.at(in.TargetVersion); err != nil {
				return err
			}
		}
		page, err := sift(entries, func(e listEntry) string { return e.CIDR.String() }, nil, query{nil, nil, in.MaxResults, in.NextToken}, nil)
		for _, e := range page.items {
			shown := shape.PrefixListEntry{Cidr: new(e.CIDR.String())}
			if e.Description != "" {
				shown.Description = &e.Description
			}
			out.Entries = append(out.Entries, shown)
		}
		out.NextToken = page.next
		return err
	})
}

var _ = api.Define(operations, "GetManagedPrefixListAssociations", named("GetManagedPrefixListAssociations", "prefix-list",
	func(in *shape.GetManagedPrefixListAssociationsRequest) *string { return in.PrefixListId }), (*Service).getManagedPrefixListAssociations)

func (s *Service) getManagedPrefixListAssociations(ctx context.Context, c *api.Call, in *shape.GetManagedPrefixListAssociationsRequest) (*shape.GetManagedPrefixListAssociationsResult, error) {
	if err := begin(in, "PrefixListId", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.GetManagedPrefixListAssociationsResult{PrefixListAssociations: []shape.PrefixListAssociation{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		l, err := managedLists.get(tx, c.Account(), str(in.PrefixListId))
		if err != nil {
			return err
		}
		users, err := usersOf(tx, c.Account(), l.ID)
		if err != nil {
			return err
		}
		page, err := sift(users, func(u listUser) string { return u.id }, nil, query{nil, nil, in.MaxResults, in.NextToken}, nil)
		for _, u := range page.items {
			out.PrefixListAssociations = append(out.PrefixListAssociations, shape.PrefixListAssociation{ResourceId: &u.id, ResourceOwner: &u.owner})
		}
		out.NextToken = page.next
		return err
	})
}
