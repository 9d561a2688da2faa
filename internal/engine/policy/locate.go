package policy

// locate finds what a Malformed is about by reading the text again: a compiled document remembers only
// where its statements are.
func (d *Document) locate(m *Malformed) Position {
	r := newReader(d.text)
	n, _ := r.document() // it was read before
	if m.statement > 0 {
		list := n.member("Statement")
		n = *list
		if list.kind == arrayNode {
			n = list.items[m.statement-1]
		}
	}
	for _, name := range m.path {
		next := n.member(name)
		if next == nil {
			return r.position(n.start) // of what it is missing in
		}
		n = *next
	}
	if n.kind == arrayNode && m.at < len(n.items) {
		n = n.items[m.at]
	}
	return r.position(n.start)
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
