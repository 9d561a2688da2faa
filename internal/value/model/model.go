// Package model is the reduced API model of every AWS service Cloister speaks for: operations,
// shapes, constraints and wire bindings, read from an embedded archive that tools/shapes makes.
//
// It promises that Load gives the same pointers each time and that nothing in it changes after. It
// knows no protocol; engine/wire reads it.
package model

// Service is one AWS service's API. Shapes may be used by several members; never change one.
type Service struct {
	ID             string // our short name and folder: "sagemaker", "sagemakerruntime", "ec2", "s3", "iam", "sts", "logs"
	Protocol       string // "json", "query", "ec2", "rest-json", "rest-xml"
	JSONVersion    string // "1.1" for protocol json
	TargetPrefix   string // "SageMaker" for protocol json
	SigningName    string // "sagemaker" also for the runtime
	EndpointPrefix string // "api.sagemaker", "runtime.sagemaker", "s3", "logs", …
	APIVersion     string // "2016-11-15"
	XMLNamespace   string
	// Validation is the code of a broken constraint where it is not the protocol's own, as
	// InvalidParameterException. HideValues keeps values out of constraint sentences.
	Validation string
	HideValues bool
	// ByParameter services tell of the first broken constraint only, in a sentence of their own.
	ByParameter bool
	Operations  map[string]*Operation
	Shapes      map[string]*Shape
}

// Objects says whether the service is S3, whose manners no other service of its protocol has: callers
// without a signature, bodies that are streams, errors of a form of their own.
func (s *Service) Objects() bool { return s.Protocol == "rest-xml" && s.SigningName == "s3" }

// Registry says whether the service is the door of container registries, which speaks the protocol that container
// tools have among themselves: callers with a password, bodies that are streams, errors of that protocol.
func (s *Service) Registry() bool { return s.Protocol == "rest-json" && s.SigningName == "ecr" }

// Operation is one call.
type Operation struct {
	Service *Service
	Name    string
	Method  string // HTTP method
	Path    string // request URI template: "/endpoints/{EndpointName}/invocations", "/{Bucket}/{Key+}?tagging"
	Status  int    // of a good answer; 200 when the model is silent
	Input   *Shape // a structure; nil when there is none
	Output  *Shape
	Result  string // query protocol's resultWrapper, "CreateRoleResult"
	Errors  []*Shape
}

// Shape is a type.
type Shape struct {
	Name    string
	Type    string // structure list map string integer long float double boolean blob timestamp
	Members []*Member
	// Required lists member names, in model order.
	Required  []string
	Enum      []string
	Pattern   string
	Min, Max  *float64 // length, size or value, by Type
	Flattened bool
	Format    string // timestampFormat
	Document  bool
	Union     bool
	Sensitive bool
	Streaming bool
	// EventStream marks a union of events that goes as a stream of frames.
	EventStream bool
	// Payload is the member that is the whole body, for REST protocols.
	Payload string
	Element *Member // of a list
	Key     *Member // of a map
	Value   *Member // of a map
	XMLName string  // of the root element
	XMLNS   string
	// ErrorCode and ErrorStatus are of an exception shape.
	Exception   bool
	ErrorCode   string
	ErrorStatus int
}

// Member is a use of a shape.
type Member struct {
	Name      string // in the model; with a capital first letter, the Go field
	Shape     *Shape
	Location  string // "", header, headers, querystring, uri, statusCode
	Wire      string // locationName; the member's name when the model is silent
	QueryName string // ec2 only
	Flattened bool
	Streaming bool
	Attribute bool // xmlAttribute
	Text      bool // the text of the parent's XML element, not an element of its own
	XMLNS     string
	Format    string // timestampFormat
	JSONValue bool
	Token     bool // idempotencyToken
}
