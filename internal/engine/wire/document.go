package wire

import (
	"reflect"

	"cloister/internal/value/model"
)

// Hidden stands for what a record of a call may not show.
const Hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// Document gives an input as a tree for the audit trail: names in lower case first, secrets hidden,
// bodies and streams left out. It is nil when there is no input.
func Document(op *model.Operation, in any) map[string]any {
	p, v, err := inputPlan(op, in)
	if err != nil || p == nil {
		return nil
	}
	return documentOf(p, v)
}

func documentOf(p *plan, v reflect.Value) map[string]any {
	out := map[string]any{}
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := present(v.Field(f.index))
		if ok && !f.stream && f.Name != p.shape.Payload {
			out[f.lower] = audited(f.plan, fv)
		}
	}
	return out
}

func audited(p *plan, v reflect.Value) any {
	if p.shape.Sensitive {
		return Hidden
	}
	switch p.shape.Type {
	case "structure":
		return documentOf(p, v)
	case "list":
		all := make([]any, v.Len())
		for i := range all {
			all[i] = audited(p.elem, v.Index(i))
		}
		return all
	case "map":
		all := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			all[it.Key().String()] = audited(p.elem, it.Value())
		}
		return all
	case "blob":
		return v.Len()
	}
	return v.Interface()
}
