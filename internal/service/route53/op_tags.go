package route53

import (
	"context"
	"maps"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53"
)

var (
	_ = api.Define(operations, "ChangeTagsForResource", func(_ *api.Call, in *shape.ChangeTagsForResourceRequest) []api.Check {
		return onResource("ChangeTagsForResource", *in.ResourceType, *in.ResourceId)
	}, (*Service).changeTags)
	_ = api.Define(operations, "ListTagsForResource", func(_ *api.Call, in *shape.ListTagsForResourceRequest) []api.Check {
		return onResource("ListTagsForResource", *in.ResourceType, *in.ResourceId)
	}, (*Service).listTags)
	_ = api.Define(operations, "ListTagsForResources", func(_ *api.Call, in *shape.ListTagsForResourcesRequest) (checks []api.Check) {
		for _, id := range in.ResourceIds {
			checks = append(checks, onResource("ListTagsForResources", *in.ResourceType, id)...)
		}
		return checks
	}, (*Service).listTagsOfMany)
)

func onResource(action, kind, id string) []api.Check {
	return []api.Check{{Action: "route53:" + action, Resource: "arn:aws:route53:::" + kind + "/" + bare(id)}}
}

// bearer gives what bears tags: a zone, as there are no health checks.
func bearer(tx *store.Tx, account, kind, id string) (*zone, error) {
	if kind != "hostedzone" {
		return nil, noSuchHealthCheck.New("A health check with id %s does not exist.", id)
	}
	return findZone(tx, account, id)
}

const mostTags = 50

func (s *Service) changeTags(ctx context.Context, c *api.Call, in *shape.ChangeTagsForResourceRequest) (*shape.ChangeTagsForResourceResponse, error) {
	return new(shape.ChangeTagsForResourceResponse), s.DB.Update(ctx, func(tx *store.Tx) error {
		z, err := bearer(tx, c.Account(), *in.ResourceType, *in.ResourceId)
		if err != nil {
			return err
		}
		if z.Tags == nil {
			z.Tags = map[string]string{}
		}
		for _, key := range in.RemoveTagKeys {
			delete(z.Tags, key)
		}
		for _, t := range in.AddTags {
			if text(t.Key) == "" {
				return invalidInput.New("A tag needs a key.")
			}
			z.Tags[*t.Key] = text(t.Value)
		}
		if len(z.Tags) > mostTags {
			return invalidInput.New("A resource can have at most %d tags.", mostTags)
		}
		return putZone(tx, z)
	})
}

func (s *Service) tagSet(tx *store.Tx, account, kind, id string) (*shape.ResourceTagSet, error) {
	z, err := bearer(tx, account, kind, id)
	if err != nil {
		return nil, err
	}
	out := &shape.ResourceTagSet{ResourceType: &kind, ResourceId: &z.ID, Tags: []shape.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(z.Tags)) {
		out.Tags = append(out.Tags, shape.Tag{Key: new(key), Value: new(z.Tags[key])})
	}
	return out, nil
}

func (s *Service) listTags(ctx context.Context, c *api.Call, in *shape.ListTagsForResourceRequest) (*shape.ListTagsForResourceResponse, error) {
	out := new(shape.ListTagsForResourceResponse)
	return out, s.DB.View(ctx, func(tx *store.Tx) (err error) {
		out.ResourceTagSet, err = s.tagSet(tx, c.Account(), *in.ResourceType, *in.ResourceId)
		return err
	})
}

func (s *Service) listTagsOfMany(ctx context.Context, c *api.Call, in *shape.ListTagsForResourcesRequest) (*shape.ListTagsForResourcesResponse, error) {
	out := &shape.ListTagsForResourcesResponse{ResourceTagSets: []shape.ResourceTagSet{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		for _, id := range in.ResourceIds {
			set, err := s.tagSet(tx, c.Account(), *in.ResourceType, id)
			if err != nil {
				return err
			}
			out.ResourceTagSets = append(out.ResourceTagSets, *set)
		}
		return nil
	})
}
