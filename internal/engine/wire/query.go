package wire

import (
	"reflect"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// formReader reads members from parameters, in the manner of the query protocol or of ec2's.
type formReader struct {
	ec2  bool
	path path
	// size counts the elements made, which lists of lists could otherwise multiply.
	size int
}

// decodeForm reads the input of a query or ec2 operation.
func decodeForm(op *model.Operation, r *Request, p *plan, v reflect.Value) error {
	body := ""
	if r.Method != "GET" {
		body = string(r.Bytes)
	}
	root, err := parseForm(r.RawQuery, body)
	if err != nil {
		return err
	}
	d := &formReader{ec2: op.Service.Protocol == "ec2"}
	if p != nil {
		if err := d.structure(p, v, root); err != nil {
			return err
		}
	}
	if d.ec2 {
		return unknownParameters(root)
	}
	return nil
}

func (d *formReader) structure(p *plan, v reflect.Value, in *form) error {
	for i := range p.fields {
		f := &p.fields[i]
		name := f.Wire
		if d.ec2 {
			name = f.query
		}
		sub := in.kid(name)
		if sub == nil {
			continue
		}
		d.path = append(d.path, step{name: f.lower})
		if err := d.value(f.Member, f.plan, v.Field(f.index), sub); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
	}
	return nil
}

// value reads one member or element; v may be an optional one, made only when there is a value.
func (d *formReader) value(m *model.Member, p *plan, v reflect.Value, in *form) error {
	switch p.shape.Type {
	case "structure":
		in.used = true // Name= without members is an empty structure
		return d.structure(p, slot(v), in)
	case "list":
		return d.list(m, p, v, in)
	case "map":
		return d.entries(m, p, v, in)
	}
	if in.value == nil {
		return nil
	}
	in.used = true
	if err := parseText(p, slot(v), *in.value); err != nil {
		return d.unfit(p, *in.value)
	}
	return nil
}

func (d *formReader) list(m *model.Member, p *plan, v reflect.Value, in *form) error {
	in.used = true // Name= is an empty list
	if v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, 4))
	}
	holder := in
	if !d.ec2 && !m.Flattened && !p.shape.Flattened {
		name := p.shape.Element.Wire
		if name == "" {
			name = "member"
		}
		if holder = in.kid(name); holder == nil {
			return nil
		}
	}
	for i, kid := range holder.numbered() {
		if d.size++; d.size > parameterLimit {
			return malformedInput.New("The request has too many elements.")
		}
		e := reflect.New(p.elem.typ).Elem()
		d.path = append(d.path, step{index: i + 1})
		if err := d.value(p.shape.Element, p.elem, e, kid); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
		v.Set(reflect.Append(v, e))
	}
	return nil
}

func (d *formReader) entries(m *model.Member, p *plan, v reflect.Value, in *form) error {
	v.Set(reflect.MakeMap(v.Type()))
	holder := in
	if !m.Flattened && !p.shape.Flattened {
		if holder = in.kid("entry"); holder == nil {
			return nil
		}
	}
	for _, kid := range holder.numbered() {
		k := kid.kid(orName(p.shape.Key.Wire, "key"))
		e := kid.kid(orName(p.shape.Value.Wire, "value"))
		if k == nil || k.value == nil || e == nil {
			continue
		}
		value := reflect.New(p.elem.typ).Elem()
		if err := d.value(p.shape.Value, p.elem, value, e); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(*k.value).Convert(p.typ.Key()), value)
	}
	return nil
}

func orName(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

// unfit answers a text that is not of the member's type.
func (d *formReader) unfit(p *plan, text string) *fault.Fault {
	if d.ec2 {
		return invalidValue.New("Value (%s) for parameter %s is invalid. Expecting a value of type %s.", clip(text), d.path[0].name, p.shape.Type)
	}
	return malformedInput.New("%s is not a valid %s at '%s'.", clip(text), p.shape.Type, d.path)
}

// encodeQuery dresses an answer: XResponse, XResult, ResponseMetadata.
func encodeQuery(op *model.Operation, p *plan, v reflect.Value, requestID string) []byte {
	w := newXML()
	w.open(op.Name+"Response", op.Service.XMLNamespace)
	if op.Output != nil {
		w.open(op.Result, "")
		if p != nil {
			x := xmlWriter{xml: w, format: isoSeconds, emptyLists: true}
			x.members(p, v)
		}
		w.shut()
	}
	w.open("ResponseMetadata", "")
	w.element("RequestId", requestID)
	w.shut()
	w.shut()
	return w.b
}
