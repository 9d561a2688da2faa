package wire

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// nobody is the dress of faults before it is known which service was meant.
var nobody = &model.Service{Protocol: "json", JSONVersion: "1.1"}

// EncodeFault dresses a fault in the form of the service's protocol. svc and op may be nil when none
// was found.
func EncodeFault(svc *model.Service, op *model.Operation, f *fault.Fault, requestID string) *Response {
	if svc == nil {
		svc = nobody
	}
	w := &Response{Status: f.Status, Header: http.Header{}}
	setRequestID(svc, w, requestID)
	if svc.Registry() {
		registryFault(w, f)
		return finish(op, w)
	}
	switch svc.Protocol {
	case "json":
		w.Header.Set("Content-Type", "application/x-amz-json-"+svc.JSONVersion)
		w.Bytes = jsonFault(svc, f, true)
	case "rest-json":
		w.Header.Set("Content-Type", "application/json")
		w.Header.Set("X-Amzn-Errortype", f.Code)
		w.Bytes = jsonFault(svc, f, false)
	case "query":
		w.Header.Set("Content-Type", "text/xml")
		w.Bytes = queryFault(svc, f, requestID)
	case "rest-xml":
		w.Header.Set("Content-Type", "application/xml")
		if w.Bytes = s3Fault(f, requestID); !svc.Objects() {
			w.Bytes = queryFault(svc, f, requestID)
		}
	case "ec2":
		w.Header.Set("Content-Type", "text/xml;charset=UTF-8")
		w.Bytes = ec2Fault(f, requestID)
	default:
		w.Header.Set("Content-Type", "application/xml")
		w.Bytes = s3Fault(f, requestID)
	}
	if region, ok := f.Fields[regionHeader].(string); ok && svc.Objects() {
		w.Header.Set(regionHeader, region)
	}
	return finish(op, w)
}

// regionHeader is a field of S3's faults that stands in no body: where the bucket is.
const regionHeader = "x-amz-bucket-region"

// finish takes the body from answers that may have none, and fills in its length.
func finish(op *model.Operation, w *Response) *Response {
	if op != nil && op.Method == "HEAD" || w.Status == http.StatusNotModified || w.Status == http.StatusNoContent {
		w.Bytes = nil
		if w.Body != nil {
			w.Body.Close()
			w.Body = nil
		}
	}
	if w.Body == nil {
		w.Length = int64(len(w.Bytes))
	}
	return w
}

func setRequestID(svc *model.Service, w *Response, id string) {
	if svc.Objects() {
		w.Header.Set("X-Amz-Request-Id", id)
		w.Header.Set("X-Amz-Id-2", hostID(id))
		return
	}
	w.Header.Set("X-Amzn-Requestid", id)
	if svc.Registry() {
		w.Header.Set("Docker-Distribution-Api-Version", "registry/2.0")
	}
}

// exception finds the shape of a fault's code.
func exception(svc *model.Service, code string) *model.Shape {
	if s := svc.Shapes[code]; s != nil && s.Exception {
		return s
	}
	for _, s := range svc.Shapes {
		if s.Exception && s.ErrorCode == code {
			return s
		}
	}
	return nil
}

// messageName is how a JSON answer spells the message: as the model does, with a capital where the
// authorisation layer speaks, in small letters where the framework does.
func messageName(svc *model.Service, code string) string {
	if s := exception(svc, code); s != nil {
		for _, m := range s.Members {
			if strings.EqualFold(m.Name, "message") {
				return m.Wire
			}
		}
		return "message"
	}
	if code == "AccessDeniedException" || code == serialization.Code {
		return "Message"
	}
	return "message"
}

func jsonFault(svc *model.Service, f *fault.Fault, typed bool) []byte {
	b := []byte{'{'}
	add := func(name string, value any) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, name), ':')
		b = appendAny(b, value)
	}
	if typed {
		add("__type", f.Code)
	}
	if f.Message != "" {
		add(messageName(svc, f.Code), f.Message)
	}
	for _, k := range fieldNames(f) {
		add(k, modelled(svc, f.Code, k, f.Fields[k]))
	}
	return append(b, '}')
}

// raw is JSON already.
type raw []byte

// modelled writes a field by its shape when its value is of the generated type.
func modelled(svc *model.Service, code, name string, value any) any {
	s := exception(svc, code)
	v := reflect.Indirect(reflect.ValueOf(value))
	if s == nil || !v.IsValid() {
		return value
	}
	for _, m := range s.Members {
		if m.Name != name {
			continue
		}
		if p, err := planOf(m.Shape, v.Type()); err == nil {
			return raw(appendJSON(nil, p, v, m.Format))
		}
	}
	return value
}

// appendAny writes a fault's field, whose type no model knows.
func appendAny(b []byte, value any) []byte {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch x := v; {
	case !x.IsValid() || x.Kind() == reflect.Pointer:
		return append(b, "null"...)
	case x.Type() == reflect.TypeFor[raw]():
		return append(b, x.Bytes()...)
	case x.Kind() == reflect.Map && x.Type().Key().Kind() == reflect.String:
		return appendAnyMap(b, x)
	case x.Type() == typeOfTime:
		return appendTime(b, x.Interface().(time.Time), unixTime)
	case x.CanInt() || x.CanUint() || x.Kind() == reflect.Bool:
		return fmt.Append(b, x.Interface())
	case x.CanFloat():
		return appendFloat(b, x.Float(), x.Type().Bits())
	case x.Kind() == reflect.Slice && x.Type() != typeOfBytes:
		b = append(b, '[')
		for i := range x.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendAny(b, x.Index(i).Interface())
		}
		return append(b, ']')
	default:
		return appendJSONString(b, fmt.Sprint(x.Interface()))
	}
}

func appendAnyMap(b []byte, m reflect.Value) []byte {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, k.String()), ':')
		b = appendAny(b, m.MapIndex(k).Interface())
	}
	return append(b, '}')
}

func fieldNames(f *fault.Fault) []string {
	var names []string
	for k := range f.Fields {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func (w *xml) fault(f *fault.Fault) {
	w.element("Code", f.Code)
	w.element("Message", f.Message)
	for _, k := range fieldNames(f) {
		if name := strings.Map(nameRune, k); name != "" && name != regionHeader {
			w.element(name, fmt.Sprint(f.Fields[k]))
		}
	}
}

func nameRune(r rune) rune {
	if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
		return r
	}
	return -1
}

func queryFault(svc *model.Service, f *fault.Fault, requestID string) []byte {
	w := newXML()
	w.open("ErrorResponse", svc.XMLNamespace)
	w.open("Error", "")
	if f.Status >= 500 {
		w.element("Type", "Receiver")
	} else {
		w.element("Type", "Sender")
	}
	w.fault(f)
	w.shut()
	w.element("RequestId", requestID)
	w.shut()
	return w.b
}

func ec2Fault(f *fault.Fault, requestID string) []byte {
	w := newXML()
	w.open("Response", "")
	w.open("Errors", "")
	w.open("Error", "")
	w.fault(f)
	w.shut()
	w.shut()
	w.element("RequestID", requestID)
	w.shut()
	return w.b
}

func s3Fault(f *fault.Fault, requestID string) []byte {
	w := newXML()
	w.open("Error", "")
	w.fault(f)
	w.element("RequestId", requestID)
	w.element("HostId", hostID(requestID))
	w.shut()
	return w.b
}
