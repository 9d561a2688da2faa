package policy

import (
	"encoding/json"
	"strings"
)

// Renamed is the document's text with the users and roles that it names called otherwise: now gives the
// new name of an ARN, or the same. Nothing else of the text changes.
func (d *Document) Renamed(now func(arn string) string) string {
	r := newReader(d.text)
	root, _ := r.document() // it was read before
	list := root.member("Statement")
	items := list.items
	if list.kind == objectNode {
		items = []node{*list}
	}
	var b strings.Builder
	from := 0
	for i := range items {
		for _, n := range items[i].named() {
			if name := now(n.text); name != n.text {
				quoted, _ := json.Marshal(name) // a string
				b.WriteString(d.text[from:n.start])
				b.Write(quoted)
				from = n.end
			}
		}
	}
	return b.String() + d.text[from:]
}

// named are the names of AWS's users and roles in a statement, in the order of the text.
func (n *node) named() (out []node) {
	for i := range n.members {
		if m := &n.members[i]; m.name == "Principal" || m.name == "NotPrincipal" {
			if who := m.value.member("AWS"); who != nil && who.kind == stringNode {
				out = append(out, *who)
			} else if who != nil {
				out = append(out, who.items...)
			}
		}
	}
	return out
}
