package ec2

import (
	"fmt"
	"reflect"
	"slices"
)

// str reads an optional text.
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func yes(p *bool) bool { return p != nil && *p }

// begin refuses every member of an input that is set and not among the accepted ones, so that
// nothing a customer asks for is silently left undone, and then answers a dry run.
func begin(in any, accepted ...string) error {
	v := reflect.ValueOf(in).Elem()
	dry := false
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		if !set(f) {
			continue
		}
		if name == "DryRun" {
			dry = true
		} else if !slices.Contains(accepted, name) {
			return unsupportedOperation.New("The parameter %s is not supported.", name)
		}
	}
	if dry {
		return dryRunOperation.New("Request would have succeeded, but DryRun flag is set.")
	}
	return nil
}

// set tells whether a member asks for anything: false and the empty text do not.
func set(f reflect.Value) bool {
	switch f.Kind() {
	case reflect.Pointer:
		return !f.IsNil() && (f.Elem().Kind() == reflect.Struct || !f.Elem().IsZero() || f.Elem().CanInt())
	case reflect.Slice:
		return f.Len() > 0
	}
	return !f.IsZero()
}

// need refuses an absent or empty member.
func need(name, value string) error {
	if value == "" {
		return missingParameter.New("The request must contain the parameter %s", name)
	}
	return nil
}

// distinct gives the values without repetition, in their order.
func distinct(values []string) []string {
	out := []string{}
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// without gives the values that are not among gone.
func without(values, gone []string) []string {
	out := []string{}
	for _, v := range values {
		if !slices.Contains(gone, v) {
			out = append(out, v)
		}
	}
	return out
}

func text(v any) string { return fmt.Sprint(v) }
