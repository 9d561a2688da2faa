package door

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"cloister/internal/engine/sigv4"
	"cloister/internal/engine/wire"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
)

// authenticate fills in the Identity. No signature gives Anonymous, an identity that policies may
// speak of, not a bypass.
func (d *Door) authenticate(ctx context.Context, x *exchange) error {
	if x.service.Model.Registry() {
		return d.login(ctx, x)
	}
	streams := x.family() == "rest-xml"
	if x.claim.Form == sigv4.None {
		if !streams && !x.bearing() {
			return sigv4.Refuse(sigv4.NoCredentials).Fault(x.family()) // nothing else has anonymous callers
		}
		x.Caller.Identity = caller.Identity{Kind: caller.Anonymous, ARN: "anonymous", PrincipalARN: "anonymous", ID: "anonymous"}
		return d.body(x, "", streams)
	}
	if e := sigv4.Check(&x.claim, &x.original, x.Time, x.host); e != nil {
		return e.Fault(x.family())
	}
	secret, id, err := d.Directory.Secret(x.claim.AccessKey, x.claim.SecurityToken)
	if err != nil {
		return refusal(err).Fault(x.family())
	}
	if streams {
		if e := d.verifier.Verify(&x.claim, &x.original, x.claim.Payload(&x.original, x.host), secret, x.Time, x.host); e != nil {
			return e.Fault(x.family())
		}
	} else {
		leave, err := d.room(ctx, x, id.Account, d.MaxBody)
		if err != nil {
			return err
		}
		defer leave()
		if err := buffered(x.request, d.MaxBody); err != nil {
			return err
		}
		if e := d.verifier.VerifyBody(&x.claim, &x.original, x.request.Bytes, secret, x.Time, x.host); e != nil {
			return e.Fault(x.family())
		}
		if err := d.keep(ctx, x, id.Account); err != nil {
			return err
		}
	}
	x.Caller.Identity = id
	switch service := x.service.Model.SigningName; {
	case id.Kind == caller.AssumedRole:
		d.Directory.Used(directory.RoleKey(id.PrincipalARN, id.ID), service, x.claim.Region)
	case !id.Session:
		d.Directory.Used(id.AccessKey, service, x.claim.Region)
	}
	return d.body(x, secret, streams)
}

// bearing tells the one operation whose callers prove by a token in the request who they are.
func (x *exchange) bearing() bool {
	return x.service.Model.ID == "sts" && x.Call.Operation.Model.Name == "AssumeRoleWithWebIdentity"
}

// body wraps a stream so that it is checked while it is read, or makes sure there is a buffer.
func (d *Door) body(x *exchange, secret string, streams bool) error {
	r := x.request
	if !streams {
		return buffered(r, d.MaxBody)
	}
	from := r.Body
	if from == nil {
		from = bytes.NewReader(r.Bytes)
		if r.Length < 0 {
			r.Length = int64(len(r.Bytes))
		}
	}
	p, e := d.verifier.Payload(from, r.Length, &x.original, &x.claim, secret, x.host)
	if e != nil {
		return e.Fault(x.family())
	}
	r.Body, r.Bytes, r.Length = p, nil, p.Length()
	if enc := r.Header.Get("Content-Encoding"); strings.HasPrefix(enc, "aws-chunked") {
		r.Header.Set("Content-Encoding", strings.TrimPrefix(strings.TrimPrefix(enc, "aws-chunked"), ","))
		if r.Header.Get("Content-Encoding") == "" {
			r.Header.Del("Content-Encoding")
		}
	}
	if wire.Streams(x.Call.Operation.Model) {
		return nil
	}
	return x.whole(d.MaxBody)
}

// whole reads a checked body that the operation takes at once.
func (x *exchange) whole(limit int64) error {
	var refused *sigv4.Error
	whole, err := buffer(x.request, limit)
	switch {
	case errors.As(err, &refused):
		return refused.Fault(x.family())
	case err != nil:
		return badBody.New("The request body ended early.")
	case !whole:
		return tooLarge.New("The request body is longer than %d bytes.", limit)
	}
	return nil
}

// refusal says in sigv4's kinds why the directory has no secret.
func refusal(err error) *sigv4.Error {
	switch {
	case errors.Is(err, directory.ErrExpired):
		return sigv4.Refuse(sigv4.ExpiredToken)
	case errors.Is(err, directory.ErrBadToken):
		return sigv4.Refuse(sigv4.BadToken)
	}
	return sigv4.Refuse(sigv4.UnknownKey)
}

// decode makes the input from the request, by the model.
func (d *Door) decode(_ context.Context, x *exchange) error {
	if x.Call.Operation.New == nil {
		return nil // it goes on as it came
	}
	in := x.Call.Operation.New()
	if err := wire.Decode(x.Call.Operation.Model, x.request, in); err != nil {
		return err
	}
	x.Input = in
	return nil
}

// validate is decode for a call that came by no wire.
func (d *Door) validate(_ context.Context, x *exchange) error {
	return wire.Validate(x.Call.Operation.Model, x.Input)
}

// again is where a context has the exchange that goes on as a call from inside.
type again struct{}

// run calls the service.
func (d *Door) run(ctx context.Context, x *exchange) error {
	if x.bearing() {
		ctx = context.WithValue(ctx, again{}, x)
	}
	if x.request != nil && x.queues() {
		end, err := d.turns.take(ctx, x.Caller.Identity.Account)
		if err != nil {
			return err
		}
		defer end()
	}
	if x.request != nil {
		if err := d.listens(ctx, x); err != nil {
			return err
		}
	}
	out, err := x.Call.Operation.Run(ctx, &x.Call, x.Input)
	x.output = out
	return err
}

// encode makes the answer, by the model.
func (d *Door) encode(_ context.Context, x *exchange) (err error) {
	if whole, ok := x.output.(*wire.Response); ok {
		x.response = whole
		return nil
	}
	x.response, err = wire.Encode(x.Call.Operation.Model, x.output, x.ID)
	return err
}
