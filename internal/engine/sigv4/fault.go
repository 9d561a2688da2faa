package sigv4

import (
	"cmp"

	"cloister/internal/value/fault"
)

// answer is what one kind of refusal is called by each family of front ends, and its words where they
// are always the same.
type answer struct {
	query, json fault.Kind
	ec2         fault.Kind
	s3          fault.Kind
	// presigned is S3's for a query signature, where it differs from s3.
	presigned fault.Kind
	message   string
	// ec2Words and s3Words replace the message there.
	ec2Words, s3Words string
}

const (
	mismatchText   = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	mismatchS3     = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	ec2AuthFailure = "AWS was not able to validate the provided access credentials"
	lengthText     = "You did not provide the number of bytes specified by the Content-Length HTTP header"
)

var (
	queryIncomplete = fault.Kind{Code: "IncompleteSignature", Status: 400}
	jsonIncomplete  = fault.Kind{Code: "IncompleteSignatureException", Status: 400}
	queryMismatch   = fault.Kind{Code: "SignatureDoesNotMatch", Status: 403}
	jsonMismatch    = fault.Kind{Code: "InvalidSignatureException", Status: 400}
	queryUnknown    = fault.Kind{Code: "InvalidClientTokenId", Status: 403}
	jsonUnknown     = fault.Kind{Code: "UnrecognizedClientException", Status: 400}
	authFailure     = fault.Kind{Code: "AuthFailure", Status: 401}
	requestExpired  = fault.Kind{Code: "RequestExpired", Status: 400}
	accessDenied    = fault.Kind{Code: "AccessDenied", Status: 403}
	tooSkewed       = fault.Kind{Code: "RequestTimeTooSkewed", Status: 403}
	headerMalformed = fault.Kind{Code: "AuthorizationHeaderMalformed", Status: 400}
	queryMalformed  = fault.Kind{Code: "AuthorizationQueryParametersError", Status: 400}
	invalidArgument = fault.Kind{Code: "InvalidArgument", Status: 400}
	invalidRequest  = fault.Kind{Code: "InvalidRequest", Status: 400}
	incompleteBody  = fault.Kind{Code: "IncompleteBody", Status: 400}
)

const tooSkewedText = "The difference between the request time and the current time is too large."

// incomplete, mismatch and payload are the rows that most kinds share.
func incomplete(s3, presigned fault.Kind) answer {
	return answer{query: queryIncomplete, json: jsonIncomplete, ec2: authFailure, s3: s3, presigned: presigned, ec2Words: ec2AuthFailure}
}

func mismatch(ec2, s3 fault.Kind, ec2Words, s3Words string) answer {
	return answer{query: queryMismatch, json: jsonMismatch, ec2: ec2, s3: s3, message: mismatchText, ec2Words: ec2Words, s3Words: s3Words}
}

func payload(code string, status int, words string) answer {
	return mismatch(authFailure, fault.Kind{Code: code, Status: status}, ec2AuthFailure, words)
}

