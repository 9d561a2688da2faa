package wire

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"cloister/internal/value/model"
)

// asClient sends an input the way an SDK does.
func asClient(op *model.Operation, p *plan, v reflect.Value) *Request {
	r := &Request{Method: op.Method, Path: "/", Header: http.Header{}}
	switch op.Service.Protocol {
	case "json":
		r.Header.Set("X-Amz-Target", op.Service.TargetPrefix+"."+op.Name)
		r.Bytes = []byte("{}")
		if p != nil {
			r.Bytes = appendJSON(nil, p, v, "")
		}
	case "query", "ec2":
		form := url.Values{"Action": {op.Name}, "Version": {op.Service.APIVersion}}
		if p != nil {
			(&formWriter{op.Service.Protocol == "ec2", form}).structure("", p, v)
		}
		r.Bytes = []byte(form.Encode())
	default:
		restRequest(op, p, v, r)
	}
	r.Length = int64(len(r.Bytes))
	return r
}

type formWriter struct {
	ec2  bool
	form url.Values
}

func (w *formWriter) structure(prefix string, p *plan, v reflect.Value) {
	for i := range p.fields {
		f := &p.fields[i]
		name := f.Wire
		if w.ec2 {
			name = f.query
		}
		if fv, ok := present(v.Field(f.index)); ok {
			w.value(prefix+name, f.plan, fv)
		}
	}
}

func (w *formWriter) value(name string, p *plan, v reflect.Value) {
	switch p.shape.Type {
	case "structure":
		before := len(w.form)
		w.structure(name+".", p, v)
		if len(w.form) == before {
			w.form.Set(name, "")
		}
	case "list":
		if v.Len() == 0 {
			w.form.Set(name, "")
		}
		if !w.ec2 && !p.shape.Flattened {
			name += "." + orName(p.shape.Element.Wire, "member")
		}
		for i := range v.Len() {
			w.value(fmt.Sprintf("%s.%d", name, i+1), p.elem, v.Index(i))
		}
	case "map":
		n := 0
		for it := v.MapRange(); it.Next(); {
			n++
			w.form.Set(fmt.Sprintf("%s.entry.%d.key", name, n), it.Key().String())
			w.value(fmt.Sprintf("%s.entry.%d.value", name, n), p.elem, it.Value())
		}
	default:
		w.form.Set(name, string(appendText(nil, p, v, isoMillis)))
	}
}

func restRequest(op *model.Operation, p *plan, v reflect.Value, r *Request) {
	path, query, _ := strings.Cut(op.Path, "?")
	if p == nil {
		r.Path, r.RawQuery = path, query
		return
	}
	w := &Response{Header: http.Header{}}
	values := url.Values{}
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := present(v.Field(f.index))
		if !ok {
			continue
		}
		switch f.Location {
		case "uri":
			text := string(appendText(nil, f.plan, fv, isoMillis))
			path = strings.ReplaceAll(path, "{"+f.Wire+"}", url.PathEscape(text))
			path = strings.ReplaceAll(path, "{"+f.Wire+"+}", strings.ReplaceAll(url.PathEscape(text), "%2F", "/"))
		case "querystring":
			if f.plan.shape.Type == "list" {
				for j := range fv.Len() {
					values.Add(f.Wire, string(appendText(nil, f.plan.elem, fv.Index(j), isoMillis)))
				}
				continue
			}
			values.Set(f.Wire, string(appendText(nil, f.plan, fv, isoMillis)))
		}
	}
	r.Path, r.RawQuery = path, strings.TrimPrefix(query+"&"+values.Encode(), "&")
	encodeREST(op, p, v, w)
	r.Header, r.Bytes = canonical(w.Header), w.Bytes
	if w.Body != nil {
		r.Body = w.Body
	}
}

func canonical(h http.Header) http.Header {
	out := http.Header{}
	for k, v := range h {
		out[http.CanonicalHeaderKey(k)] = v
	}
	return out
}

// asClientReads reads an answer the way an SDK does.
func asClientReads(op *model.Operation, w *Response, p *plan, v reflect.Value) error {
	if p == nil {
		return nil
	}
	switch op.Service.Protocol {
	case "json":
		if w.Body != nil {
			return nil
		}
		_, err := decodeJSON(w.Bytes, p, v)
		return err
	case "query", "ec2":
		n, err := parseXML(w.Bytes)
		if err != nil {
			return err
		}
		if op.Service.Protocol == "query" {
			for _, kid := range n.kids {
				if kid.name == op.Result {
					return fillXML(kid, p, v)
				}
			}
		}
		return fillXML(n, p, v)
	}
	for i := range p.fields {
		f := &p.fields[i]
		switch f.Location {
		case "header":
			if err := setHeader(op, f, v.Field(f.index), canonical(w.Header)); err != nil {
				return err
			}
		case "headers":
			setPrefixed(f, v.Field(f.index), w.Header)
		case "statusCode":
			slot(v.Field(f.index)).SetInt(int64(w.Status))
		}
	}
	if f := p.member(p.shape.Payload); f != nil && f.stream {
		v.Field(f.index).Set(reflect.ValueOf(w.Body))
		return nil
	}
	if p.shape.XMLName == "LocationConstraint" {
		n, err := parseXML(w.Bytes)
		if err == nil {
			slot(v.Field(0)).SetString(string(n.text))
		}
		return err
	}
	r := &Request{Bytes: w.Bytes}
	if p.shape.Payload == "" && op.Service.Protocol == "rest-xml" {
		if len(w.Bytes) == 0 {
			return nil
		}
		return decodeXML(w.Bytes, orName(p.shape.XMLName, p.shape.Name), p, v)
	}
	_, err := decodeBody(op, r, p, v)
	return err
}

// unstream makes streams comparable: their bytes as one text.
func unstream(p *plan, v reflect.Value) string {
	for i := range p.fields {
		if f := &p.fields[i]; f.stream && !v.Field(f.index).IsNil() {
			b, err := io.ReadAll(v.Field(f.index).Interface().(io.Reader))
			v.Field(f.index).SetZero()
			return base64.StdEncoding.EncodeToString(b) + fmt.Sprint(err)
		}
	}
	return ""
}
