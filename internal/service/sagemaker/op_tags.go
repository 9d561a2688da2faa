package sagemaker

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/shape/sagemaker"
)

// tagSet is the record of a resource's tags, under its ARN.
type tagSet struct{ Tags []sagemaker.Tag }

var tagSets = store.NewTable[tagSet]("sagemaker.tags")

const mostTags = 50

// putTags writes what a resource was created with.
func putTags(tx *store.Tx, arn string, tags []sagemaker.Tag) error {
	if len(tags) == 0 {
		return tagSets.Delete(tx, arn)
	}
	merged, err := mergeTags(nil, tags)
	if err != nil {
		return err
	}
	return tagSets.Put(tx, arn, &tagSet{merged})
}

// mergeTags puts tags over those there are.
func mergeTags(have, add []sagemaker.Tag) ([]sagemaker.Tag, error) {
	out := slices.Clone(have)
	seen := map[string]bool{}
	for _, t := range add {
		key := text(t.Key)
		if seen[lower(key)] { // conditions see one of them, whichever that is
			return nil, validation.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		if strings.HasPrefix(lower(key), "aws:") {
			return nil, validation.New("aws: prefixed tag key names are not allowed for external use.")
		}
		seen[lower(key)] = true
		i := slices.IndexFunc(out, func(o sagemaker.Tag) bool { return text(o.Key) == key })
		if i < 0 {
			out = append(out, t)
		} else {
			out[i] = t
		}
	}
	if len(out) > mostTags {
		return nil, validation.New("The number of tags on a resource cannot be more than %d.", mostTags)
	}
	return out, nil
}

// tagged finds the tags of a resource of the caller's that exists.
func (s *Service) tagged(tx *store.Tx, c *api.Call, name string) (key string, set *tagSet, err error) {
	a, err := arn.Parse(name)
	if err != nil || a.Partition != arn.Partition || a.Service != "sagemaker" || a.Account != c.Account() || a.Region != c.Region {
		return "", nil, validation.New("Invalid resource ARN %q.", name)
	}
	a.Resource = lower(a.Resource)
	if there, err := exists(tx, a); err != nil {
		return "", nil, err
	} else if !there {
		return "", nil, validation.New("Could not find resource %q.", name)
	}
	set, err = tagSets.Get(tx, a.String())
	if set == nil {
		set = &tagSet{}
	}
	return a.String(), set, err
}

// exists tells whether an ARN names a resource that can have tags.
func exists(tx *store.Tx, a arn.ARN) (bool, error) {
	kind, name, _ := strings.Cut(a.Resource, "/")
	key := store.Key(a.Account, name)
	switch kind {
	case "training-job":
		v, err := trainingJobs.Get(tx, key)
		return v != nil, err
	case "transform-job":
		v, err := transformJobs.Get(tx, key)
		return v != nil, err
	case "hyper-parameter-tuning-job":
		v, err := tuningJobs.Get(tx, key)
		return v != nil, err
	case "processing-job":
		v, err := processingJobs.Get(tx, key)
		return v != nil, err
	case "compilation-job":
		v, err := compilationJobs.Get(tx, key)
		return v != nil, err
	case recommendResource:
		v, err := recommendJobs.Get(tx, key)
		return v != nil, err
	case "model":
		v, err := models.Get(tx, key)
		return v != nil, err
	case "endpoint-config":
		v, err := endpointConfigs.Get(tx, key)
		return v != nil, err
	case "endpoint":
		v, err := endpoints.Get(tx, key)
		return v != nil, err
	}
	return false, nil
}

var _ = api.Define(operations, "AddTags", func(_ *api.Call, in *sagemaker.AddTagsInput) []api.Check {
	return []api.Check{{Action: "sagemaker:AddTags", Resource: text(in.ResourceArn), Keys: tagKeys(in.Tags)}}
}, (*Service).addTags)

func (s *Service) addTags(ctx context.Context, c *api.Call, in *sagemaker.AddTagsInput) (*sagemaker.AddTagsOutput, error) {
	out := &sagemaker.AddTagsOutput{}
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		key, set, err := s.tagged(tx, c, text(in.ResourceArn))
		if err != nil {
			return err
		}
		if set.Tags, err = mergeTags(set.Tags, in.Tags); err != nil {
			return err
		}
		out.Tags = set.Tags
		return tagSets.Put(tx, key, set)
	})
}

var _ = api.Define(operations, "DeleteTags", func(_ *api.Call, in *sagemaker.DeleteTagsInput) []api.Check {
	return []api.Check{{Action: "sagemaker:DeleteTags", Resource: text(in.ResourceArn), Keys: []api.Key{api.Ks("aws:TagKeys", in.TagKeys...)}}}
}, (*Service).deleteTags)

func (s *Service) deleteTags(ctx context.Context, c *api.Call, in *sagemaker.DeleteTagsInput) (*sagemaker.DeleteTagsOutput, error) {
	return &sagemaker.DeleteTagsOutput{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		key, set, err := s.tagged(tx, c, text(in.ResourceArn))
		if err != nil {
			return err
		}
		set.Tags = slices.DeleteFunc(set.Tags, func(t sagemaker.Tag) bool { return slices.Contains(in.TagKeys, text(t.Key)) })
		return tagSets.Put(tx, key, set)
	})
}

var _ = api.Define(operations, "ListTags", func(_ *api.Call, in *sagemaker.ListTagsInput) []api.Check {
	return []api.Check{{Action: "sagemaker:ListTags", Resource: text(in.ResourceArn)}}
}, (*Service).listTags)

// listTags gives all tags on one page: there are never more than a page may hold.
func (s *Service) listTags(ctx context.Context, c *api.Call, in *sagemaker.ListTagsInput) (*sagemaker.ListTagsOutput, error) {
	out := &sagemaker.ListTagsOutput{Tags: []sagemaker.Tag{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		_, set, err := s.tagged(tx, c, text(in.ResourceArn))
		if err == nil && len(set.Tags) > 0 {
			out.Tags = set.Tags
		}
		return err
	})
}
