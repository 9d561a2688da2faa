package elasticloadbalancing

import (
	"context"
	"maps"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

// merged puts tags over those there are.
func merged(old map[string]string, tags []shape.Tag) (map[string]string, error) {
	out := maps.Clone(old)
	for _, t := range tags {
		if out == nil {
			out = map[string]string{}
		}
		k := text(t.Key)
		if k == "" || strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, validation.New("The tag key '%s' is not valid", k)
		}
		out[k] = text(t.Value)
	}
	if len(out) > 50 {
		return nil, tooManyTags.New("The maximum number of tags has been reached")
	}
	return out, nil
}

// retag changes the tags of whatever an ARN names.
func retag(tx *store.Tx, account, arn string, f func(map[string]string) (map[string]string, error)) (tags map[string]string, err error) {
	key := store.Key(account, arn)
	switch {
	case strings.Contains(arn, ":targetgroup/"):
		g, err := groupOf(tx, account, arn)
		if err != nil {
			return nil, err
		}
		if g.Tags, err = f(g.Tags); err != nil {
			return nil, err
		}
		return g.Tags, targetGroups.Put(tx, key, g)
	case strings.Contains(arn, ":listener/"):
		l, err := listenerOf(tx, account, arn)
		if err != nil {
			return nil, err
		}
		if l.Tags, err = f(l.Tags); err != nil {
			return nil, err
		}
		return l.Tags, listeners.Put(tx, key, l)
	}
	b, err := balancerOf(tx, account, arn)
	if err != nil {
		return nil, err
	}
	if b.Tags, err = f(b.Tags); err != nil {
		return nil, err
	}
	return b.Tags, balancers.Put(tx, key, b)
}

func eachOf(c *api.Call, action string, arns []string, tags ...shape.Tag) (out []api.Check) {
	if len(arns) == 0 {
		return on(c, action, "")
	}
	for _, arn := range arns {
		out = append(out, on(c, action, arn, tags...)...)
	}
	return out
}

var _ = api.Define(operations, "AddTags", func(c *api.Call, in *shape.AddTagsInput) []api.Check {
	return eachOf(c, "AddTags", in.ResourceArns, in.Tags...)
}, (*Service).addTags)

func (s *Service) addTags(ctx context.Context, c *api.Call, in *shape.AddTagsInput) (*shape.AddTagsOutput, error) {
	return &shape.AddTagsOutput{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, arn := range in.ResourceArns {
			if _, err := retag(tx, c.Account(), arn, func(old map[string]string) (map[string]string, error) { return merged(old, in.Tags) }); err != nil {
				return err
			}
		}
		return nil
	})
}

var _ = api.Define(operations, "RemoveTags", func(c *api.Call, in *shape.RemoveTagsInput) []api.Check {
	return eachOf(c, "RemoveTags", in.ResourceArns)
}, (*Service).removeTags)

func (s *Service) removeTags(ctx context.Context, c *api.Call, in *shape.RemoveTagsInput) (*shape.RemoveTagsOutput, error) {
	return &shape.RemoveTagsOutput{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, arn := range in.ResourceArns {
			_, err := retag(tx, c.Account(), arn, func(old map[string]string) (map[string]string, error) {
				out := maps.Clone(old)
				maps.DeleteFunc(out, func(k, _ string) bool { return slices.Contains(in.TagKeys, k) })
				return out, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

var _ = api.Define(operations, "DescribeTags", func(c *api.Call, in *shape.DescribeTagsInput) []api.Check {
	return []api.Check{{Action: "elasticloadbalancing:DescribeTags", Resource: "*"}}
}, (*Service).describeTags)

func (s *Service) describeTags(ctx context.Context, c *api.Call, in *shape.DescribeTagsInput) (*shape.DescribeTagsOutput, error) {
	out := &shape.DescribeTagsOutput{TagDescriptions: []shape.TagDescription{}}
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, arn := range in.ResourceArns {
			tags, err := retag(tx, c.Account(), arn, func(old map[string]string) (map[string]string, error) { return old, nil })
			if err != nil {
				return err
			}
			d := shape.TagDescription{ResourceArn: &arn, Tags: []shape.Tag{}}
			for _, k := range slices.Sorted(maps.Keys(tags)) {
				d.Tags = append(d.Tags, shape.Tag{Key: &k, Value: new(tags[k])})
			}
			out.TagDescriptions = append(out.TagDescriptions, d)
		}
		return nil
	})
}
