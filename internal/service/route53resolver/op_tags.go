package route53resolver

import (
	"context"
	"maps"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	shape "cloister/internal/value/shape/route53resolver"
)

var (
	_ = api.Define(operations, "TagResource", func(_ *api.Call, in *shape.TagResourceRequest) []api.Check {
		return []api.Check{{Action: "route53resolver:TagResource", Resource: *in.ResourceArn}}
	}, (*Service).tagResource)
	_ = api.Define(operations, "UntagResource", func(_ *api.Call, in *shape.UntagResourceRequest) []api.Check {
		return []api.Check{{Action: "route53resolver:UntagResource", Resource: *in.ResourceArn}}
	}, (*Service).untagResource)
	_ = api.Define(operations, "ListTagsForResource", func(_ *api.Call, in *shape.ListTagsForResourceRequest) []api.Check {
		return []api.Check{{Action: "route53resolver:ListTagsForResource", Resource: *in.ResourceArn}}
	}, (*Service).listTagsForResource)
)

// tagged gives the tags of what an ARN names, and how to keep them when they are changed.
func (s *Service) tagged(tx *store.Tx, account, name string) (tags map[string]string, keep func(map[string]string) error, err error) {
	a, err := arn.Parse(name)
	if err != nil || a.Partition != arn.Partition || a.Service != "route53resolver" || a.Account != account || a.Region != s.Region {
		return nil, nil, notFound.New("The resource %s does not exist.", name)
	}
	kind, id, _ := strings.Cut(a.Resource, "/")
	switch kind {
	case kindEndpoint:
		e, err := findEndpoint(tx, account, id)
		if err != nil {
			return nil, nil, err
		}
		return e.Tags, func(tags map[string]string) error { e.Tags = tags; return putEndpoint(tx, e) }, nil
	case kindConfig:
		q, err := findConfig(tx, account, id)
		if err != nil {
			return nil, nil, err
		}
		return q.Tags, func(tags map[string]string) error {
			q.Tags = tags
			return configs.Put(tx, store.Key(q.Account, q.ID), q)
		}, nil
	}
	return nil, nil, notFound.New("The resource %s does not exist.", name)
}

const mostTags = 200

func (s *Service) retag(ctx context.Context, c *api.Call, name string, change func(map[string]string)) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		tags, keep, err := s.tagged(tx, c.Account(), name)
		if err != nil {
			return err
		}
		if tags == nil {
			tags = map[string]string{}
		}
		if change(tags); len(tags) > mostTags {
			return limitExceeded.New("A resource can have at most %d tags.", mostTags)
		}
		return keep(tags)
	})
}

func (s *Service) tagResource(ctx context.Context, c *api.Call, in *shape.TagResourceRequest) (*shape.TagResourceResponse, error) {
	return new(shape.TagResourceResponse), s.retag(ctx, c, *in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, readTags(in.Tags)) })
}

func (s *Service) untagResource(ctx context.Context, c *api.Call, in *shape.UntagResourceRequest) (*shape.UntagResourceResponse, error) {
	return new(shape.UntagResourceResponse), s.retag(ctx, c, *in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) listTagsForResource(ctx context.Context, c *api.Call, in *shape.ListTagsForResourceRequest) (*shape.ListTagsForResourceResponse, error) {
	out := &shape.ListTagsForResourceResponse{Tags: []shape.Tag{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		tags, _, err := s.tagged(tx, c.Account(), *in.ResourceArn)
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, shape.Tag{Key: new(key), Value: new(tags[key])})
		}
		return err
	})
}
