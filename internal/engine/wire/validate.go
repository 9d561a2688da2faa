package wire

import (
	"fmt"
	"reflect"
	"strings"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// Validate checks an input against every constraint of the model and answers as Decode would. It is
// for calls that come by no wire.
func Validate(op *model.Operation, in any) error {
	p, v, err := inputPlan(op, in)
	if err != nil || p == nil {
		return err
	}
	return verdict(op, p, v, nil)
}

// inputPlan gives the plan of an operation's input and the structure that in points to; no plan when
// the operation takes none.
func inputPlan(op *model.Operation, in any) (*plan, reflect.Value, error) {
	return structurePlan(op, op.Input, in)
}

func structurePlan(op *model.Operation, s *model.Shape, x any) (*plan, reflect.Value, error) {
	v := reflect.ValueOf(x)
	if s == nil || len(s.Members) == 0 && (x == nil || v.Kind() == reflect.Pointer && v.Type().Elem() == reflect.TypeFor[struct{}]()) {
		return nil, v, nil
	}
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem().Kind() != reflect.Struct {
		return nil, v, fmt.Errorf("wire: %s: %T is not a pointer to a structure", op.Name, x)
	}
	p, err := planOf(s, v.Type().Elem())
	return p, v.Elem(), err
}

// verdict is nil when nothing is broken, else one fault in the words of the operation's protocol.
func verdict(op *model.Operation, p *plan, v reflect.Value, before []violation) error {
	c := checker{found: before}
	c.structure(p, v)
	if len(c.found) == 0 {
		return nil
	}
	switch op.Service.Protocol {
	case "ec2":
		return ec2Verdict(c.found[0])
	case "rest-xml":
		if op.Service.Objects() {
			return s3Verdict(c.found[0])
		}
	}
	return coralVerdict(op.Service, c.found)
}

// brief is a constraint as ECR says it.
func (v *violation) brief() string {
	if pattern, ok := strings.CutPrefix(v.constraint, "Member must satisfy regular expression pattern: "); ok {
		return "must satisfy regular expression '" + pattern + "'"
	}
	return strings.TrimPrefix(v.constraint, "Member ")
}

// coralVerdict lists everything that is broken in one sentence.
func coralVerdict(s *model.Service, found []violation) *fault.Fault {
	kind := validation
	if s.Protocol == "query" {
		kind = validationError
	}
	if s.Validation != "" {
		kind.Code = s.Validation
	}
	if s.ByParameter {
		return &fault.Fault{Kind: kind, Message: "Invalid parameter at '" + found[0].path + "' failed to satisfy constraint: '" + found[0].brief() + "'"}
	}
	var b strings.Builder
	plural := "s"
	if len(found) == 1 {
		plural = ""
	}
	fmt.Fprintf(&b, "%d validation error%s detected: ", len(found), plural)
	for i, v := range found {
		if i > 0 {
			b.WriteString("; ")
		}
		if s.HideValues {
			if v.kind == "enum" {
				v.constraint, _, _ = strings.Cut(v.constraint, ":")
			}
			fmt.Fprintf(&b, "Value at '%s' failed to satisfy constraint: %s", v.path, v.constraint)
			continue
		}
		fmt.Fprintf(&b, "Value %s at '%s' failed to satisfy constraint: %s", v.value, v.path, v.constraint)
	}
	return &fault.Fault{Kind: kind, Message: b.String()}
}
