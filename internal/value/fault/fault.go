// Package fault is what a customer may see go wrong: one type crosses every floor, all other errors
// stay inside and reach the customer as InternalFailure.
//
// A service declares its kinds at the head of its folder and makes faults from them; the wire
// codecs dress them in the protocol's form. The package knows no service and no protocol.
package fault

import (
	"errors"
	"fmt"
)

// Kind is a class of fault: its code as clients match it, and the HTTP status it is sent with.
type Kind struct {
	Code   string
	Status int
}

// New makes a fault of this kind; the message is for the customer's eyes.
func (k Kind) New(format string, args ...any) *Fault {
	m := format
	if len(args) > 0 {
		m = fmt.Sprintf(format, args...)
	}
	return &Fault{Kind: k, Message: m}
}

// Fault is one answer that says no.
type Fault struct {
	Kind
	Message string
	// Fields are further members of the error's shape, as ModelError's OriginalStatusCode.
	Fields map[string]any
}

func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// With adds a member of the error's shape.
func (f *Fault) With(name string, value any) *Fault {
	c := *f
	c.Fields = map[string]any{name: value}
	for k, v := range f.Fields {
		c.Fields[k] = v
	}
	return &c
}

// As gives the fault inside err, if there is one.
func As(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}

// Is tells whether err is a fault with this code.
func Is(err error, code string) bool {
	f, ok := As(err)
	return ok && f.Code == code
}

// Internal is the only thing a customer sees of an error that is not a fault.
var Internal = Kind{"InternalFailure", 500}
