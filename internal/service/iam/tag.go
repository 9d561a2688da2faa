package iam

import (
	"slices"
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/iam"
)

// tagsPerEntity is IAM's quota.
const tagsPerEntity = 50

// tagKeys are the condition keys of tags in a request.
func tagKeys(tags []shape.Tag) []api.Key {
	var keys []api.Key
	var names []string
	for _, t := range tags {
		keys, names = append(keys, api.K("aws:RequestTag/"+*t.Key, *t.Value)), append(names, *t.Key)
	}
	return append(keys, api.Ks("aws:TagKeys", names...))
}

// distinct refuses tags whose keys differ by case alone, or not at all, and AWS's own.
func distinct(tags []shape.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		k := strings.ToLower(*t.Key)
		if strings.HasPrefix(k, "aws:") {
			return invalidInput.New("aws: prefixed tag key names are not allowed for external use.")
		}
		if seen[k] {
			return invalidInput.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[k] = true
	}
	return nil
}

// tag writes tags over those of the same keys.
func (e *entity) tag(tags []shape.Tag) (err error) {
	e.Tags, err = laid(e.Tags, tags)
	return err
}

// laid is tags with more laid over those of the same keys.
func laid(tags, more []shape.Tag) ([]shape.Tag, error) {
	for _, t := range more {
		tags = append(without(tags, []string{*t.Key}), t)
	}
	if len(tags) > tagsPerEntity {
		return nil, limitExceeded.New("The number of tags has reached the maximum limit.")
	}
	return tags, nil
}

// tagsOf is tags as the directory keeps them.
func tagsOf(tags []shape.Tag) []caller.Tag {
	var out []caller.Tag
	for _, t := range tags {
		out = append(out, caller.Tag{Key: *t.Key, Value: *t.Value})
	}
	return out
}

// untag takes tags away; those that are not there are no error.
func (e *entity) untag(keys []string) { e.Tags = without(e.Tags, keys) }

// without is tags without those of such keys.
func without(tags []shape.Tag, keys []string) []shape.Tag {
	return slices.DeleteFunc(tags, func(t shape.Tag) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return policy.SameKey(k, *t.Key) })
	})
}

// tagged gives a page of the tags of an entity, by key.
func tagged(tx *store.Tx, c *api.Call, kind Kind, name string, marker *string, most *int32) ([]shape.Tag, *string, error) {
	e, err := get(tx, c, kind, name)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(e.Tags, func(a, b shape.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return cut(e.Tags, tagKey, marker, most)
}
