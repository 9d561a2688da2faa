package organizations

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "TagResource", func(c *api.Call, in *shape.TagResourceRequest) []api.Check {
		return withTags(on(c, "TagResource", *in.ResourceId), in.Tags)
	}, (*Service).tagResource)
	_ = api.Define(operations, "UntagResource", func(c *api.Call, in *shape.UntagResourceRequest) []api.Check {
		checks := on(c, "UntagResource", *in.ResourceId)
		checks[0].Keys = []api.Key{api.Ks("aws:TagKeys", in.TagKeys...)}
		return checks
	}, (*Service).untagResource)
	_ = api.Define(operations, "ListTagsForResource", func(c *api.Call, in *shape.ListTagsForResourceRequest) []api.Check {
		return on(c, "ListTagsForResource", *in.ResourceId)
	}, (*Service).listTags)
)

// withTags brings the keys of tags in a request.
func withTags(checks []api.Check, tags []shape.Tag) []api.Check {
	if len(tags) == 0 {
		return checks
	}
	var keys []api.Key
	var names []string
	for _, t := range tags {
		keys, names = append(keys, api.K("aws:RequestTag/"+*t.Key, *t.Value)), append(names, *t.Key)
	}
	for i := range checks {
		checks[i].Keys = append(append(checks[i].Keys, keys...), api.Ks("aws:TagKeys", names...))
	}
	return checks
}

// distinct refuses tags of the same key, in any case, and more than there may be.
func distinct(tags []shape.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		k := strings.ToLower(*t.Key)
		if strings.HasPrefix(k, "aws:") {
			return because(invalid, "INVALID_SYSTEM_TAGS_PARAMETER", "You specified a tag key that is a system tag: those that begin with aws: are AWS's own.")
		}
		if seen[k] {
			return because(invalid, "DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity.")
		}
		seen[k] = true
	}
	return few(tags)
}

func few(tags []shape.Tag) error {
	if len(tags) > mostTags {
		return because(constraint, "MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed on this resource.")
	}
	return nil
}

// retag changes the tags of what an id means.
func (s *Service) retag(ctx context.Context, c *api.Call, id string, f func(*[]shape.Tag) error) error {
	return s.change(ctx, c.Account(), func(t *tree) error {
		_, tags, put := t.tags(id)
		if tags == nil {
			return noTarget.New("You specified a target that doesn't exist.")
		}
		if err := f(tags); err != nil {
			return err
		}
		return put()
	})
}

func without(tags []shape.Tag, keys ...string) []shape.Tag {
	return slices.DeleteFunc(tags, func(t shape.Tag) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return policy.SameKey(k, *t.Key) })
	})
}

func (s *Service) tagResource(ctx context.Context, c *api.Call, in *shape.TagResourceRequest) (*struct{}, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	return new(struct{}), s.retag(ctx, c, *in.ResourceId, func(tags *[]shape.Tag) error {
		for _, t := range in.Tags {
			*tags = append(without(*tags, *t.Key), t)
		}
		return few(*tags)
	})
}

func (s *Service) untagResource(ctx context.Context, c *api.Call, in *shape.UntagResourceRequest) (*struct{}, error) {
	return new(struct{}), s.retag(ctx, c, *in.ResourceId, func(tags *[]shape.Tag) error {
		*tags = without(*tags, in.TagKeys...)
		return nil
	})
}

func (s *Service) listTags(ctx context.Context, c *api.Call, in *shape.ListTagsForResourceRequest) (*shape.ListTagsForResourceResponse, error) {
	out := &shape.ListTagsForResourceResponse{Tags: []shape.Tag{}}
	return out, s.look(ctx, c.Account(), func(t *tree) error {
		_, tags, _ := t.tags(*in.ResourceId)
		if tags == nil {
			return noTarget.New("You specified a target that doesn't exist.")
		}
		slices.SortFunc(*tags, func(a, b shape.Tag) int { return strings.Compare(*a.Key, *b.Key) })
		list, next, err := page(*tags, func(t shape.Tag) string { return *t.Key }, nil, in.NextToken)
		out.Tags, out.NextToken = append(out.Tags, list...), next
		return err
	})
}
