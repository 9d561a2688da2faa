package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"

	"cloister/internal/value/fault"
)

// decodeJSON reads a body into the structure v; what it does not know it steps over.
func decodeJSON(body []byte, p *plan, v reflect.Value) ([]violation, error) {
	d := &jsonDecoder{jsonReader: jsonReader{b: body}}
	if d.next() == 0 && d.i >= len(body) {
		return nil, nil // an empty body is an empty document
	}
	if d.next() != '{' {
		if !d.skip() {
			return nil, broken()
		}
		return nil, serialization.New("Unexpected value: a structure was expected.")
	}
	if err := d.value(p, v); err != nil {
		return nil, err
	}
	if d.next(); d.i != len(body) {
		return nil, broken()
	}
	return d.nulls, nil
}

type jsonDecoder struct {
	jsonReader
	path  path
	nulls []violation // null elements of lists and maps, which no member may be
}

func (d *jsonDecoder) value(p *plan, v reflect.Value) error {
	var err error
	ok := true
	switch c := d.next(); {
	case p.shape.Type == "structure":
		ok, err = d.structure(c, p, v)
	case p.shape.Type == "list":
		ok, err = d.list(c, p, v)
	case p.shape.Type == "map":
		ok, err = d.entries(c, p, v)
	default:
		ok, err = d.scalar(c, p, v)
	}
	if err == nil && !ok {
		return broken()
	}
	return err
}

func (d *jsonDecoder) structure(c byte, p *plan, v reflect.Value) (bool, error) {
	if c != '{' {
		return d.misplaced(c, "a structure")
	}
	return d.each('{', '}', func() (bool, error) {
		k, ok := d.key()
		if !ok {
			return false, nil
		}
		i, known := p.byWire[k]
		if !known || p.fields[i].stream {
			return d.skip(), nil
		}
		f := &p.fields[i]
		fv := v.Field(f.index)
		if d.next() == 'n' {
			fv.SetZero()
			return d.word("null"), nil
		}
		d.path = append(d.path, step{name: f.lower})
		err := d.value(f.plan, slot(fv))
		d.path = d.path[:len(d.path)-1]
		return true, err
	})
}

func (d *jsonDecoder) list(c byte, p *plan, v reflect.Value) (bool, error) {
	if c != '[' {
		return d.misplaced(c, "a list")
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 4))
	return d.each('[', ']', func() (bool, error) {
		n := v.Len()
		d.path = append(d.path, step{index: n + 1})
		defer func() { d.path = d.path[:len(d.path)-1] }()
		if d.next() == 'n' {
			d.null()
			return d.word("null"), nil
		}
		if n == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		return true, d.value(p.elem, v.Index(n))
	})
}

func (d *jsonDecoder) entries(c byte, p *plan, v reflect.Value) (bool, error) {
	if c != '{' {
		return d.misplaced(c, "a map")
	}
	v.Set(reflect.MakeMap(v.Type()))
	return d.each('{', '}', func() (bool, error) {
		k, ok := d.key()
		if !ok {
			return false, nil
		}
		d.path = append(d.path, step{name: k})
		defer func() { d.path = d.path[:len(d.path)-1] }()
		if d.next() == 'n' {
			d.null()
			return d.word("null"), nil
		}
		e := reflect.New(p.elem.typ).Elem()
		err := d.value(p.elem, e)
		v.SetMapIndex(reflect.ValueOf(k).Convert(p.typ.Key()), e)
		return true, err
	})
}

func (d *jsonDecoder) null() {
	if len(d.nulls) < violationLimit {
		d.nulls = append(d.nulls, violation{value: "null", path: d.path.String(), constraint: "Member must not be null"})
	}
}

// scalar takes what AWS's front takes: strings, numbers and booleans are not turned into each other.
func (d *jsonDecoder) scalar(c byte, p *plan, v reflect.Value) (bool, error) {
	switch {
	case c == '"':
		s, ok := d.text()
		if !ok {
			return false, nil
		}
		return true, fromJSONString(p, v, s)
	case c == 't' || c == 'f':
		if !d.word("true") && !d.word("false") {
			return false, nil
		}
		if p.shape.Type != "boolean" {
			return true, unfit(map[byte]string{'t': "TRUE_VALUE", 'f': "FALSE_VALUE"}[c], p)
		}
		v.SetBool(c == 't')
		return true, nil
	case c == '-' || c >= '0' && c <= '9':
		s, ok := d.number()
		if !ok {
			return false, nil
		}
		return true, fromJSONNumber(p, v, s)
	}
	return d.misplaced(c, "")
}

// misplaced answers a value of the wrong kind, when it is a value at all.
func (d *jsonDecoder) misplaced(c byte, want string) (bool, error) {
	if !d.skip() {
		return false, nil
	}
	switch {
	case c == '{':
		return true, serialization.New("Start of structure or map found where not expected.")
	case c == '[':
		return true, serialization.New("Start of list found where not expected")
	case want == "":
		return true, broken()
	}
	return true, serialization.New("Unexpected value: %s was expected.", want)
}

func unfit(found string, p *plan) *fault.Fault {
	article, name := "a", map[string]string{"string": "String", "integer": "Integer", "long": "Long", "float": "Float", "double": "Double",
		"boolean": "Boolean", "timestamp": "Timestamp", "blob": "Blob"}[p.shape.Type]
	if p.shape.Type == "integer" {
		article = "an"
	}
	return serialization.New("%s can not be converted to %s %s", found, article, name)
}

func fromJSONString(p *plan, v reflect.Value, s string) error {
	switch p.shape.Type {
	case "string":
		v.SetString(s)
		return nil
	case "blob":
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return serialization.New("Invalid base64 in a blob.")
		}
		v.SetBytes(b)
		return nil
	case "timestamp":
		if parseText(p, v, s) == nil {
			return nil
		}
	case "float", "double":
		if s == "NaN" || s == "Infinity" || s == "-Infinity" {
			return parseText(p, v, s)
		}
	}
	return unfit("STRING_VALUE", p)
}

func fromJSONNumber(p *plan, v reflect.Value, s string) error {
	switch p.shape.Type {
	case "integer", "long":
		if parseText(p, v, s) == nil {
			return nil
		}
		f, err := strconv.ParseFloat(s, 64)
		if err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 && !v.OverflowInt(int64(f)) {
			v.SetInt(int64(f))
			return nil
		}
	case "float", "double":
		if parseText(p, v, s) == nil {
			return nil
		}
	case "timestamp":
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			if t, err := fromUnix(f); err == nil {
				v.Set(reflect.ValueOf(t))
				return nil
			}
		}
	}
	return unfit("NUMBER_VALUE", p)
}
