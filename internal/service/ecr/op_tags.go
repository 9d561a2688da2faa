package ecr

import (
	"context"
	"maps"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/ecr"
)

var (
	_ = api.Define(operations, "TagResource", func(_ *api.Call, in *shape.TagResourceRequest) []api.Check {
		return onTags("TagResource", *in.ResourceArn, tagKeys(in.Tags)...)
	}, (*Service).tagResource)
	_ = api.Define(operations, "UntagResource", func(_ *api.Call, in *shape.UntagResourceRequest) []api.Check {
		return onTags("UntagResource", *in.ResourceArn, api.Ks("aws:TagKeys", in.TagKeys...))
	}, (*Service).untagResource)
	_ = api.Define(operations, "ListTagsForResource", func(_ *api.Call, in *shape.ListTagsForResourceRequest) []api.Check {
		return onTags("ListTagsForResource", *in.ResourceArn)
	}, (*Service).listTagsForResource)
)

const mostTags = 50

func onTags(action, resource string, keys ...api.Key) []api.Check {
	k := api.Check{Action: "ecr:" + action, Resource: resource, Keys: keys}
	if a, err := arn.Parse(resource); err == nil {
		k.Account = a.Account
	}
	return []api.Check{k}
}

// ofARN reads which repository an ARN names.
func (s *Service) ofARN(resource string) (place, error) {
	a, err := arn.Parse(resource)
	name, ok := strings.CutPrefix(a.Resource, "repository/")
	if err != nil || a.Partition != arn.Partition || a.Service != "ecr" || a.Region != s.Region || !ok {
		return place{}, parameter("resourceArn", "Invalid ARN")
	}
	return place{a.Account, name}, nil
}

// retagged lays tags over those that there are.
func retagged(old map[string]string, more []shape.Tag) (map[string]string, error) {
	out, seen := maps.Clone(old), map[string]bool{}
	for _, t := range more {
		name := strings.ToLower(*t.Key)
		if seen[name] { // conditions would see one of them, whichever that is
			return nil, invalidTag.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[name] = true
		if strings.HasPrefix(name, "aws:") {
			return nil, invalidTag.New("Tag keys that begin with 'aws:' are reserved for system use.")
		}
		if out == nil {
			out = map[string]string{}
		}
		out[*t.Key] = *t.Value
	}
	if len(out) > mostTags {
		return nil, tooManyTags.New("A repository can have at most %d tags.", mostTags)
	}
	return out, nil
}

func (s *Service) tagResource(ctx context.Context, _ *api.Call, in *shape.TagResourceRequest) (*struct{}, error) {
	p, err := s.ofARN(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return new(struct{}), s.change(ctx, p, func(_ *store.Tx, r *repository) (err error) {
		r.Tags, err = retagged(r.Tags, in.Tags)
		return err
	})
}

func (s *Service) untagResource(ctx context.Context, _ *api.Call, in *shape.UntagResourceRequest) (*struct{}, error) {
	p, err := s.ofARN(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return new(struct{}), s.change(ctx, p, func(_ *store.Tx, r *repository) error {
		for _, k := range in.TagKeys {
			delete(r.Tags, k)
		}
		return nil
	})
}

func (s *Service) listTagsForResource(ctx context.Context, _ *api.Call, in *shape.ListTagsForResourceRequest) (*shape.ListTagsForResourceResponse, error) {
	p, err := s.ofARN(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &shape.ListTagsForResourceResponse{Tags: []shape.Tag{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		r, err := find(tx, p)
		if err != nil {
			return err
		}
		for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
			out.Tags = append(out.Tags, shape.Tag{Key: &k, Value: new(r.Tags[k])})
		}
		return nil
	})
}

// WatchTags tells what tags each repository has, now and from now on, for decisions to look at. An empty list says
// that it has none, or is gone.
func (s *Service) WatchTags(ctx context.Context, region string, told func(arn string, tags []caller.Tag)) error {
	return store.Watch(ctx, s.DB, repositories, func(key string, r *repository) func() {
		account, name := store.Split(key)
		var list []caller.Tag
		if r != nil {
			for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
				list = append(list, caller.Tag{Key: k, Value: r.Tags[k]})
			}
		}
		return func() { told(place{account, name}.arn(region), list) }
	})
}
