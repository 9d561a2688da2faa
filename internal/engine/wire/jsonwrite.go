package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"
)

// appendJSON writes a value. Lists and maps that the model requires are written even when nil,
// because clients index them without looking.
func appendJSON(b []byte, p *plan, v reflect.Value, format string) []byte {
	switch p.shape.Type {
	case "structure":
		return appendJSONStructure(b, p, v, nil)
	case "list":
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, p.elem, v.Index(i), p.shape.Element.Format)
		}
		return append(b, ']')
	case "map":
		return appendJSONMap(b, p, v)
	case "string":
		return appendJSONString(b, v.String())
	case "blob":
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"')
	case "float", "double":
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			b = append(b, '"')
			return append(appendText(b, p, v, ""), '"')
		}
	case "timestamp":
		if format == "" {
			format = p.shape.Format
		}
		if format != "" && format != unixTime {
			b = append(b, '"')
			return append(appendTime(b, v.Interface().(time.Time), format), '"')
		}
		return appendTime(b, v.Interface().(time.Time), unixTime)
	}
	return appendText(b, p, v, "")
}

// appendJSONStructure writes the members that have no place outside the body, but for those of skip.
func appendJSONStructure(b []byte, p *plan, v reflect.Value, skip func(*field) bool) []byte {
	b = append(b, '{')
	first := true
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := present(v.Field(f.index))
		if f.stream || skip != nil && skip(f) || !ok && !(f.required && (fv.Kind() == reflect.Slice || fv.Kind() == reflect.Map)) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, f.quoted...)
		b = appendJSON(b, f.plan, fv, f.Format)
	}
	return append(b, '}')
}

func appendJSONMap(b []byte, p *plan, v reflect.Value) []byte {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int {
		switch {
		case x.String() < y.String():
			return -1
		case x.String() > y.String():
			return 1
		}
		return 0
	})
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, k.String()), ':')
		b = appendJSON(b, p.elem, v.MapIndex(k), "")
	}
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

// appendJSONString quotes s; what is not UTF-8 becomes U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}
