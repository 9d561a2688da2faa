// Package wire turns HTTP messages into typed values and back, for every AWS protocol, driven by the
// reduced API model: no operation has code of its own here.
//
// It promises that Decode of what an AWS SDK sent gives every member, that every constraint of the
// model is checked and answered in AWS's words, and that Encode and Fault give what the SDKs read.
// It does no I/O and knows no service by name.
package wire

import (
	"io"
	"net/http"
)

// Request is an HTTP request as the codecs and the signature verifier see it, whatever server took it.
type Request struct {
	Method string
	Host   string
	// Path is the escaped path exactly as it was sent, never cleaned; RawQuery is what follows "?".
	Path, RawQuery string
	Header         http.Header // canonical keys
	// Body is the stream of a request whose body is not buffered; nil when Bytes holds it all.
	Body   io.Reader
	Bytes  []byte
	Length int64 // Content-Length; -1 when unknown
}

// Response is what goes back.
type Response struct {
	Status int
	Header http.Header
	Bytes  []byte
	// Body is used instead of Bytes when it is not nil, and closed after. Length is its size, -1
	// when unknown.
	Body   io.ReadCloser
	Length int64
}
