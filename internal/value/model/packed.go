package model

import "fmt"

// The archive's form, as tools/shapes writes it: the same facts with names in place of pointers.
type (
	packed struct {
		ID             string            `json:"id"`
		Protocol       string            `json:"pr"`
		JSONVersion    string            `json:"jv"`
		TargetPrefix   string            `json:"tp"`
		SigningName    string            `json:"sn"`
		EndpointPrefix string            `json:"ep"`
		APIVersion     string            `json:"av"`
		XMLNamespace   string            `json:"ns"`
		Validation     string            `json:"vc"`
		HideValues     bool              `json:"hv"`
		ByParameter    bool              `json:"ps"`
		Operations     []packedOperation `json:"ops"`
		Shapes         []packedShape     `json:"shapes"`
	}
	packedOperation struct {
		Name   string   `json:"n"`
		Method string   `json:"m"`
		Path   string   `json:"p"`
		Status int      `json:"s"`
		Input  string   `json:"i"`
		Output string   `json:"o"`
		Result string   `json:"r"`
		Errors []string `json:"e"`
	}
	packedShape struct {
		Name        string         `json:"n"`
		Type        string         `json:"t"`
		Members     []packedMember `json:"m"`
		Required    []string       `json:"rq"`
		Enum        []string       `json:"en"`
		Pattern     string         `json:"pa"`
		Min         *float64       `json:"mi"`
		Max         *float64       `json:"ma"`
		Flattened   bool           `json:"fl"`
		Format      string         `json:"fo"`
		Document    bool           `json:"do"`
		Union       bool           `json:"un"`
		Sensitive   bool           `json:"se"`
		Streaming   bool           `json:"st"`
		EventStream bool           `json:"ev"`
		Payload     string         `json:"pl"`
		Element     *packedMember  `json:"el"`
		Key         *packedMember  `json:"k"`
		Value       *packedMember  `json:"v"`
		XMLName     string         `json:"xn"`
		XMLNS       string         `json:"xs"`
		Exception   bool           `json:"ex"`
		ErrorCode   string         `json:"ec"`
		ErrorStatus int            `json:"es"`
	}
	packedMember struct {
		Name      string `json:"n"`
		Shape     string `json:"s"`
		Location  string `json:"l"`
		Wire      string `json:"w"`
		QueryName string `json:"q"`
		Flattened bool   `json:"fl"`
		Streaming bool   `json:"st"`
		Attribute bool   `json:"at"`
		Text      bool   `json:"tx"`
		XMLNS     string `json:"xs"`
		Format    string `json:"fo"`
		JSONValue bool   `json:"jv"`
		Token     bool   `json:"to"`
	}
)

func (p *packed) unpack() (*Service, error) {
	s := &Service{ID: p.ID, Protocol: p.Protocol, JSONVersion: p.JSONVersion, TargetPrefix: p.TargetPrefix,
		SigningName: p.SigningName, EndpointPrefix: p.EndpointPrefix, APIVersion: p.APIVersion,
		XMLNamespace: p.XMLNamespace, Validation: p.Validation, HideValues: p.HideValues, ByParameter: p.ByParameter,
		Operations: make(map[string]*Operation, len(p.Operations)), Shapes: make(map[string]*Shape, len(p.Shapes))}
	shapes := make([]Shape, len(p.Shapes))
	for i := range p.Shapes {
		s.Shapes[p.Shapes[i].Name] = &shapes[i]
	}
	u := unpacker{shapes: s.Shapes}
	for i := range p.Shapes {
		u.shape(&p.Shapes[i], &shapes[i])
	}
	for i := range p.Operations {
		o := u.operation(&p.Operations[i])
		o.Service = s
		s.Operations[o.Name] = o
	}
	return s, u.err
}

// unpacker turns names into pointers; err is the first name that leads nowhere.
type unpacker struct {
	shapes map[string]*Shape
	err    error
}

func (u *unpacker) find(name string) *Shape {
	if name == "" {
		return nil
	}
	s := u.shapes[name]
	if s == nil && u.err == nil {
		u.err = fmt.Errorf("no shape %q", name)
	}
	return s
}

func (u *unpacker) operation(p *packedOperation) *Operation {
	o := &Operation{Name: p.Name, Method: p.Method, Path: p.Path, Status: p.Status, Result: p.Result,
		Input: u.find(p.Input), Output: u.find(p.Output)}
	if o.Status == 0 {
		o.Status = 200
	}
	for _, e := range p.Errors {
		o.Errors = append(o.Errors, u.find(e))
	}
	return o
}

func (u *unpacker) shape(p *packedShape, s *Shape) {
	*s = Shape{Name: p.Name, Type: p.Type, Required: p.Required, Enum: p.Enum, Pattern: p.Pattern, Min: p.Min, Max: p.Max,
		Flattened: p.Flattened, Format: p.Format, Document: p.Document, Union: p.Union, Sensitive: p.Sensitive,
		Streaming: p.Streaming, EventStream: p.EventStream, Payload: p.Payload, XMLName: p.XMLName, XMLNS: p.XMLNS,
		Exception: p.Exception, ErrorCode: p.ErrorCode, ErrorStatus: p.ErrorStatus,
		Element: u.one(p.Element), Key: u.one(p.Key), Value: u.one(p.Value)}
	if s.Exception && s.ErrorCode == "" {
		s.ErrorCode = s.Name
	}
	members := make([]Member, len(p.Members))
	s.Members = make([]*Member, len(p.Members))
	for i := range p.Members {
		u.member(&p.Members[i], &members[i])
		s.Members[i] = &members[i]
	}
}

func (u *unpacker) one(p *packedMember) *Member {
	if p == nil {
		return nil
	}
	m := new(Member)
	u.member(p, m)
	return m
}

func (u *unpacker) member(p *packedMember, m *Member) {
	*m = Member{Name: p.Name, Shape: u.find(p.Shape), Location: p.Location, Wire: p.Wire, QueryName: p.QueryName,
		Flattened: p.Flattened, Streaming: p.Streaming, Attribute: p.Attribute, Text: p.Text, XMLNS: p.XMLNS,
		Format: p.Format, JSONValue: p.JSONValue, Token: p.Token}
	if m.Wire == "" {
		m.Wire = m.Name
	}
}
