package wire

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// decodeREST reads what the REST protocols carry outside the body, then the body by the protocol.
func decodeREST(op *model.Operation, r *Request, p *plan, v reflect.Value) ([]violation, error) {
	if p == nil {
		return nil, nil
	}
	labels, ok := routeOf(op).match(r)
	if !ok {
		return nil, Unknown(op.Service, op.Name)
	}
	query := parseQuery(r.RawQuery)
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.index)
		var err error
		switch f.Location {
		case "uri":
			err = setText(op, f, fv, labels[f.Wire])
		case "querystring":
			err = setTexts(op, f, fv, query[f.Wire])
		case "header":
			if f.Wire == "Content-Length" && r.Length >= 0 && r.Header.Get(f.Wire) == "" {
				err = setText(op, f, fv, strconv.FormatInt(r.Length, 10))
				break
			}
			err = setHeader(op, f, fv, r.Header)
		case "headers":
			setPrefixed(f, fv, r.Header)
		}
		if err != nil {
			return nil, err
		}
	}
	return decodeBody(op, r, p, v)
}

func decodeBody(op *model.Operation, r *Request, p *plan, v reflect.Value) ([]violation, error) {
	if p.shape.Payload == "" {
		if len(r.Bytes) == 0 || !hasBody(p) {
			return nil, nil
		}
		if op.Service.Protocol == "rest-json" {
			return decodeJSON(r.Bytes, p, v)
		}
		return nil, decodeXML(r.Bytes, "", p, v)
	}
	f := p.member(p.shape.Payload)
	fv := v.Field(f.index)
	switch {
	case f.stream:
		body := r.Body
		if body == nil {
			body = bytes.NewReader(r.Bytes)
		}
		fv.Set(reflect.ValueOf(body))
	case f.plan.shape.Type == "blob":
		fv.SetBytes(r.Bytes[:len(r.Bytes):len(r.Bytes)])
		if r.Bytes == nil {
			fv.SetBytes([]byte{}) // no bytes are bytes too
		}
	case len(r.Bytes) == 0:
	case f.plan.shape.Type == "string":
		slot(fv).SetString(string(r.Bytes))
	case op.Service.Protocol == "rest-json":
		return decodeJSON(r.Bytes, f.plan, slot(fv))
	default:
		return nil, decodeXML(r.Bytes, f.Wire, f.plan, slot(fv))
	}
	return nil, nil
}

func hasBody(p *plan) bool {
	for i := range p.fields {
		if p.fields[i].Location == "" {
			return true
		}
	}
	return false
}

func (p *plan) member(name string) *field {
	for i := range p.fields {
		if p.fields[i].Name == name {
			return &p.fields[i]
		}
	}
	return nil
}

func setText(op *model.Operation, f *field, v reflect.Value, text string) error {
	if parseText(f.plan, slot(v), text) != nil {
		return badArgument(op, f, text)
	}
	return nil
}

func setTexts(op *model.Operation, f *field, v reflect.Value, texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	if f.plan.shape.Type != "list" {
		if texts[0] == "" && f.plan.shape.Type != "string" {
			return nil
		}
		return setText(op, f, v, texts[0])
	}
	for _, text := range texts {
		e := reflect.New(f.plan.elem.typ).Elem()
		if parseText(f.plan.elem, e, text) != nil {
			return badArgument(op, f, text)
		}
		v.Set(reflect.Append(v, e))
	}
	return nil
}

func setHeader(op *model.Operation, f *field, v reflect.Value, h http.Header) error {
	texts := h[f.header]
	if len(texts) == 0 {
		return nil
	}
	if f.plan.shape.Type == "list" {
		var all []string
		for _, t := range texts {
			for word := range strings.SplitSeq(t, ",") {
				all = append(all, strings.TrimSpace(word))
			}
		}
		return setTexts(op, f, v, all)
	}
	text := strings.Join(texts, ",")
	if f.Wire == "Content-Encoding" {
		// aws-chunked is how the body travels, not what it is.
		if text = withoutChunked(text); text == "" {
			return nil
		}
	}
	return setTexts(op, f, v, []string{text})
}

