package policy

import "unicode"

// The two versions of the language. Only the later one has policy variables.
const (
	Version2012 = "2012-10-17"
	Version2008 = "2008-10-17"
)

// Document is one policy, compiled. It is immutable and safe for concurrent use.
type Document struct {
	text       string
	version    string // as written; empty when it is absent, which means 2008-10-17
	statements []statement
	index      *index
	allows     []uint64 // a bit for each statement with Effect Allow
}

// statement is one statement, compiled.
type statement struct {
	sid         string
	allow       bool
	hasSid      bool
	principals  *principals // nil without Principal and NotPrincipal
	actions     []action
	notAction   bool
	hasAction   bool
	anyAction   bool
	resources   []resource
	notResource bool
	hasResource bool
	conditions  []condition
	number      int // from 1
	// plain says that nothing but action and resource decide: no condition, and no variable in a resource.
	plain        bool
	start, limit Position
}

// String gives the text the document was parsed from.
func (d *Document) String() string { return d.text }

// Version is the version written in the document, empty when there is none.
func (d *Document) Version() string { return d.version }

// Size is the number of characters that count against IAM's quotas: white space does not.
func (d *Document) Size() int {
	n := 0
	for _, r := range d.text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// ContextKeys lists the condition keys that conditions and policy variables use, as first written.
func (d *Document) ContextKeys() []string {
	return d.keys(func(*statement) bool { return true })
}

// ContextKeysFor is ContextKeys of the statements that are about an action.
func (d *Document) ContextKeysFor(action string) []string {
	name := nameAction(action)
	return d.keys(func(s *statement) bool { return s.namesAction(name.text) != s.notAction })
}

func (d *Document) keys(of func(*statement) bool) []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[fold(name)] {
			seen[fold(name)] = true
			names = append(names, name)
		}
	}
	for i := range d.statements {
		if s := &d.statements[i]; of(s) {
			s.keys(add)
		}
	}
	return names
}

func (s *statement) keys(add func(string)) {
	for j := range s.resources {
		eachVariable(&s.resources[j].arnPattern, add)
	}
	for j := range s.conditions {
		add(s.conditions[j].key.text)
		for k := range s.conditions[j].operands {
			addVariables(s.conditions[j].operands[k].pieces, add)
		}
	}
}

func eachVariable(a *arnPattern, add func(string)) {
	g := &a.parts[segments-1]
	addVariables(g.first, add)
	for _, run := range g.middle {
		addVariables(run, add)
	}
	addVariables(g.last, add)
}

func addVariables(pieces []piece, add func(string)) {
	for i := range pieces {
		if pieces[i].kind == variable {
			add(pieces[i].key.text)
		}
	}
}

// PrincipalName is one name in a Principal or NotPrincipal element.
type PrincipalName struct {
	Group string // AWS, Service, Federated or CanonicalUser; AWS for a bare "*"
	Text  string
}

// Principals lists the names in the document's Principal and NotPrincipal elements, so that a service
// can refuse those that do not exist.
func (d *Document) Principals() []PrincipalName {
	var names []PrincipalName
	for i := range d.statements {
		if e := d.statements[i].principals; e != nil {
			for _, n := range e.names {
				names = append(names, PrincipalName{n.group, n.written})
			}
		}
	}
	return names
}

// RootsOnly gives a copy of the document in which an account that is named means its root user alone, as in the
// policy of a gateway endpoint.
func (d *Document) RootsOnly() *Document {
	return d.named(func(n *principalName) { n.rootOnly = n.kind == accountPrincipal })
}

// Bind gives a copy of the document in which ARNs of users and roles mean the entities that have
// the given unique ids: an entity made later under the same name is not meant.
func (d *Document) Bind(id func(arn string) (string, bool)) *Document {
	return d.named(func(n *principalName) {
		if n.kind == arnPrincipal {
			n.id, _ = id(n.text)
		}
	})
}

// named gives a copy of the document with a change to every name of a principal.
func (d *Document) named(change func(*principalName)) *Document {
	bound := *d
	bound.statements = append([]statement(nil), d.statements...)
	for i := range bound.statements {
		s := &bound.statements[i]
		if s.principals == nil {
			continue
		}
		e := principals{not: s.principals.not, names: append([]principalName(nil), s.principals.names...)}
		for j := range e.names {
			change(&e.names[j])
		}
		s.principals = &e
	}
	return &bound
}
