package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"strings"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

func decodeXML(body []byte, root string, p *plan, v reflect.Value) error {
	n, err := parseXML(body)
	if err != nil {
		return err
	}
	if n == nil || root != "" && n.name != root {
		return badXML()
	}
	return fillXML(n, p, v)
}

// rootXML writes an answer whose members stand below one root element.
func rootXML(op *model.Operation, p *plan, v reflect.Value) []byte {
	w := xmlWriter{xml: newXML(), format: isoMillis}
	w.xml.open(orName(p.shape.XMLName, p.shape.Name), op.Service.XMLNamespace)
	w.members(p, v)
	w.xml.shut()
	return w.xml.b
}

// payloadXML writes an answer that is one member.
func payloadXML(op *model.Operation, f *field, v reflect.Value) []byte {
	w := xmlWriter{xml: newXML(), format: isoMillis}
	namespace := f.XMLNS
	if namespace == "" {
		namespace = op.Service.XMLNamespace
	}
	name := f.Wire
	if f.plan.shape.XMLName != "" {
		name = f.plan.shape.XMLName
	}
	w.start(name, namespace, f.plan, v)
	w.members(f.plan, v)
	w.xml.shut()
	return w.xml.b
}

// s3Verdict answers the first thing that is broken, by where it stood.
func s3Verdict(v violation) *fault.Fault {
	f := v.field
	value := strings.TrimSuffix(strings.TrimPrefix(v.value, "'"), "'")
	switch {
	case f != nil && f.Wire == "LocationConstraint":
		k := fault.Kind{Code: "InvalidLocationConstraint", Status: 400}
		return k.New("The specified location-constraint is not valid").With("LocationConstraint", value)
	case f == nil || f.Location == "" && strings.Contains(v.path, "."):
		return badXML()
	case v.kind != "required" && f.Location == "":
		return badXML()
	case v.kind != "required":
		return s3Argument(f, value)
	case f.Location == "header":
		return missingHeader.New("Your request was missing a required header").With("MissingHeaderName", f.Wire)
	case f.Location == "":
		return missingBody.New("Request Body is empty")
	}
	return s3Argument(f, "")
}

// s3Argument answers a header or a query parameter whose value is none of those allowed.
func s3Argument(f *field, value string) *fault.Fault {
	message := ""
	switch f.Wire {
	case "x-amz-storage-class":
		k := fault.Kind{Code: "InvalidStorageClass", Status: 400}
		return k.New("The storage class you specified is not valid").With("StorageClassRequested", value)
	case "encoding-type":
		message = "Invalid Encoding Method specified in Request"
	case "x-amz-copy-source":
		message, value = "Invalid copy source object key", f.Wire
	case "x-amz-object-lock-mode":
		message = "Unknown wormMode directive."
	case "partNumber":
		message = "Part number must be an integer between 1 and 10000, inclusive"
	case "x-amz-object-ownership":
		message = "Invalid x-amz-object-ownership header: " + value
	default:
		if t := f.plan.shape.Type; t == "integer" || t == "long" {
			message = "Provided " + f.Wire + " not an integer or within integer range"
		}
	}
	return (&fault.Fault{Kind: invalidArgument, Message: message}).With("ArgumentName", f.Wire).With("ArgumentValue", value)
}

// hostID is the second id of an S3 answer. It says nothing but looks as clients expect.
func hostID(requestID string) string {
	a := sha256.Sum256([]byte(requestID))
	b := sha256.Sum256(a[:])
	return base64.StdEncoding.EncodeToString(append(a[:], b[:24]...))
}