func withoutChunked(s string) string {
	var kept []string
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" && word != "aws-chunked" {
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, ",")
}

// setPrefixed gathers the headers of a prefix into a map; their names are in lower case.
func setPrefixed(f *field, v reflect.Value, h http.Header) {
	for k, texts := range h {
		if len(k) <= len(f.Wire) || !strings.EqualFold(k[:len(f.Wire)], f.Wire) {
			continue
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		v.SetMapIndex(reflect.ValueOf(strings.ToLower(k[len(f.Wire):])), reflect.ValueOf(strings.Join(texts, ",")))
	}
}

// parseQuery reads a query string as REST services do: a semicolon is a letter, a broken escape stands
// for itself.
func parseQuery(raw string) map[string][]string {
	out := map[string][]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if k == "" {
			continue
		}
		if s, err := url.QueryUnescape(k); err == nil {
			k = s
		}
		if s, err := url.QueryUnescape(v); err == nil {
			v = s
		}
		out[k] = append(out[k], v)
	}
	return out
}

func badArgument(op *model.Operation, f *field, text string) *fault.Fault {
	if op.Service.Objects() {
		return s3Argument(f, clip(text))
	}
	return unfit("STRING_VALUE", f.plan)
}

// encodeREST writes an answer; the body's form is given by the protocol.
func encodeREST(op *model.Operation, p *plan, v reflect.Value, w *Response) {
	if p == nil {
		return
	}
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := present(v.Field(f.index))
		if !ok {
			continue
		}
		switch f.Location {
		case "statusCode":
			w.Status = int(fv.Int())
		case "header":
			w.Header[f.header] = []string{headerText(f, fv)}
		case "headers":
			for it := fv.MapRange(); it.Next(); {
				// As S3 sends them: clients show user metadata in the case it came in.
				w.Header[strings.ToLower(f.Wire+it.Key().String())] = []string{oneLine(it.Value().String())}
			}
		}
	}
	if w.Status == http.StatusOK && w.Header.Get("Content-Range") != "" {
		w.Status = http.StatusPartialContent
	}
	encodeBody(op, p, v, w)
}

func headerText(f *field, v reflect.Value) string {
	if f.plan.shape.Type == "list" {
		var all []string
		for i := range v.Len() {
			all = append(all, string(appendText(nil, f.plan.elem, v.Index(i), rfc822)))
		}
		return oneLine(strings.Join(all, ","))
	}
	format := rfc822
	if f.Format != "" {
		format = f.Format
	}
	return oneLine(string(appendText(nil, f.plan, v, format)))
}

// oneLine keeps a value from ending its header.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n\x00") {
		return s
	}
	return strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(s)
}

func encodeBody(op *model.Operation, p *plan, v reflect.Value, w *Response) {
	xml := op.Service.Protocol == "rest-xml"
	if p.shape.Payload == "" {
		switch {
		case !hasBody(p):
		case xml:
			w.Bytes = rootXML(op, p, v)
			setType(w, "application/xml")
		default:
			w.Bytes = appendJSONStructure(nil, p, v, func(f *field) bool { return f.Location != "" })
			setType(w, "application/json")
		}
		return
	}
	f := p.member(p.shape.Payload)
	fv, ok := present(v.Field(f.index))
	switch {
	case !ok:
	case f.stream:
		w.Body, _ = v.Field(f.index).Interface().(io.ReadCloser)
		w.Length = -1
		if n, err := strconv.ParseInt(w.Header.Get("Content-Length"), 10, 64); err == nil {
			w.Length = n
		}
		if f.Shape.EventStream {
			setType(w, "application/vnd.amazon.eventstream")
		}
	case f.plan.shape.Type == "blob":
		w.Bytes = fv.Bytes()
	case f.plan.shape.Type == "string":
		w.Bytes = []byte(fv.String())
	case xml:
		w.Bytes = payloadXML(op, f, fv)
		setType(w, "application/xml")
	default:
		w.Bytes = appendJSON(nil, f.plan, fv, "")
		setType(w, "application/json")
	}
}

func setType(w *Response, t string) {
	if w.Header.Get("Content-Type") == "" {
		w.Header.Set("Content-Type", t)
	}
}
