package ec2

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	shape "cloister/internal/value/shape/ec2"
)

// awsTags gives tags in the form of the wire, by key; never nil.
func awsTags(tags map[string]string) []shape.Tag {
	out := []shape.Tag{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, shape.Tag{Key: new(k), Value: new(tags[k])})
	}
	return out
}

// specified reads the tags of a creation; they must all be for the kind that is made.
func (s *Service) specified(specs []shape.TagSpecification, kind string) (map[string]string, error) {
	var tags []shape.Tag
	for _, spec := range specs {
		if t := str(spec.ResourceType); t != kind {
			return nil, invalidValue.New("'%s' is not a valid taggable resource type for this operation.", t)
		}
		if len(spec.Tags) == 0 {
			return nil, invalidValue.New("Tag specification must have at least one tag")
		}
		tags = append(tags, spec.Tags...)
	}
	return s.merged(nil, tags)
}

// merged puts tags over those there are.
func (s *Service) merged(old map[string]string, tags []shape.Tag) (map[string]string, error) {
	out := maps.Clone(old)
	if out == nil && len(tags) > 0 {
		out = map[string]string{}
	}
	for i, t := range tags {
		k, v := str(t.Key), str(t.Value)
		switch {
		case slices.ContainsFunc(tags[:i], func(o shape.Tag) bool { return str(o.Key) == k }):
			return nil, invalidValue.New("Duplicate tag key '%s' specified.", k)
		case k == "":
			return nil, missingParameter.New("The request must contain the parameter Tag.Key")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return nil, invalidValue.New("Tag keys starting with 'aws:' are reserved for internal use")
		case utf8.RuneCountInString(k) > 127:
			return nil, invalidValue.New("Tag key exceeds the maximum length of 127 characters")
		case utf8.RuneCountInString(v) > 256:
			return nil, invalidValue.New("Tag value exceeds the maximum length of 256 characters")
		}
		out[k] = v
	}
	if len(out) > s.Quotas.TagsPerResource {
		return nil, tagLimit.New("The maximum number of Tags for a resource has been reached.")
	}
	return out, nil
}

// removed takes tags away: by key, or by key and value where a value is given; all of them when none
// is named.
func removed(old map[string]string, tags []shape.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := maps.Clone(old)
	for _, t := range tags {
		if t.Value == nil || out[str(t.Key)] == *t.Value {
			delete(out, str(t.Key))
		}
	}
	return out
}
