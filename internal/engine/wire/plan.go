package wire

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"cloister/internal/value/model"
)

// plan is how one shape lies in one Go type. It is made once and only read after.
type plan struct {
	shape  *model.Shape
	typ    reflect.Type
	fields []field        // of a structure, in model order
	byWire map[string]int // wire name to index in fields
	elem   *plan          // of a list or a map
	key    *plan          // of a map
	// checked tells whether any constraint lies at or below this shape.
	checked  bool
	patterns sync.Once
	matcher  matcher
}

type field struct {
	*model.Member
	index    int // of the Go field
	plan     *plan
	required bool
	stream   bool
	lower    string // the name as constraint sentences spell it
	query    string // the name of the ec2 protocol
	header   string // the wire name as net/http writes it
	quoted   string // the JSON key with its colon
}

var plans = struct {
	sync.RWMutex
	made map[planKey]*plan
}{made: map[planKey]*plan{}}

type planKey struct {
	shape *model.Shape
	typ   reflect.Type
}

// planOf gives the plan for a shape in a type that is not a pointer.
func planOf(s *model.Shape, t reflect.Type) (*plan, error) {
	k := planKey{s, t}
	plans.RLock()
	p := plans.made[k]
	plans.RUnlock()
	if p != nil {
		return p, nil
	}
	plans.Lock()
	defer plans.Unlock()
	b := builder{made: map[planKey]*plan{}}
	p, err := b.build(s, t)
	if err != nil {
		return nil, err
	}
	b.mark()
	for k, v := range b.made {
		plans.made[k] = v
	}
	return p, nil
}

// builder makes plans under the lock; what it made becomes visible only when all of it is whole.
type builder struct{ made map[planKey]*plan }

func (b *builder) build(s *model.Shape, t reflect.Type) (*plan, error) {
	k := planKey{s, t}
	if p := b.made[k]; p != nil {
		return p, nil
	}
	if p := plans.made[k]; p != nil {
		return p, nil
	}
	p := &plan{shape: s, typ: t}
	b.made[k] = p
	if !fits(s, t) {
		return nil, fmt.Errorf("wire: shape %s (%s) does not fit %s", s.Name, s.Type, t)
	}
	var err error
	switch s.Type {
	case "structure":
		err = b.fields(p)
	case "list":
		p.elem, err = b.build(s.Element.Shape, t.Elem())
	case "map":
		if p.elem, err = b.build(s.Value.Shape, t.Elem()); err == nil {
			p.key, err = b.build(s.Key.Shape, t.Key())
		}
	}
	return p, err
}

func (b *builder) fields(p *plan) error {
	p.byWire = make(map[string]int, len(p.shape.Members))
	for i, m := range p.shape.Members {
		name := strings.ToUpper(m.Name[:1]) + m.Name[1:]
		gf, ok := p.typ.FieldByName(name)
		if !ok || len(gf.Index) != 1 {
			return fmt.Errorf("wire: %s has no field %s", p.typ, name)
		}
		f := field{Member: m, index: gf.Index[0], lower: lowerFirst(m.Name), query: queryName(m), header: http.CanonicalHeaderKey(m.Wire), quoted: string(appendJSONString(nil, m.Wire)) + ":",
			stream: m.Streaming || m.Shape.Streaming || m.Shape.EventStream}
		for _, r := range p.shape.Required {
			f.required = f.required || r == m.Name
		}
		if f.stream {
			if gf.Type.Kind() != reflect.Interface {
				return fmt.Errorf("wire: %s.%s is not a stream", p.typ, name)
			}
			f.plan = &plan{shape: m.Shape, typ: gf.Type}
		} else {
			t := gf.Type
			if t.Kind() == reflect.Pointer {
				t = t.Elem()
			}
			var err error
			if f.plan, err = b.build(m.Shape, t); err != nil {
				return err
			}
		}
		p.byWire[m.Wire] = i
		p.fields = append(p.fields, f)
	}
	return nil
}

// mark finds which plans have constraints below them, until nothing changes: shapes may be recursive.
func (b *builder) mark() {
	for changed := true; changed; {
		changed = false
		for _, p := range b.made {
			if !p.checked && p.constrained() {
				p.checked, changed = true, true
			}
		}
	}
}

func (p *plan) constrained() bool {
	s := p.shape
	if s.Min != nil || s.Max != nil || s.Pattern != "" || len(s.Enum) > 0 || len(s.Required) > 0 || s.Union {
		return true
	}
	for _, f := range p.fields {
		if f.plan.checked {
			return true
		}
	}
	return p.elem != nil && p.elem.checked || p.key != nil && p.key.checked
}

var (
	typeOfTime  = reflect.TypeFor[time.Time]()
	typeOfBytes = reflect.TypeFor[[]byte]()
	streamTypes = []reflect.Type{reflect.TypeFor[io.Reader](), reflect.TypeFor[io.ReadCloser]()}
	kindOf      = map[string]reflect.Kind{"structure": reflect.Struct, "list": reflect.Slice, "map": reflect.Map, "string": reflect.String,
		"integer": reflect.Int32, "long": reflect.Int64, "float": reflect.Float32, "double": reflect.Float64, "boolean": reflect.Bool}
)

func fits(s *model.Shape, t reflect.Type) bool {
	switch s.Type {
	case "timestamp":
		return t == typeOfTime
	case "blob":
		return t == typeOfBytes
	}
	return t.Kind() == kindOf[s.Type]
}

// Fits tells whether a Go type is one that shape can be decoded into and encoded from.
func Fits(s *model.Shape, t reflect.Type) error {
	_, err := planOf(s, t)
	return err
}

func lowerFirst(s string) string {
	// AWS spells VpcId vpcId and ARN arn.
	if n := strings.IndexFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' }); n < 0 {
		return strings.ToLower(s)
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func queryName(m *model.Member) string {
	switch {
	case m.QueryName != "":
		return m.QueryName
	case m.Wire != "":
		return strings.ToUpper(m.Wire[:1]) + m.Wire[1:]
	}
	return ""
}

// slot gives the settable value behind an optional member, made when it is not there yet.
func slot(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

// present gives the value of a member and whether it is there.
func present(v reflect.Value) (reflect.Value, bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		return v.Elem(), true
	case reflect.Slice, reflect.Map:
		return v, !v.IsNil()
	}
	return v, true
}
