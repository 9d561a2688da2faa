package wire

import (
	"bytes"
	stdxml "encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"

	"cloister/internal/value/model"
)

// node is an XML element, without regard to namespaces: clients use several.
type node struct {
	name  string
	attrs []stdxml.Attr
	kids  []*node
	text  []byte
}

// parseXML reads a document into its root element; nil when there is none.
func parseXML(b []byte) (*node, error) {
	d := stdxml.NewDecoder(bytes.NewReader(b))
	var root *node
	var open []*node
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && len(open) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, badXML()
		}
		switch t := t.(type) {
		case stdxml.StartElement:
			n := &node{name: t.Name.Local, attrs: t.Attr}
			switch {
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.kids = append(parent.kids, n)
			case root != nil:
				return nil, badXML()
			default:
				root = n
			}
			if open = append(open, n); len(open) > depthLimit {
				return nil, badXML()
			}
		case stdxml.EndElement:
			open = open[:len(open)-1]
		case stdxml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text = append(open[len(open)-1].text, t...)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, badXML()
			}
		case stdxml.Directive:
			return nil, badXML() // no document types
		}
	}
}

// fillXML reads an element into a structure.
func fillXML(n *node, p *plan, v reflect.Value) error {
	for i := range p.fields {
		f := &p.fields[i]
		if f.Attribute {
			if err := fillAttribute(n, f, v); err != nil {
				return err
			}
		}
	}
	for _, kid := range n.kids {
		f := p.element(kid.name)
		if f == nil {
			continue
		}
		if err := fillElement(kid, f.Member, f.plan, v.Field(f.index)); err != nil {
			return err
		}
	}
	return nil
}

// element finds the member that an element of this name belongs to.
func (p *plan) element(name string) *field {
	if i, ok := p.byWire[name]; ok && p.fields[i].Location == "" && !p.fields[i].Attribute {
		return &p.fields[i]
	}
	for i := range p.fields {
		f := &p.fields[i]
		flat := f.Location == "" && f.plan.shape.Type == "list" && (f.Flattened || f.plan.shape.Flattened)
		if flat && f.plan.shape.Element.Wire == name {
			return f
		}
	}
	return nil
}

func fillAttribute(n *node, f *field, v reflect.Value) error {
	_, local, _ := strings.Cut(f.Wire, ":")
	for _, a := range n.attrs {
		if a.Name.Local == f.Wire || a.Name.Local == local && a.Name.Space != "" {
			if parseText(f.plan, slot(v.Field(f.index)), a.Value) != nil {
				return badXML()
			}
		}
	}
	return nil
}

func fillElement(n *node, m *model.Member, p *plan, v reflect.Value) error {
	switch p.shape.Type {
	case "structure":
		return fillXML(n, p, slot(v))
	case "list":
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 2))
		}
		if m.Flattened || p.shape.Flattened {
			return appendElement(n, p, v)
		}
		name := orName(p.shape.Element.Wire, "member")
		for _, kid := range n.kids {
			if kid.name != name {
				continue
			}
			if err := appendElement(kid, p, v); err != nil {
				return err
			}
		}
		return nil
	case "map":
		return fillEntries(n, m, p, v)
	}
	if len(n.kids) > 0 || parseText(p, slot(v), string(n.text)) != nil {
		return badXML()
	}
	return nil
}

func appendElement(n *node, p *plan, v reflect.Value) error {
	e := reflect.New(p.elem.typ).Elem()
	if err := fillElement(n, p.shape.Element, p.elem, e); err != nil {
		return err
	}
	v.Set(reflect.Append(v, e))
	return nil
}

func fillEntries(n *node, m *model.Member, p *plan, v reflect.Value) error {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	entries := n.kids
	if m.Flattened || p.shape.Flattened {
		entries = []*node{n}
	}
	for _, entry := range entries {
		var key string
		e := reflect.New(p.elem.typ).Elem()
		for _, kid := range entry.kids {
			switch kid.name {
			case orName(p.shape.Key.Wire, "key"):
				key = string(kid.text)
			case orName(p.shape.Value.Wire, "value"):
				if err := fillElement(kid, p.shape.Value, p.elem, e); err != nil {
					return err
				}
			}
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(p.typ.Key()), e)
	}
	return nil
}
