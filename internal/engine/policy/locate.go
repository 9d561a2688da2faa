package policy

import (
	"strconv"
	"strings"
)

// locate finds what a Malformed is about by reading the text again: a compiled document remembers only
// where its statements are. What is missing is where it is missing in.
func (d *Document) locate(m *Malformed) (Position, string) {
	r := newReader(d.text)
	n, _ := r.document() // it was read before
	path := m.path
	if m.statement > 0 {
		path = append([]string{"Statement"}, path...)
	}
	var names []string
	for i, name := range path {
		next := n.member(name)
		if next == nil {
			return r.position(n.start), strings.Join(names, ".")
		}
		at := m.at
		if i == 0 && m.statement > 0 {
			at = m.statement - 1
		} else if i < len(path)-1 {
			at = len(next.items) // only the last one's values are told apart
		}
		if n = *next; n.kind == arrayNode && at < len(n.items) {
			n, name = n.items[at], name+"["+strconv.Itoa(at)+"]"
		}
		names = append(names, name)
	}
	return r.position(n.start), strings.Join(names, ".")
}

// member finds the value of an object's member, nil when there is none or it is no object.
func (n *node) member(name string) *node {
	for i := range n.members {
		if n.members[i].name == name {
			return &n.members[i].value
		}
	}
	return nil
}

func (s *statement) actionElement() string    { return not(s.notAction, "Action") }
func (s *statement) resourceElement() string  { return not(s.notResource, "Resource") }
func (s *statement) principalElement() string { return not(s.principals.not, "Principal") }

func not(is bool, element string) string {
	if is {
		return "Not" + element
	}
	return element
}

// place is which of its group's names a principal is.
func (e *principals) place(i int) int {
	n := 0
	for _, name := range e.names[:i] {
		if name.group == e.names[i].group {
			n++
		}
	}
	return n
}
