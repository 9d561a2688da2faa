package batch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Path is a JSONPath of the subset that batch transform has: $, .name, .*, [*], ['a','b'], [1,-3], [a:b] and [0,5:].
// A bracket may have a dot before it.
type Path struct {
	steps []step
}

// step chooses among the values of an object or array.
type step struct {
	all    bool
	names  []string
	places []place
}

// place is an index of an array, or a slice of it.
type place struct {
	index    int
	slice    bool
	from, to *int
}

// ParsePath reads a path. The empty one is $.
func ParsePath(s string) (*Path, error) {
	p := &Path{}
	if s == "" {
		return p, nil
	}
	rest, ok := strings.CutPrefix(s, "$")
	if !ok {
		return nil, errors.New("a JSONPath begins with $")
	}
	for rest != "" {
		var st step
		var err error
		switch rest[0] {
		case '.':
			if rest = rest[1:]; strings.HasPrefix(rest, "[") {
				continue
			}
			st, rest, err = readName(rest)
		case '[':
			st, rest, err = readBrackets(rest[1:])
		default:
			err = fmt.Errorf("%q is neither .name nor [...]", rest)
		}
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, st)
	}
	return p, nil
}

// Whole says whether the path is $, all there is.
func (p *Path) Whole() bool { return len(p.steps) == 0 }

func readName(s string) (step, string, error) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	switch name := s[:end]; {
	case name == "*":
		return step{all: true}, s[end:], nil
	case name == "" || strings.ContainsAny(name, `'"()?@ ]`):
		return step{}, "", fmt.Errorf("%q is no name (recursive descent, filters and functions are not supported)", name)
	default:
		return step{names: []string{name}}, s[end:], nil
	}
}

func readBrackets(s string) (step, string, error) {
	var st step
	for {
		s = strings.TrimLeft(s, " ")
		var err error
		switch {
		case s == "":
			return st, "", errors.New("a bracket is not closed")
		case s[0] == '*':
			st.all, s = true, s[1:]
		case s[0] == '\'' || s[0] == '"':
			s, err = st.readQuoted(s)
		default:
			s, err = st.readPlace(s)
		}
		if err != nil {
			return st, "", err
		}
		s = strings.TrimLeft(s, " ")
		rest, more := strings.CutPrefix(s, ",")
		if more {
			s = rest
			continue
		}
		rest, closed := strings.CutPrefix(s, "]")
		switch {
		case !closed:
			return st, "", fmt.Errorf("%q does not go on in a bracket", s)
		case kinds(st.all, len(st.names) > 0, len(st.places) > 0) != 1:
			return st, "", errors.New("a bracket has names, or indexes and slices, or *")
		}
		return st, rest, nil
	}
}

func kinds(all ...bool) (n int) {
	for _, b := range all {
		if b {
			n++
		}
	}
	return n
}

func (st *step) readQuoted(s string) (rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			st.names = append(st.names, b.String())
			return s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", errors.New("a name is not closed by its quote")
}

// readPlace reads a number, or a slice.
func (st *step) readPlace(s string) (rest string, err error) {
	end := strings.IndexAny(s, ",]")
	if end < 0 {
		return "", errors.New("a bracket is not closed")
	}
	token := strings.TrimSpace(s[:end])
	from, to, slice := strings.Cut(token, ":")
	at := place{slice: slice}
	if !slice {
		if at.index, err = strconv.Atoi(token); err != nil {
			return "", fmt.Errorf("%q is no index", token)
		}
		st.places = append(st.places, at)
		return s[end:], nil
	}
	for _, bound := range []struct {
		text string
		to   **int
	}{{from, &at.from}, {to, &at.to}} {
		if t := strings.TrimSpace(bound.text); t != "" {
			i, err := strconv.Atoi(t)
			if err != nil {
				return "", fmt.Errorf("%q is no index", t)
			}
			*bound.to = &i
		}
	}
	st.places = append(st.places, at)
	return s[end:], nil
}

// one says whether a step leads to at most one value.
func (st *step) one() bool {
	return !st.all && len(st.names)+len(st.places) == 1 && (len(st.places) == 0 || !st.places[0].slice)
}

var errNothing = errors.New("the JSONPath leads to nothing in it")

// find gives what the path leads to. A path that ends with several names gives an object of those members that there
// are; another that may lead to several values an array of those there are; one that leads to one value must find it.
func (p *Path) find(n *node) (*node, error) {
	now, several := []*node{n}, false
	for i := range p.steps {
		st := &p.steps[i]
		choose := st.choose
		if i == len(p.steps)-1 && len(st.names) > 1 {
			choose = st.members
		} else {
			several = several || !st.one()
		}
		var next []*node
		for _, v := range now {
			found, err := choose(v)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		now = next
	}
	switch {
	case several:
		return &node{kind: '[', entries: now}, nil
	case len(now) == 0:
		return nil, errNothing
	}
	return now[0], nil
}

// members is an object of the members that have the step's names, in the step's order.
func (st *step) members(v *node) ([]*node, error) {
	out := &node{kind: '{'}
	for _, name := range st.names {
		if m := v.member(name); m != nil {
			out = out.with(name, m)
		}
	}
	if len(out.names) == 0 {
		return nil, nil
	}
	return []*node{out}, nil
}

// choose gives the values that the step leads to. Of several indexes each must be there.
func (st *step) choose(v *node) (out []*node, err error) {
	switch {
	case st.all:
		return v.entries, nil
	case len(st.names) > 0:
		for _, name := range st.names {
			if m := v.member(name); m != nil {
				out = append(out, m)
			}
		}
		return out, nil
	case v.kind != '[':
		return nil, nil
	}
	for _, at := range st.places {
		from, to := bound(at.from, 0, len(v.entries)), bound(at.to, len(v.entries), len(v.entries))
		if !at.slice {
			if from = at.index; from < 0 {
				from += len(v.entries)
			}
			if to = from + 1; from < 0 || from >= len(v.entries) {
				if len(st.places) > 1 {
					return nil, errNothing
				}
				continue
			}
		}
		if from < to {
			out = append(out, v.entries[from:to]...)
		}
	}
	return out, nil
}

// bound is an end of a slice within an array.
func bound(i *int, absent, size int) int {
	if i == nil {
		return absent
	}
	if *i < 0 {
		return max(*i+size, 0)
	}
	return min(*i, size)
}
