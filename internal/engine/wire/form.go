package wire

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cloister/internal/value/fault"
)

// form is a set of parameters as a tree: Filter.1.Name is three steps down.
type form struct {
	kids  map[string]*form
	value *string
	used  bool
}

func (f *form) kid(name string) *form {
	if f == nil {
		return nil
	}
	return f.kids[name]
}

// parameterLimit bounds the parameters of one request.
const parameterLimit = 20000

// parseForm reads query strings and form bodies; a later value of the same name wins.
func parseForm(texts ...string) (*form, error) {
	root := new(form)
	n := 0
	for _, text := range texts {
		for text != "" {
			var pair string
			pair, text, _ = strings.Cut(text, "&")
			if pair == "" {
				continue
			}
			if n++; n > parameterLimit {
				return nil, malformedQuery.New("The request has too many parameters.")
			}
			k, v, _ := strings.Cut(pair, "=")
			if err := root.add(k, v); err != nil {
				return nil, err
			}
		}
	}
	return root, nil
}

func (f *form) add(k, v string) error {
	name, err := unescape(k)
	if err != nil {
		return err
	}
	value, err := unescape(v)
	if err != nil {
		return err
	}
	for depth := 0; ; depth++ {
		if depth > depthLimit {
			return malformedInput.New("The parameter %s nests too deep.", clip(name))
		}
		first, rest, more := strings.Cut(name, ".")
		if f.kids == nil {
			f.kids = map[string]*form{}
		}
		next := f.kids[first]
		if next == nil {
			next = new(form)
			f.kids[first] = next
		}
		if f = next; !more {
			f.value = &value
			return nil
		}
		name = rest
	}
}

func unescape(s string) (string, *fault.Fault) {
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	out, err := url.QueryUnescape(s)
	if err != nil {
		return "", malformedQuery.New("Illegal hex characters in escape (%%) pattern")
	}
	return out, nil
}

func clip(s string) string {
	if len(s) > 256 {
		return s[:256]
	}
	return s
}

// numbered gives the kids whose names are numbers, in order.
func (f *form) numbered() []*form {
	type entry struct {
		n int
		f *form
	}
	var all []entry
	for k, v := range f.kids {
		if n, err := strconv.Atoi(k); err == nil && n >= 0 && k[0] != '+' {
			all = append(all, entry{n, v})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return a.n - b.n })
	out := make([]*form, len(all))
	for i, e := range all {
		out[i] = e.f
	}
	return out
}

// unused gives the name of the first parameter, in order of names, that no member took.
func (f *form) unused(prefix string) string {
	if f.value != nil && !f.used {
		return prefix
	}
	names := make([]string, 0, len(f.kids))
	for k := range f.kids {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		full := k
		if prefix != "" {
			full = prefix + "." + k
		}
		if u := f.kids[k].unused(full); u != "" {
			return u
		}
	}
	return ""
}
