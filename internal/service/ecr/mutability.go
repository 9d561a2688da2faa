package ecr

import (
	"strings"

	shape "cloister/internal/value/shape/ecr"
)

// Four ways: tags may move or not, and with exclusions those that fit a pattern are excepted.
const (
	mutable          = "MUTABLE"
	immutable        = "IMMUTABLE"
	mutableExcept    = "MUTABLE_WITH_EXCLUSION"
	immutableExcept  = "IMMUTABLE_WITH_EXCLUSION"
	wildcard         = "WILDCARD"
	mostWildcards    = 2
	exclusionsMember = "imageTagMutabilityExclusionFilters"
)

// setMutability checks and takes over what a request says of it.
func (r *repository) setMutability(kind *string, exclusions []shape.ImageTagMutabilityExclusionFilter) error {
	r.Mutability, r.Exclusions = mutable, nil
	if kind != nil {
		r.Mutability = *kind
	}
	excepts := strings.HasSuffix(r.Mutability, "_WITH_EXCLUSION")
	switch {
	case excepts && len(exclusions) == 0:
		return parameter(exclusionsMember, "must be given when imageTagMutability is "+r.Mutability)
	case !excepts && len(exclusions) > 0:
		return parameter(exclusionsMember, "must not be given when imageTagMutability is "+r.Mutability)
	}
	for _, f := range exclusions {
		if *f.FilterType != wildcard || strings.Count(*f.Filter, "*") > mostWildcards {
			return parameter(exclusionsMember, "must have filters of type WILDCARD with at most 2 wildcards")
		}
		r.Exclusions = append(r.Exclusions, *f.Filter)
	}
	return nil
}

// fixed tells whether a tag must stay with its image.
func (r *repository) fixed(tag string) bool {
	excepted := false
	for _, pattern := range r.Exclusions {
		excepted = excepted || fits(pattern, tag)
	}
	switch r.Mutability {
	case immutable:
		return true
	case immutableExcept:
		return !excepted
	case mutableExcept:
		return excepted
	}
	return false
}

func filters(patterns []string) (out []shape.ImageTagMutabilityExclusionFilter) {
	for i := range patterns {
		out = append(out, shape.ImageTagMutabilityExclusionFilter{FilterType: new(wildcard), Filter: &patterns[i]})
	}
	return out
}

// fits matches a text with a pattern in which * is any run of characters.
func fits(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[last])
}
