package linux

import (
	"reflect"
	"testing"

	"cloister/internal/value/network"
)

// A change of anything in a VPC is a change: each field of a rule and a group is known to the comparison.
func TestEveryFieldOfARuleIsCompared(t *testing.T) {
	for of, fields := range map[reflect.Type]int{reflect.TypeFor[network.Rule](): 6, reflect.TypeFor[network.Group](): 3} {
		if of.NumField() != fields {
			t.Errorf("%s has %d fields: equalVPC knows %d", of, of.NumField(), fields)
		}
	}
	rule := reflect.TypeFor[network.Rule]()
	for i := range rule.NumField() {
		a, b := pairNetwork().VPCs[0], pairNetwork().VPCs[0]
		if !equalVPC(&a, &b) {
			t.Fatal("equal VPCs are not")
		}
		field := reflect.ValueOf(&b.Groups[1].Ingress[0]).Elem().Field(i)
		switch field.Kind() {
		case reflect.Int:
			field.SetInt(field.Int() + 1)
		case reflect.String:
			field.SetString("sg-9")
		case reflect.Slice:
			field.Set(reflect.ValueOf(a.CIDRs))
		default:
			field.Set(reflect.ValueOf(everywhere))
		}
		if equalVPC(&a, &b) {
			t.Errorf("another %s of a rule is no change", rule.Field(i).Name)
		}
	}
}
