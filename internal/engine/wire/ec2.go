package wire

import (
	"reflect"
	"strings"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// aside are the parameters of every request: what is called, and who signs it.
var aside = map[string]bool{"Action": true, "Version": true, "AWSAccessKeyId": true, "Signature": true, "SignatureMethod": true,
	"SignatureVersion": true, "Timestamp": true, "Expires": true, "SecurityToken": true}

// unknownParameters refuses what no member took, as EC2 does.
func unknownParameters(root *form) error {
	for k, f := range root.kids {
		if aside[k] || strings.HasPrefix(k, "X-Amz-") {
			f.used = true
		}
	}
	if name := root.unused(""); name != "" {
		return unknownParameter.New("The parameter %s is not recognized", clip(name))
	}
	return nil
}

// ec2Verdict answers the first thing that is broken; EC2 never lists them.
func ec2Verdict(v violation) *fault.Fault {
	name := v.path
	if v.kind == "required" {
		return missingParameter.New("The request must contain the parameter %s", parameterName(v))
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 && v.field != nil {
		name = v.field.lower
	}
	value := strings.TrimSuffix(strings.TrimPrefix(v.value, "'"), "'")
	switch v.kind {
	case "min":
		if dimension(v.field.Shape) == "value" {
			return invalidValue.New("Value ( %s ) for parameter %s is invalid. Expecting a value greater than %s.", value, name, plain(v.limit))
		}
	case "max":
		if dimension(v.field.Shape) == "value" {
			return invalidValue.New("Value ( %s ) for parameter %s is invalid. Expecting a value less than %s.", value, name, plain(v.limit))
		}
	}
	return invalidValue.New("Value (%s) for parameter %s is invalid.", value, name)
}

// parameterName spells a path as the caller would write it: TagSpecifications.1.ResourceType.
func parameterName(v violation) string {
	steps := strings.Split(strings.ReplaceAll(v.path, ".member", ""), ".")
	for i, s := range steps {
		if s != "" {
			steps[i] = strings.ToUpper(s[:1]) + s[1:]
		}
	}
	if v.field != nil {
		steps[len(steps)-1] = v.field.query
	}
	return strings.Join(steps, ".")
}

// encodeEC2 dresses an answer: XResponse with the members straight below, return when there are none.
func encodeEC2(op *model.Operation, p *plan, v reflect.Value, requestID string) []byte {
	w := newXML()
	w.open(op.Name+"Response", strings.TrimSuffix(op.Service.XMLNamespace, "/")+"/")
	w.element("requestId", requestID)
	if op.Output == nil {
		w.element("return", "true")
	} else if p != nil {
		x := xmlWriter{xml: w, format: isoMillis, emptyLists: true}
		x.members(p, v)
	}
	w.shut()
	return w.b
}
