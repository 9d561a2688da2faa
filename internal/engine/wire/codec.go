package wire

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"cloister/internal/value/model"
)

// Decode reads a request into the generated structure that into points to, and checks every constraint
// of the model. What a caller did wrong is a *fault.Fault; any other error is a mistake of ours.
//
// Blobs that are the whole body share r.Bytes; streaming members are r.Body itself.
func Decode(op *model.Operation, r *Request, into any) error {
	p, v, err := inputPlan(op, into)
	if err != nil {
		return err
	}
	before, err := read(op, r, p, v)
	if err != nil || p == nil {
		return err
	}
	return verdict(op, p, v, before)
}

// read fills in what the request says; what it gives back is broken already.
func read(op *model.Operation, r *Request, p *plan, v reflect.Value) ([]violation, error) {
	if r.Body != nil && r.Length != 0 && !Streams(op) {
		return nil, fmt.Errorf("wire: the body of %s was not read", op.Name)
	}
	switch op.Service.Protocol {
	case "json", "query", "ec2":
		return decodeWhole(op, r, p, v)
	case "rest-json", "rest-xml":
		return decodeREST(op, r, p, v)
	}
	return nil, fmt.Errorf("wire: no protocol %q", op.Service.Protocol)
}

// Streams tells whether an operation takes its body as a stream; all others need Request.Bytes.
func Streams(op *model.Operation) bool {
	if op.Input == nil || op.Input.Payload == "" {
		return false
	}
	for _, m := range op.Input.Members {
		if m.Name == op.Input.Payload {
			return m.Streaming || m.Shape.Streaming || m.Shape.EventStream
		}
	}
	return false
}

// decodeWhole reads the protocols whose whole input is the body.
func decodeWhole(op *model.Operation, r *Request, p *plan, v reflect.Value) ([]violation, error) {
	if strings.EqualFold(strings.TrimSpace(r.Header.Get("Content-Encoding")), "gzip") {
		b, err := inflate(r.Bytes)
		if err != nil {
			return nil, err
		}
		plain := *r
		plain.Bytes = b
		r = &plain
	}
	if op.Service.Protocol != "json" {
		return nil, decodeForm(op, r, p, v)
	}
	if p == nil {
		return nil, nil
	}
	return decodeJSON(r.Bytes, p, v)
}

// inflateLimit bounds a body after decompression.
const inflateLimit = 16 << 20

func inflate(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, serialization.New("The body is not gzip.")
	}
	out, err := io.ReadAll(io.LimitReader(z, inflateLimit+1))
	if err != nil || len(out) > inflateLimit {
		return nil, serialization.New("The body is not gzip, or too long.")
	}
	return out, nil
}

// Encode dresses an output, a pointer to the generated structure, as the operation's answer.
// The keys of the answer's header are sent as they stand.
func Encode(op *model.Operation, out any, requestID string) (*Response, error) {
	p, v, err := structurePlan(op, op.Output, out)
	if err != nil {
		return nil, err
	}
	w := &Response{Status: op.Status, Header: http.Header{}}
	setRequestID(op.Service, w, requestID)
	switch op.Service.Protocol {
	case "json":
		encodeJSON(op, p, v, w)
	case "query":
		w.Header.Set("Content-Type", "text/xml")
		w.Bytes = encodeQuery(op, p, v, requestID)
	case "ec2":
		w.Header.Set("Content-Type", "text/xml;charset=UTF-8")
		w.Bytes = encodeEC2(op, p, v, requestID)
	case "rest-json", "rest-xml":
		encodeREST(op, p, v, w)
	default:
		return nil, fmt.Errorf("wire: no protocol %q", op.Service.Protocol)
	}
	return finish(op, w), nil
}

func encodeJSON(op *model.Operation, p *plan, v reflect.Value, w *Response) {
	w.Header.Set("Content-Type", "application/x-amz-json-"+op.Service.JSONVersion)
	switch {
	case op.Output == nil:
	case p == nil:
		w.Bytes = []byte("{}")
	default:
		for i := range p.fields {
			if f := &p.fields[i]; f.Shape.EventStream && !v.Field(f.index).IsNil() {
				w.Header.Set("Content-Type", "application/vnd.amazon.eventstream")
				w.Body, _ = v.Field(f.index).Interface().(io.ReadCloser)
				w.Length = -1
				return
			}
		}
		w.Bytes = appendJSON(make([]byte, 0, 512), p, v, "")
	}
}
