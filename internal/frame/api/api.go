// Package api is the form services are written in: an operation is a name from the model, the
// questions it asks before it may run, and a method.
//
// It promises that an operation cannot exist without checks, that its types are the model's, and
// that whoever runs one has the same Call in hand, by wire or from inside. It must not know any
// service, protocol or policy.
package api

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"time"

	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	"cloister/internal/value/model"
)

// Call is one call's record; each stage of the door fills in a field.
type Call struct {
	ID        string // request id
	Time      time.Time
	Region    string
	Caller    caller.Caller
	Operation *Operation
	UserAgent string
	Secure    bool // came over TLS, or from inside
	Input     any
}

// Account is the caller's account: where new resources of the call belong.
func (c *Call) Account() string { return c.Caller.Identity.Account }

// ARN names a resource of the caller's account and the call's region.
func (c *Call) ARN(service, resource string) string {
	return arn.Format(service, c.Region, c.Account(), resource)
}

// Key is a condition key with its values, for the policies to look at. A Multi key is multi-valued
// also with one value or none.
type Key struct {
	Name   string
	Values []string
	Multi  bool
}

// K is a single-valued key.
func K(name, value string) Key { return Key{Name: name, Values: []string{value}} }

// Ks is a multi-valued key.
func Ks(name string, values ...string) Key { return Key{Name: name, Values: values, Multi: true} }

// Demand is what a check asks for.
type Demand int

const (
	// Allowed asks the policies; it is the zero value, so a check that says nothing else asks them.
	Allowed Demand = iota
	// Known asks only that the caller proved who they are, as sts:GetCallerIdentity does.
	Known
	// Nothing lets anyone in; the call is on record with who owns the Resource.
	Nothing
)

// Check is one question: may the caller do Action to Resource? All checks of a call must pass.
type Check struct {
	Demand   Demand
	Action   string // "sagemaker:CreateModel"
	Resource string // an ARN, or "*"
	// Beside is an ARN that exists, or empty: Resource then gets its path, which the request does not tell.
	Beside string
	// Exact tells that Resource is what is to be, and not a name for what there is.
	Exact bool
	// Account owns the resource; empty means the caller's, or what the directory knows better.
	Account string
	Keys    []Key
	// Told gives keys that stand in the resource's ARN, where only the directory knows that; nil for none.
	Told func(arn string) []Key
}

// KnownCaller is the checks of an operation that every authenticated caller may use.
var KnownCaller = []Check{{Demand: Known}}

// Operation is a defined operation with its types and service erased.
type Operation struct {
	Model *model.Operation
	// New makes an empty input to decode into.
	New    func() any
	Checks func(c *Call, in any) []Check
	Run    func(ctx context.Context, c *Call, in any) (any, error)

	in, out reflect.Type
}

// Service is a bound set of operations.
type Service struct {
	Model      *model.Service
	Operations map[string]*Operation
}

// definition is an operation that waits for its service.
type definition[S any] struct {
	bind    func(S) *Operation
	in, out reflect.Type
}

// Set collects the operations of one service package; it is a package variable there.
type Set[S any] struct {
	id          string
	definitions map[string]definition[S]
}

// NewSet begins the set of a service, named by its model's id.
func NewSet[S any](id string) *Set[S] {
	return &Set[S]{id: id, definitions: map[string]definition[S]{}}
}

// Define adds an operation to the set. checks asks what the caller needs, from the call and its input
// alone; no checks mean nobody may. An operation without input or output uses struct{}.
func Define[S, In, Out any](set *Set[S], name string, checks func(*Call, *In) []Check,
	run func(S, context.Context, *Call, *In) (*Out, error)) struct{} {
	if _, twice := set.definitions[name]; twice {
		panic("operation defined twice: " + set.id + "." + name)
	}
	set.definitions[name] = definition[S]{
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		bind: func(s S) *Operation {
			return &Operation{
				New:    func() any { return new(In) },
				Checks: func(c *Call, in any) []Check { return checks(c, in.(*In)) },
				Run: func(ctx context.Context, c *Call, in any) (any, error) {
					out, err := run(s, ctx, c, in.(*In))
					if err != nil {
						return nil, err
					}
					return out, nil
				},
			}
		},
	}
	return struct{}{}
}

// Names gives the names of the operations defined so far, sorted.
func (set *Set[S]) Names() []string {
	var out []string
	for n := range set.definitions {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// Bind gives the set its service and compares every name and type with the model.
func (set *Set[S]) Bind(s S) (*Service, error) {
	m, err := model.Load(set.id)
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", set.id, err)
	}
	out := &Service{Model: m, Operations: map[string]*Operation{}}
	var wrong []error
	for _, name := range set.Names() {
		d := set.definitions[name]
		mo := m.Operations[name]
		if mo == nil {
			wrong = append(wrong, fmt.Errorf("%s.%s is not in the model", set.id, name))
			continue
		}
		if err := errors.Join(agree(mo.Input, d.in), agree(mo.Output, d.out)); err != nil {
			wrong = append(wrong, fmt.Errorf("%s.%s: %w", set.id, name, err))
			continue
		}
		op := d.bind(s)
		op.Model, op.in, op.out = mo, d.in, d.out
		out.Operations[name] = op
	}
	return out, errors.Join(wrong...)
}

// agree tells whether a Go type is the one generated for a shape; struct{} stands for no shape, or
// for one without members.
func agree(s *model.Shape, t reflect.Type) error {
	if t == reflect.TypeFor[struct{}]() && (s == nil || len(s.Members) == 0) {
		return nil
	}
	if s == nil || t.Name() != s.Name {
		want := "struct{}"
		if s != nil {
			want = s.Name
		}
		return fmt.Errorf("type %s where the model has %s", t, want)
	}
	return nil
}
