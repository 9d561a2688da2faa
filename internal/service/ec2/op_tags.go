package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// tagChecks asks for each resource by its kind, which its id tells.
func tagChecks(c *api.Call, action string, ids []string, tags []shape.Tag) (out []api.Check) {
	for _, id := range distinct(ids) {
		kind := "*"
		if b, err := bearerOf(id); err == nil {
			kind = b.name
		}
		out = append(out, check(c, action, kind, id, tagKeys(tags)...))
	}
	if len(out) == 0 {
		out = []api.Check{check(c, action, "*", "")}
	}
	return out
}

var _ = api.Define(operations, "CreateTags", func(c *api.Call, in *shape.CreateTagsRequest) []api.Check {
	return tagChecks(c, "CreateTags", in.Resources, in.Tags)
}, (*Service).createTags)

func (s *Service) createTags(ctx context.Context, c *api.Call, in *shape.CreateTagsRequest) (*struct{}, error) {
	if err := begin(in, "Resources", "Tags"); err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, missingParameter.New("The request must contain the parameter Tag")
	}
	return &struct{}{}, s.retag(ctx, c, in.Resources, func(old map[string]string) (map[string]string, error) { return s.merged(old, in.Tags) })
}

var _ = api.Define(operations, "DeleteTags", func(c *api.Call, in *shape.DeleteTagsRequest) []api.Check {
	return tagChecks(c, "DeleteTags", in.Resources, in.Tags)
}, (*Service).deleteTags)

func (s *Service) deleteTags(ctx context.Context, c *api.Call, in *shape.DeleteTagsRequest) (*struct{}, error) {
	if err := begin(in, "Resources", "Tags"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.retag(ctx, c, in.Resources, func(old map[string]string) (map[string]string, error) { return removed(old, in.Tags), nil })
}

// retag changes the tags of all resources or of none.
func (s *Service) retag(ctx context.Context, c *api.Call, ids []string, f retagging) error {
	if len(ids) == 0 {
		return missingParameter.New("The request must contain the parameter ResourceId")
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, id := range distinct(ids) {
			b, err := bearerOf(id)
			if err != nil {
				return err
			}
			if err := b.retag(tx, c.Account(), id, f); err != nil {
				return err
			}
		}
		return nil
	})
}

var _ = api.Define(operations, "DescribeTags", describes[shape.DescribeTagsRequest]("DescribeTags"), (*Service).describeTags)

func (s *Service) describeTags(ctx context.Context, c *api.Call, in *shape.DescribeTagsRequest) (*shape.DescribeTagsResult, error) {
	if err := begin(in, "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	var all []shape.TagDescription
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		for _, b := range bearers {
			err := b.list(tx, c.Account(), func(id string, tags map[string]string) {
				for k, v := range tags {
					all = append(all, shape.TagDescription{Key: new(k), Value: new(v), ResourceId: new(id), ResourceType: new(b.name)})
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	key := func(t shape.TagDescription) string { return *t.ResourceId + " " + *t.Key }
	of := func(t shape.TagDescription) map[string]string { return map[string]string{*t.Key: *t.Value} }
	page, err := sift(all, key, of, query{nil, in.Filters, in.MaxResults, in.NextToken}, fields[shape.TagDescription]{
		"key":           one(func(t shape.TagDescription) string { return *t.Key }),
		"value":         one(func(t shape.TagDescription) string { return *t.Value }),
		"resource-id":   one(func(t shape.TagDescription) string { return *t.ResourceId }),
		"resource-type": one(func(t shape.TagDescription) string { return *t.ResourceType }),
	})
	if err != nil {
		return nil, err
	}
	return &shape.DescribeTagsResult{Tags: page.items, NextToken: page.next}, nil
}
