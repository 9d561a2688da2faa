package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// The reduced model as internal/value/model reads it; the short keys keep the archive small.
type (
	outService struct {
		ID             string          `json:"id"`
		Protocol       string          `json:"pr"`
		JSONVersion    string          `json:"jv,omitempty"`
		TargetPrefix   string          `json:"tp,omitempty"`
		SigningName    string          `json:"sn"`
		EndpointPrefix string          `json:"ep"`
		APIVersion     string          `json:"av"`
		XMLNamespace   string          `json:"ns,omitempty"`
		Validation     string          `json:"vc,omitempty"`
		Hidden         bool            `json:"hv,omitempty"`
		Parameter      bool            `json:"ps,omitempty"`
		Operations     []*outOperation `json:"ops"`
		Shapes         []*outShape     `json:"shapes"`
	}
	outOperation struct {
		Name   string   `json:"n"`
		Method string   `json:"m"`
		Path   string   `json:"p"`
		Status int      `json:"s,omitempty"`
		Input  string   `json:"i,omitempty"`
		Output string   `json:"o,omitempty"`
		Result string   `json:"r,omitempty"`
		Errors []string `json:"e,omitempty"`
	}
	outShape struct {
		Name        string       `json:"n"`
		Type        string       `json:"t"`
		Members     []*outMember `json:"m,omitempty"`
		Required    []string     `json:"rq,omitempty"`
		Enum        []string     `json:"en,omitempty"`
		Pattern     string       `json:"pa,omitempty"`
		Min         *float64     `json:"mi,omitempty"`
		Max         *float64     `json:"ma,omitempty"`
		Flattened   bool         `json:"fl,omitempty"`
		Format      string       `json:"fo,omitempty"`
		Document    bool         `json:"do,omitempty"`
		Union       bool         `json:"un,omitempty"`
		Sensitive   bool         `json:"se,omitempty"`
		Streaming   bool         `json:"st,omitempty"`
		EventStream bool         `json:"ev,omitempty"`
		Payload     string       `json:"pl,omitempty"`
		Element     *outMember   `json:"el,omitempty"`
		Key         *outMember   `json:"k,omitempty"`
		Value       *outMember   `json:"v,omitempty"`
		XMLName     string       `json:"xn,omitempty"`
		XMLNS       string       `json:"xs,omitempty"`
		Exception   bool         `json:"ex,omitempty"`
		ErrorCode   string       `json:"ec,omitempty"`
		ErrorStatus int          `json:"es,omitempty"`
	}
	outMember struct {
		Name      string `json:"n,omitempty"`
		Shape     string `json:"s"`
		Location  string `json:"l,omitempty"`
		Wire      string `json:"w,omitempty"`
		QueryName string `json:"q,omitempty"`
		Flattened bool   `json:"fl,omitempty"`
		Streaming bool   `json:"st,omitempty"`
		Attribute bool   `json:"at,omitempty"`
		Text      bool   `json:"tx,omitempty"`
		XMLNS     string `json:"xs,omitempty"`
		Format    string `json:"fo,omitempty"`
		JSONValue bool   `json:"jv,omitempty"`
		Token     bool   `json:"to,omitempty"`
	}
)

// restNamespace is the namespace of a REST service's documents, which the models tell of requests only.
func restNamespace(id, version string) string {
	if id == "s3" {
		return "http://s3.amazonaws.com/doc/2006-03-01/"
	}
	return "https://" + id + ".amazonaws.com/doc/" + version + "/"
}

