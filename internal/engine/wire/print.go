package wire

import (
	"reflect"
	"slices"
	"strings"
)

// printLimit bounds how much of a value a sentence repeats.
const printLimit = 4096

// quote gives a value as constraint sentences repeat it: quoted, or masked when it is secret.
func quote(p *plan, v reflect.Value) string {
	if p.shape.Sensitive {
		return "'***'"
	}
	b := appendPrinted(make([]byte, 0, 64), p, v)
	if len(b) > printLimit {
		b = append([]byte(strings.ToValidUTF8(string(b[:printLimit]), "")), "..."...)
	}
	return "'" + string(b) + "'"
}

// appendPrinted writes values the way AWS's services print them: Tag(key=a, value=null), [a, b], {k=v}.
func appendPrinted(b []byte, p *plan, v reflect.Value) []byte {
	switch {
	case len(b) > printLimit:
		return b
	case p.shape.Sensitive:
		return append(b, "***"...)
	}
	switch p.shape.Type {
	case "structure":
		b = append(append(b, p.shape.Name...), '(')
		for i := range p.fields {
			f := &p.fields[i]
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(append(b, f.lower...), '=')
			if fv, ok := present(v.Field(f.index)); ok && !f.stream {
				b = appendPrinted(b, f.plan, fv)
			} else {
				b = append(b, "null"...)
			}
		}
		return append(b, ')')
	case "list":
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendPrinted(b, p.elem, v.Index(i))
		}
		return append(b, ']')
	case "map":
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
		b = append(b, '{')
		for i, k := range keys {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(append(b, k.String()...), '=')
			b = appendPrinted(b, p.elem, v.MapIndex(k))
		}
		return append(b, '}')
	case "blob":
		return append(b, "java.nio.HeapByteBuffer"...)
	}
	return appendText(b, p, v, isoSeconds)
}
