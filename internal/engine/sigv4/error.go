package sigv4

import "fmt"

// Kind is a way in which a signature can be refused.
type Kind int

const (
	// NoCredentials, UnknownKey, BadToken and ExpiredToken are found by the caller, who knows keys
	// and sessions; make them with Refuse.
	NoCredentials Kind = iota
	UnknownKey
	BadToken
	ExpiredToken

	TwoMechanisms    // both a header and a query signature
	UnknownAlgorithm // neither AWS4-HMAC-SHA256 nor what S3 still takes
	Incomplete       // a part of the signature is missing or malformed
	BadDate          // no date, or not one
	MalformedURI     // an escape in path or query is broken
	Unsigned         // the host, an x-amz-* header or the security token is not signed
	Expired          // signed more than 15 minutes ago
	NotYetValid      // signed more than 15 minutes in the future
	PresignExpired   // past the time that the presigned request gave itself
	WrongScope       // region, service, date or terminator of the scope
	Mismatch         // the signature is another one

	PayloadUndeclared  // S3 wants x-amz-content-sha256
	PayloadInvalid     // and it is none of the values it may have
	PayloadMismatch    // the body has another hash
	MissingLength      // chunked without x-amz-decoded-content-length
	ChunkMismatch      // a chunk or the trailer has another signature
	MalformedChunk     // the aws-chunked encoding is broken
	Truncated          // the body ended before its end
	LengthMismatch     // more or fewer bytes than declared
	TrailerUnsupported // x-amz-trailer names what is no checksum
	MalformedTrailer   // the trailer is not what was announced
	ChecksumMismatch   // the trailing checksum is another one
)

// Error is a refusal. It is made for one request and told to one customer; Fault dresses it.
type Error struct {
	Kind Kind
	Form Form
	// Message is in the words of the Query and JSON front ends.
	Message string
	// CanonicalRequest and StringToSign are those we computed, for Mismatch. They hold what the
	// customer sent, so they are for the customer's eyes only.
	CanonicalRequest, StringToSign string

	words   string         // S3's, where they differ
	members map[string]any // S3's further elements
}

func (e *Error) Error() string { return fmt.Sprintf("signature refused (%d): %s", e.Kind, e.Message) }

// Refuse is a refusal that needs no more than its kind.
func Refuse(kind Kind) *Error { return &Error{Kind: kind, Message: answers[kind].message} }

func (e *Error) in(f Form) *Error {
	e.Form = f
	return e
}

func (e *Error) object(format string, args ...any) *Error {
	e.words = fmt.Sprintf(format, args...)
	return e
}

func (e *Error) with(name string, value any) *Error {
	if e.members == nil {
		e.members = map[string]any{}
	}
	e.members[name] = value
	return e
}

func refuse(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}