var answers = map[Kind]answer{
	NoCredentials: {
		query: fault.Kind{Code: "MissingAuthenticationToken", Status: 403},
		json:  fault.Kind{Code: "MissingAuthenticationTokenException", Status: 400},
		ec2:   fault.Kind{Code: "MissingParameter", Status: 400}, s3: accessDenied,
		message:  "Request is missing Authentication Token",
		ec2Words: "The request must contain the parameter AWSAccessKeyId", s3Words: "Access Denied",
	},
	UnknownKey: {
		query: queryUnknown, json: jsonUnknown, ec2: authFailure, s3: fault.Kind{Code: "InvalidAccessKeyId", Status: 403},
		message:  "The security token included in the request is invalid.",
		ec2Words: ec2AuthFailure, s3Words: "The AWS Access Key Id you provided does not exist in our records.",
	},
	BadToken: {
		query: queryUnknown, json: jsonUnknown, ec2: authFailure, s3: fault.Kind{Code: "InvalidToken", Status: 400},
		message:  "The security token included in the request is invalid",
		ec2Words: ec2AuthFailure, s3Words: "The provided token is malformed or otherwise invalid.",
	},
	ExpiredToken: {
		query: fault.Kind{Code: "ExpiredToken", Status: 403}, json: fault.Kind{Code: "ExpiredTokenException", Status: 400},
		ec2: requestExpired, s3: fault.Kind{Code: "ExpiredToken", Status: 400},
		message:  "The security token included in the request is expired",
		ec2Words: "Request has expired.", s3Words: "The provided token has expired.",
	},
	TwoMechanisms: mismatch(authFailure, invalidArgument, ec2AuthFailure,
		"Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"),
	UnknownAlgorithm: incomplete(invalidRequest, queryMalformed),
	Incomplete:       incomplete(headerMalformed, queryMalformed),
	BadDate:          incomplete(accessDenied, queryMalformed),
	MalformedURI: {
		query: fault.Kind{Code: "MalformedQueryString", Status: 404}, json: jsonIncomplete,
		ec2: fault.Kind{Code: "MalformedQueryString", Status: 404}, s3: fault.Kind{Code: "InvalidURI", Status: 400},
		message: "The query string contains a syntax error", s3Words: "Couldn't parse the specified URI.",
	},
	Unsigned:    mismatch(authFailure, accessDenied, ec2AuthFailure, "There were headers present in the request which were not signed"),
	Expired:     mismatch(requestExpired, tooSkewed, "Request has expired.", tooSkewedText),
	NotYetValid: {query: queryMismatch, json: jsonMismatch, ec2: requestExpired, s3: tooSkewed, presigned: accessDenied, ec2Words: "Request has expired.", s3Words: tooSkewedText},
	PresignExpired: mismatch(requestExpired, accessDenied,
		"Request has expired.", "Request has expired"),
	WrongScope: {query: queryMismatch, json: jsonMismatch, ec2: authFailure, s3: headerMalformed, presigned: queryMalformed, ec2Words: ec2AuthFailure},
	Mismatch:   payload("SignatureDoesNotMatch", 403, mismatchS3),

	PayloadUndeclared: payload("InvalidRequest", 400, "Missing required header for this request: x-amz-content-sha256"),
	PayloadInvalid: payload("InvalidArgument", 400,
		"x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."),
	PayloadMismatch:    payload("XAmzContentSHA256Mismatch", 400, "The provided 'x-amz-content-sha256' header does not match what was computed."),
	MissingLength:      payload("MissingContentLength", 411, "You must provide the Content-Length HTTP header."),
	ChunkMismatch:      payload("SignatureDoesNotMatch", 403, mismatchS3),
	MalformedChunk:     payload("IncompleteBody", 400, "The request body terminated unexpectedly"),
	Truncated:          payload("IncompleteBody", 400, "The request body terminated unexpectedly"),
	LengthMismatch:     payload("IncompleteBody", 400, lengthText),
	TrailerUnsupported: payload("InvalidRequest", 400, "The value specified in the x-amz-trailer header is not supported"),
	MalformedTrailer: payload("MalformedTrailerError", 400,
		"The request contained trailing data that was not well-formed or did not conform to our published schema."),
	ChecksumMismatch: payload("BadDigest", 400, ""),
}

// Fault is a refusal in the dress of a front end. The family is the API model's name of the protocol:
// "query", "json", "rest-json", "ec2", or "rest-xml" for S3; any other is answered as "json".
func (e *Error) Fault(family string) *fault.Fault {
	a := answers[e.Kind]
	switch family {
	case "query":
		return &fault.Fault{Kind: a.query, Message: e.Message}
	case "ec2":
		return &fault.Fault{Kind: a.ec2, Message: cmp.Or(a.ec2Words, e.Message)}
	case "rest-xml":
		k := a.s3
		if e.Form == Presigned && a.presigned.Code != "" {
			k = a.presigned
		}
		return &fault.Fault{Kind: k, Message: cmp.Or(e.words, a.s3Words, e.Message), Fields: e.members}
	case "rest-json":
		k := a.json
		if k.Status == 400 {
			k.Status = 403
		}
		return &fault.Fault{Kind: k, Message: e.Message}
	}
	return &fault.Fault{Kind: a.json, Message: e.Message}
}