// reduce keeps the wanted operations and every shape that they can reach.
func reduce(s *service, src *sourceModel) (*outService, error) {
	m := src.Metadata
	out := &outService{ID: s.id, Protocol: m.Protocol, JSONVersion: m.JSONVersion, TargetPrefix: m.TargetPrefix,
		SigningName: m.SigningName, EndpointPrefix: m.EndpointPrefix, APIVersion: m.APIVersion,
		XMLNamespace: m.XMLNamespace, Validation: s.validation, Hidden: s.hidden, Parameter: s.parameter}
	if out.SigningName == "" {
		out.SigningName = m.EndpointPrefix
	}
	if m.Protocol == "rest-xml" && out.XMLNamespace == "" {
		out.XMLNamespace = restNamespace(s.id, m.APIVersion)
	}
	reached := map[string]bool{}
	for name, op := range src.Operations {
		if s.wants(name) {
			out.Operations = append(out.Operations, reduceOperation(name, op, m.Protocol, src, reached))
		}
	}
	sort.Slice(out.Operations, func(i, j int) bool { return out.Operations[i].Name < out.Operations[j].Name })
	for name := range reached {
		shape := reduceShape(name, src.Shapes[name])
		if root := s.root[name]; root != "" {
			shape.XMLName = root
		}
		if most, ok := s.most[name]; ok {
			shape.Max = &most
		}
		for _, member := range shape.Members {
			member.Text = s.text[name] == member.Name
		}
		out.Shapes = append(out.Shapes, shape)
	}
	sort.Slice(out.Shapes, func(i, j int) bool { return out.Shapes[i].Name < out.Shapes[j].Name })
	for shape := range s.root {
		if !reached[shape] {
			return nil, fmt.Errorf("%s has no shape %s", s.id, shape)
		}
	}
	return out, nil
}

func reduceOperation(name string, op *sourceOperation, protocol string, src *sourceModel, reached map[string]bool) *outOperation {
	o := &outOperation{Name: name, Method: op.HTTP.Method, Path: op.HTTP.RequestURI, Status: op.HTTP.ResponseCode, Result: op.ResultWrapper}
	for to, from := range map[*string]*sourceMember{&o.Input: op.Input, &o.Output: op.Output} {
		if from != nil {
			*to = from.Shape
			reach(src, from.Shape, reached)
		}
	}
	if op.Output != nil && protocol == "query" && o.Result == "" {
		o.Result = name + "Result"
	}
	for _, e := range op.Errors {
		o.Errors = append(o.Errors, e.Shape)
		reach(src, e.Shape, reached)
	}
	if in := op.Input; in != nil && in.LocationName != "" {
		src.Shapes[in.Shape].LocationName = in.LocationName
		src.Shapes[in.Shape].XMLNamespace = in.XMLNamespace
	}
	return o
}

func reach(src *sourceModel, name string, reached map[string]bool) {
	if name == "" || reached[name] {
		return
	}
	reached[name] = true
	s := src.Shapes[name]
	for _, m := range s.Members {
		reach(src, m.value.Shape, reached)
	}
	for _, m := range []*sourceMember{s.Member, s.Key, s.Value} {
		if m != nil {
			reach(src, m.Shape, reached)
		}
	}
}

func reduceShape(name string, s *sourceShape) *outShape {
	o := &outShape{Name: name, Type: s.Type, Required: s.Required, Enum: s.Enum, Pattern: s.Pattern, Min: s.Min, Max: s.Max,
		Flattened: s.Flattened, Format: s.TimestampFormat, Document: s.Document, Union: s.Union, Sensitive: s.Sensitive,
		Streaming: s.Streaming, EventStream: s.EventStream, Payload: s.Payload, XMLName: s.LocationName, XMLNS: s.XMLNamespace.uri,
		Exception: s.Exception, ErrorCode: s.Error.Code, ErrorStatus: s.Error.HTTPStatusCode,
		Element: reduceMember("", s.Member), Key: reduceMember("", s.Key), Value: reduceMember("", s.Value)}
	if s.Exception && s.Fault && o.ErrorStatus == 0 {
		o.ErrorStatus = 500
	}
	for _, m := range s.Members {
		o.Members = append(o.Members, reduceMember(m.name, m.value))
	}
	return o
}

func reduceMember(name string, m *sourceMember) *outMember {
	if m == nil {
		return nil
	}
	return &outMember{Name: name, Shape: m.Shape, Location: m.Location, Wire: m.LocationName, QueryName: m.QueryName, Flattened: m.Flattened,
		Streaming: m.Streaming, Attribute: m.XMLAttribute, XMLNS: m.XMLNamespace.uri, Format: m.TimestampFormat,
		JSONValue: m.JSONValue, Token: m.IdempotencyToken}
}

func writeModel(dir string, m *outService) error {
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	e := json.NewEncoder(z)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, m.ID+".json.gz"), packed.Bytes(), 0o644)
}

func (m *outService) shape(name string) *outShape {
	i, ok := slices.BinarySearchFunc(m.Shapes, name, func(s *outShape, n string) int { return strings.Compare(s.Name, n) })
	if !ok {
		panic("no shape " + name)
	}
	return m.Shapes[i]
}
