// Package sigv4 decides whether a request was signed by the holder of a secret: AWS Signature Version
// 4 in its header, presigned and chunked forms, and S3's old presigned Version 2. It also signs, for
// our own calls and tests.
//
// It promises that nothing signed can be altered unseen, that a body is checked as it streams, and
// that every refusal has AWS's code and words. It reads no clock, knows no account, role or policy,
// and never finds a secret by itself: the caller looks the access key up.
package sigv4

import (
	"net/http"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	basicTime  = "20060102T150405Z"
	skew       = 15 * time.Minute
	maxExpires = 604800 // seconds, a week
)

// Request is the part of an HTTP request that a signature covers.
type Request struct {
	Method string
	Host   string
	// Path is the escaped path exactly as it was sent; RawQuery is what follows "?".
	Path, RawQuery string
	Header         http.Header // canonical keys
	// Bucket is the bucket that the host names in S3's virtual-hosted style, else empty. Only
	// Version 2 needs it.
	Bucket string
}

// Scope is the region and the service (by its signing name) that an endpoint stands for.
type Scope struct{ Region, Service string }

// objects tells whether S3's rules for paths, payloads and presigned requests hold.
func (s Scope) objects() bool { return s.Service == "s3" }

// Form is where the signature was found.
type Form int

const (
	// None is a request without a signature: its caller is anonymous.
	None        Form = iota
	Header           // Authorization header, Version 4
	Presigned        // query string, Version 4
	PresignedV2      // query string, S3's Version 2
)

// Claim is what a request says of its signer. Nothing in it is true before Verify says so.
type Claim struct {
	Form      Form
	AccessKey string
	// Date, Region, Service and Terminator are the credential scope.
	Date, Region, Service, Terminator string
	// Time is when the request was signed, and Timestamp the same as the signature covers it.
	Time      time.Time
	Timestamp string
	// SignedHeaders is the list as it was sent, names divided by semicolons.
	SignedHeaders string
	Signature     string
	SecurityToken string
	// Expires is how long a presigned request lives after Time, 0 when it did not say.
	Expires time.Duration
}

// signs tells whether a header, given in any case, is in the list of signed headers.
func (c *Claim) signs(name string) bool {
	for rest := c.SignedHeaders; rest != ""; {
		var one string
		one, rest, _ = strings.Cut(rest, ";")
		if strings.EqualFold(one, name) {
			return true
		}
	}
	return false
}

// Payload is the payload hash that stands in the client's canonical request: a hash, one of the
// words UNSIGNED-PAYLOAD and STREAMING-…, or "" when it is the hash of a body yet to be read.
func (c *Claim) Payload(r *Request, want Scope) string {
	if v := first(r.Header, "X-Amz-Content-Sha256"); v != "" || c.Form == Header || c.Form == None {
		return v
	}
	if !want.objects() {
		return ""
	}
	if v, ok := queryValue(r.RawQuery, "X-Amz-Content-Sha256"); ok {
		return v
	}
	return UnsignedPayload
}

func first(h http.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}
