package logs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	shape "cloister/internal/value/shape/logs"
)

var (
	_ = api.Define(operations, "ListTagsForResource", func(c *api.Call, in *shape.ListTagsForResourceRequest) []api.Check {
		return onTags("ListTagsForResource", *in.ResourceArn)
	}, (*Service).listTagsForResource)
	_ = api.Define(operations, "TagResource", func(c *api.Call, in *shape.TagResourceRequest) []api.Check {
		return withTags(onTags("TagResource", *in.ResourceArn), in.Tags)
	}, (*Service).tagResource)
	_ = api.Define(operations, "UntagResource", func(c *api.Call, in *shape.UntagResourceRequest) []api.Check {
		checks := onTags("UntagResource", *in.ResourceArn)
		checks[0].Keys = []api.Key{api.Ks("aws:TagKeys", in.TagKeys...)}
		return checks
	}, (*Service).untagResource)
)

// onTags is the checks of an operation on the tags of a group, which stands there without ":*".
func onTags(action, resource string) []api.Check {
	return []api.Check{{Action: "logs:" + action, Resource: resource}}
}

// withTags adds to a check the tags that come with the request.
func withTags(checks []api.Check, tags map[string]string) []api.Check {
	if len(tags) == 0 {
		return checks
	}
	for k, v := range tags {
		checks[0].Keys = append(checks[0].Keys, api.K("aws:RequestTag/"+k, v))
	}
	checks[0].Keys = append(checks[0].Keys, api.Ks("aws:TagKeys", slices.Sorted(maps.Keys(tags))...))
	return checks
}

const mostTags = 50

// ofARN finds the group that an ARN names, in the one spelling that policies see.
func ofARN(tx *store.Tx, c *api.Call, name string) (*group, error) {
	a, err := arn.Parse(name)
	group, is := strings.CutPrefix(a.Resource, "log-group:")
	if err != nil || !is || a.Partition != arn.Partition || a.Service != "logs" || a.Account != c.Account() || a.Region != c.Region {
		return nil, notFound.New("The specified resource does not exist.")
	}
	return findGroup(tx, c, group)
}

func (s *Service) listTagsForResource(ctx context.Context, c *api.Call, in *shape.ListTagsForResourceRequest) (*shape.ListTagsForResourceResponse, error) {
	out := &shape.ListTagsForResourceResponse{Tags: map[string]string{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		g, err := ofARN(tx, c, *in.ResourceArn)
		if err == nil {
			maps.Copy(out.Tags, g.Tags)
		}
		return err
	})
}

func (s *Service) retag(ctx context.Context, c *api.Call, name string, change func(map[string]string)) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		g, err := ofARN(tx, c, name)
		if err != nil {
			return err
		}
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		if change(g.Tags); len(g.Tags) > mostTags {
			return invalid.New("A resource can have at most %d tags.", mostTags)
		}
		return groups.Put(tx, store.Key(g.Account, g.Name), g)
	})
}

func (s *Service) tagResource(ctx context.Context, c *api.Call, in *shape.TagResourceRequest) (*struct{}, error) {
	return new(struct{}), s.retag(ctx, c, *in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, c *api.Call, in *shape.UntagResourceRequest) (*struct{}, error) {
	return new(struct{}), s.retag(ctx, c, *in.ResourceArn, func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	})
}
