package api

import (
	"context"
	"fmt"

	"cloister/internal/value/caller"
)

// Client calls operations from inside: the same checks, policies and record as over the wire, with
// a caller that is given instead of proven. The door is the only implementation.
type Client interface {
	// Call runs an operation of a service ("sts", "AssumeRole") as somebody; in and the result are
	// pointers to the generated types.
	Call(ctx context.Context, as caller.Caller, service, name string, in any) (any, error)
}

// CallAs is Client.Call with the type of the answer.
func CallAs[Out any](ctx context.Context, c Client, as caller.Caller, service, name string, in any) (*Out, error) {
	out, err := c.Call(ctx, as, service, name, in)
	if err != nil {
		return nil, err
	}
	o, ok := out.(*Out)
	if !ok {
		return nil, fmt.Errorf("%s.%s answered %T", service, name, out)
	}
	return o, nil
}
