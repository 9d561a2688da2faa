package wire

import "cloister/internal/value/fault"

// Faults of the front of every service, before an operation is reached.
var (
	unknownOperation = fault.Kind{Code: "UnknownOperationException", Status: 404}
	serialization    = fault.Kind{Code: "SerializationException", Status: 400}
	validation       = fault.Kind{Code: "ValidationException", Status: 400}
	validationError  = fault.Kind{Code: "ValidationError", Status: 400}
	invalidAction    = fault.Kind{Code: "InvalidAction", Status: 400}
	missingAction    = fault.Kind{Code: "MissingAction", Status: 400}
	malformedInput   = fault.Kind{Code: "MalformedInput", Status: 400}
	malformedQuery   = fault.Kind{Code: "MalformedQueryString", Status: 400}
	missingParameter = fault.Kind{Code: "MissingParameter", Status: 400}
	unknownParameter = fault.Kind{Code: "UnknownParameter", Status: 400}
	invalidValue     = fault.Kind{Code: "InvalidParameterValue", Status: 400}

	malformedXML    = fault.Kind{Code: "MalformedXML", Status: 400}
	missingBody     = fault.Kind{Code: "MissingRequestBodyError", Status: 400}
	missingHeader   = fault.Kind{Code: "MissingSecurityHeader", Status: 400}
	invalidArgument = fault.Kind{Code: "InvalidArgument", Status: 400}
	invalidURI      = fault.Kind{Code: "InvalidURI", Status: 400}
	notAllowed      = fault.Kind{Code: "MethodNotAllowed", Status: 405}
)

func badXML() *fault.Fault {
	return malformedXML.New("The XML you provided was not well-formed or did not validate against our published schema")
}

// depthLimit is how deep a document may nest; no AWS shape comes near it.
const depthLimit = 64
