package wire

import (
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"cloister/internal/value/model"
)

// xml is an XML text in the making.
type xml struct {
	b     []byte
	names []string
}

func newXML() *xml {
	return &xml{b: append(make([]byte, 0, 1024), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"...)}
}

func (w *xml) open(name, namespace string) {
	w.b = append(append(w.b, '<'), name...)
	if namespace != "" {
		w.attribute("xmlns", namespace)
	}
	w.b = append(w.b, '>')
	w.names = append(w.names, name)
}

func (w *xml) attribute(name, value string) {
	w.b = append(append(append(w.b, ' '), name...), '=', '"')
	w.b = append(appendXMLText(w.b, value), '"')
}

func (w *xml) shut() {
	last := len(w.names) - 1
	w.b = append(append(append(w.b, '<', '/'), w.names[last]...), '>')
	w.names = w.names[:last]
}

func (w *xml) element(name, text string) {
	w.open(name, "")
	w.b = appendXMLText(w.b, text)
	w.shut()
}

// appendXMLText escapes text; what XML 1.0 cannot hold becomes U+FFFD.
func appendXMLText(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '&':
			b = append(b, "&amp;"...)
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c == '"':
			b = append(b, "&quot;"...)
		case c == '\r':
			b = append(b, "&#13;"...)
		case c < ' ' && c != '\n' && c != '\t':
			b = append(b, "\uFFFD"...)
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == 0xFFFE || r == 0xFFFF {
				r = utf8.RuneError
			}
			b = utf8.AppendRune(b, r)
			i += n
			continue
		default:
			b = append(b, c)
		}
		i++
	}
	return b
}

// xmlWriter writes values as elements, in the manner all XML protocols share.
type xmlWriter struct {
	xml    *xml
	format string // of timestamps
	// emptyLists writes lists of the top level even when nil, because clients index them without looking.
	emptyLists bool
	depth      int
}

// members writes every member of a structure that has its place in the body.
func (w *xmlWriter) members(p *plan, v reflect.Value) {
	w.depth++
	defer func() { w.depth-- }()
	for i := range p.fields {
		f := &p.fields[i]
		if f.Location != "" || f.stream || f.Attribute {
			continue
		}
		fv, ok := present(v.Field(f.index))
		flat := f.Flattened || f.plan.shape.Flattened
		switch {
		case ok && f.Text:
			w.xml.b = appendXMLText(w.xml.b, string(appendText(nil, f.plan, fv, w.format)))
		case ok:
			w.value(f.Member, f.Wire, f.plan, fv)
		case w.emptyLists && w.depth == 1 && f.plan.shape.Type == "list" && !flat:
			w.xml.open(f.Wire, "")
			w.xml.shut()
		}
	}
}

// value writes one value under a name, or several when the list is flattened.
func (w *xmlWriter) value(m *model.Member, name string, p *plan, v reflect.Value) {
	flat := m.Flattened || p.shape.Flattened
	switch p.shape.Type {
	case "list":
		if flat {
			if n := p.shape.Element.Wire; n != "" {
				name = n
			}
			w.elements(name, p, v)
			return
		}
		w.xml.open(name, m.XMLNS)
		w.elements(orName(p.shape.Element.Wire, "member"), p, v)
		w.xml.shut()
	case "map":
		if flat {
			w.entries(name, p, v)
			return
		}
		w.xml.open(name, m.XMLNS)
		w.entries("entry", p, v)
		w.xml.shut()
	case "structure":
		w.start(name, m.XMLNS, p, v)
		w.members(p, v)
		w.xml.shut()
	default:
		format := w.format
		if m.Format != "" {
			format = m.Format
		}
		w.xml.open(name, m.XMLNS)
		w.xml.b = appendXMLText(w.xml.b, string(appendText(nil, p, v, format)))
		w.xml.shut()
	}
}

// start opens a structure's element with the attributes it has.
func (w *xmlWriter) start(name, namespace string, p *plan, v reflect.Value) {
	w.xml.open(name, namespace)
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := present(v.Field(f.index))
		if !f.Attribute || !ok {
			continue
		}
		w.xml.b = w.xml.b[:len(w.xml.b)-1]
		if prefix, _, ok := strings.Cut(f.Wire, ":"); ok && p.shape.XMLNS != "" {
			w.xml.attribute("xmlns:"+prefix, p.shape.XMLNS)
		}
		w.xml.attribute(f.Wire, string(appendText(nil, f.plan, fv, w.format)))
		w.xml.b = append(w.xml.b, '>')
	}
}

func (w *xmlWriter) elements(name string, p *plan, v reflect.Value) {
	for i := range v.Len() {
		w.value(p.shape.Element, name, p.elem, v.Index(i))
	}
}

func (w *xmlWriter) entries(name string, p *plan, v reflect.Value) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	for _, k := range keys {
		w.xml.open(name, "")
		w.xml.element(orName(p.shape.Key.Wire, "key"), k.String())
		w.value(p.shape.Value, orName(p.shape.Value.Wire, "value"), p.elem, v.MapIndex(k))
		w.xml.shut()
	}
}
