package ec2

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// query is the part that all Describe operations share.
type query struct {
	ids     []string
	filters []shape.Filter
	max     *int32
	token   *string
}

// fields are the filters of a Describe operation: what each compares its values with.
type fields[T any] map[string]func(T) []string

// found is one page.
type found[T any] struct {
	items []T
	next  *string
}

// find gives a page of an account's records; an id that is not there is a fault.
func find[T any, P interface {
	*T
	common() *head
}](tx *store.Tx, k kind[T, P], account string, q query, f fields[P]) (found[P], error) {
	all, err := k.named(tx, account, q.ids)
	if err != nil {
		return found[P]{}, err
	}
	id := func(v P) string { return v.common().ID }
	return sift(all, id, func(v P) map[string]string { return v.common().Tags }, q, f)
}

// named gives the records with the ids, or all of the account's for none.
func (k kind[T, P]) named(tx *store.Tx, account string, ids []string) ([]P, error) {
	if len(ids) == 0 {
		return k.all(tx, account)
	}
	out := make([]P, 0, len(ids))
	for _, id := range distinct(ids) {
		v, err := k.get(tx, account, id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (k kind[T, P]) chosen(all []P, ids []string) ([]P, error) {
	out := make([]P, 0, len(ids))
	for _, id := range distinct(ids) {
		if err := k.valid(id); err != nil {
			return nil, err
		}
		at := slices.IndexFunc(all, func(v P) bool { return v.common().ID == id })
		if at < 0 {
			return nil, k.missing(id)
		}
		out = append(out, all[at])
	}
	return out, nil
}

// sift gives the page of items that pass the filters, ordered by id. tags may be nil.
func sift[T any](items []T, id func(T) string, tags func(T) map[string]string, q query, f fields[T]) (found[T], error) {
	after, err := fromToken(q.token)
	if err != nil {
		return found[T]{}, err
	}
	limit := len(items)
	if q.max != nil {
		if *q.max < 1 {
			return found[T]{}, invalidValue.New("Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than 0.", *q.max)
		}
		limit = min(int(*q.max), 1000)
	}
	pass, err := passes(q.filters, tags, f)
	if err != nil {
		return found[T]{}, err
	}
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	out := found[T]{items: []T{}}
	for _, v := range items {
		if id(v) <= after && q.token != nil || !pass(v) {
			continue
		}
		if len(out.items) == limit {
			out.next = toToken(id(out.items[limit-1]))
			break
		}
		out.items = append(out.items, v)
	}
	return out, nil
}

// passes makes one test of all filters; a filter it does not know is a fault, not a no.
func passes[T any](filters []shape.Filter, tags func(T) map[string]string, f fields[T]) (func(T) bool, error) {
	type test struct {
		of     func(T) []string
		values []string
	}
	var tests []test
	for _, filter := range filters {
		name := str(filter.Name)
		of := f[name]
		if of == nil && tags != nil {
			of = tagFilter(name, tags)
		}
		if of == nil || len(filter.Values) == 0 {
			return nil, invalidValue.New("The filter '%s' is invalid", name)
		}
		tests = append(tests, test{of, filter.Values})
	}
	return func(v T) bool {
		for _, t := range tests {
			if !slices.ContainsFunc(t.of(v), func(have string) bool {
				return slices.ContainsFunc(t.values, func(pattern string) bool { return glob(pattern, have) })
			}) {
				return false
			}
		}
		return true
	}, nil
}

func tagFilter[T any](name string, tags func(T) map[string]string) func(T) []string {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		return func(v T) []string {
			if value, ok := tags(v)[key]; ok {
				return []string{value}
			}
			return nil
		}
	}
	if name == "tag-key" {
		return func(v T) (out []string) {
			for k := range tags(v) {
				out = append(out, k)
			}
			return out
		}
	}
	return nil
}

// glob matches with * and ?; a backslash makes the next character plain. It never looks at a
// character of s more than once for each star.
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, i
			p++
			continue
		}
		if p < len(pattern) {
			at := p
			if pattern[p] == '\\' && p+1 < len(pattern) {
				at = p + 1
			}
			if pattern[at] == s[i] || at == p && pattern[p] == '?' {
				p, i = at+1, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, i = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// tokenMark begins every token, so that what is none is told from one.
const tokenMark = "after "

func toToken(id string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte(tokenMark + id)))
}

func fromToken(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	id, ok := strings.CutPrefix(string(b), tokenMark)
	if err != nil || !ok || id == "" {
		return "", invalidNextToken.New("The token '%s' is invalid", *token)
	}
	return id, nil
}

// never is a field of what nothing here has.
func never[T any](T) []string { return nil }

// one is a field with a single value.
func one[T any](of func(T) string) func(T) []string {
	return func(v T) []string { return []string{of(v)} }
}
