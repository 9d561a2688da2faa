package wire

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloister/internal/value/model"
)

// violation is one broken constraint in the words of the sentence that reports it.
type violation struct {
	field      *field // the member it is about, nil for an element
	kind       string // "required", "enum", "pattern", "max", "min", "union"
	limit      float64
	value      string // as the sentence prints it, with its quotes; "null" when there is none
	path       string
	constraint string
}

// violationLimit bounds the sentence that a hostile input can make.
const violationLimit = 32

// checker walks an input and collects what the model forbids.
type checker struct {
	path  path
	found []violation
}

func (c *checker) structure(p *plan, v reflect.Value) {
	if !p.checked {
		return
	}
	given := 0
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := present(v.Field(f.index))
		if ok {
			given++
		}
		if f.stream || !ok && !f.required {
			continue
		}
		c.path = append(c.path, step{name: f.lower})
		if ok {
			c.value(f, f.plan, fv)
		} else {
			c.add(violation{field: f, kind: "required", value: "null", constraint: "Member must not be null"})
		}
		c.path = c.path[:len(c.path)-1]
	}
	if p.shape.Union && given != 1 {
		c.add(violation{kind: "union", value: quote(p, v), constraint: "Member must have exactly one of its members set"})
	}
}

func (c *checker) value(f *field, p *plan, v reflect.Value) {
	if !p.checked || len(c.found) >= violationLimit {
		return
	}
	switch p.shape.Type {
	case "structure":
		c.structure(p, v)
		return
	case "list":
		c.elements(p, v)
	case "map":
		c.entries(p, v)
	}
	kinds, n := p.broken(v)
	for _, kind := range kinds[:n] {
		c.add(violation{field: f, kind: kind, value: quote(p, v), constraint: p.sentence(kind), limit: p.limit(kind)})
	}
}

// elements checks what a list holds. What is wrong with a scalar is said of the list, as AWS does.
func (c *checker) elements(p *plan, v reflect.Value) {
	switch p.elem.shape.Type {
	case "structure", "list", "map":
		for i := range v.Len() {
			c.path = append(c.path, step{index: i + 1})
			c.value(nil, p.elem, v.Index(i))
			c.path = c.path[:len(c.path)-1]
		}
		return
	}
	for i := range v.Len() {
		if kinds, n := p.elem.broken(v.Index(i)); n > 0 {
			c.add(violation{kind: kinds[0], value: quote(p, v), constraint: "Member must satisfy constraint: " + p.elem.sentences()})
			return
		}
	}
}

func (c *checker) entries(p *plan, v reflect.Value) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	badKey, badValue := false, false
	for _, k := range keys {
		_, n := p.key.broken(k)
		badKey = badKey || n > 0
		switch e := v.MapIndex(k); p.elem.shape.Type {
		case "structure", "list", "map":
			c.path = append(c.path, step{name: k.String() + ".member"})
			c.value(nil, p.elem, e)
			c.path = c.path[:len(c.path)-1]
		default:
			_, n := p.elem.broken(e)
			badValue = badValue || n > 0
		}
	}
	if badKey {
		c.add(violation{value: quote(p, v), constraint: "Map keys must satisfy constraint: " + p.key.sentences()})
	}
	if badValue {
		c.add(violation{value: quote(p, v), constraint: "Map value must satisfy constraint: " + p.elem.sentences()})
	}
}

func (c *checker) add(v violation) {
	if len(c.found) < violationLimit {
		v.path = c.path.String()
		c.found = append(c.found, v)
	}
}

// broken names the constraints of the shape itself that v does not meet, in the order they are reported.
func (p *plan) broken(v reflect.Value) (kinds [4]string, n int) {
	s := p.shape
	if s.Type == "string" {
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v.String()) {
			kinds[n], n = "enum", n+1
		}
		if s.Pattern != "" && !p.match(v.String()) {
			kinds[n], n = "pattern", n+1
		}
	}
	if s.Min == nil && s.Max == nil {
		return kinds, n
	}
	size := measure(v)
	if s.Max != nil && size > *s.Max {
		kinds[n], n = "max", n+1
	}
	if s.Min != nil && size < *s.Min {
		kinds[n], n = "min", n+1
	}
	return kinds, n
}

// measure gives what min and max bound: characters, elements, bytes, or the number itself.
func measure(v reflect.Value) float64 {
	switch v.Kind() {
	case reflect.String:
		return float64(utf8.RuneCountInString(v.String()))
	case reflect.Slice, reflect.Map:
		return float64(v.Len())
	case reflect.Int32, reflect.Int64:
		return float64(v.Int())
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return 0
}

func (p *plan) limit(kind string) float64 {
	switch kind {
	case "min":
		return *p.shape.Min
	case "max":
		return *p.shape.Max
	}
	return 0
}

func (p *plan) sentence(kind string) string {
	switch kind {
	case "enum":
		return "Member must satisfy enum value set: [" + strings.Join(p.shape.Enum, ", ") + "]"
	case "pattern":
		return "Member must satisfy regular expression pattern: " + p.shape.Pattern
	case "max":
		return "Member must have " + dimension(p.shape) + " less than or equal to " + plain(*p.shape.Max)
	}
	return "Member must have " + dimension(p.shape) + " greater than or equal to " + plain(*p.shape.Min)
}

// sentences gives every constraint of an element, as a list's violation prints them.
func (p *plan) sentences() string {
	var all []string
	if p.shape.Max != nil {
		all = append(all, p.sentence("max"))
	}
	if p.shape.Min != nil {
		all = append(all, p.sentence("min"))
	}
	if p.shape.Pattern != "" {
		all = append(all, p.sentence("pattern"))
	}
	if len(p.shape.Enum) > 0 {
		all = append(all, p.sentence("enum"))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func dimension(s *model.Shape) string {
	switch s.Type {
	case "integer", "long", "float", "double":
		return "value"
	}
	return "length"
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
