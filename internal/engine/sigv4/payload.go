package sigv4

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The words that x-amz-content-sha256 may hold in place of a hash.
const (
	UnsignedPayload   = "UNSIGNED-PAYLOAD"
	StreamingPayload  = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingTrailer  = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	StreamingUnsigned = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// maxDecoded is the largest body that can be uploaded at once.
const maxDecoded = 5 << 30

// Payload is the body of a request, decoded and checked as it streams.
//
// What it has given is true only once Read has said io.EOF: any other error means that the whole
// body must be thrown away. Where the length is known the last bytes are held back until everything is
// checked, so a reader that stops at the declared length has met the error, too.
type Payload struct {
	body    io.Reader
	length  int64
	trailer http.Header
}

// Read gives the next bytes of the decoded body. Its errors are *Error, but for those of the body
// that it reads from.
func (p *Payload) Read(b []byte) (int, error) { return p.body.Read(b) }

// Length is the number of decoded bytes, -1 when it is not known before the end.
func (p *Payload) Length() int64 { return p.length }

// Trailer is what followed a chunked body; it is complete after io.EOF.
func (p *Payload) Trailer() http.Header { return p.trailer }

// Payload wraps the body of a request whose claim was verified (or that is anonymous). The length is
// Content-Length, -1 when unknown.
func (v *Verifier) Payload(body io.Reader, length int64, r *Request, c *Claim, secret string, want Scope) (*Payload, *Error) {
	p := &Payload{body: body, length: length, trailer: http.Header{}}
	if c.Form == PresignedV2 {
		return p, nil
	}
	declared := c.Payload(r, want)
	switch {
	case declared == "" || declared == UnsignedPayload:
		return p, nil
	case length == 0 && isHash(declared) && declared != EmptyPayload:
		return nil, payloadMismatch(declared, EmptyPayload).in(c.Form) // nobody reads no bytes
	case isHash(declared):
		p.body = &hashed{body: body, left: length, sum: sha256.New(), want: declared, form: c.Form}
		return p, nil
	case !want.objects() || !isStreaming(declared), declared != StreamingUnsigned && c.Form != Header:
		return nil, Refuse(PayloadInvalid).in(c.Form)
	}
	ch, e := newChunked(body, r, c, declared)
	if e != nil {
		return nil, e.in(c.Form)
	}
	if ch.signed {
		ch.key = v.keys.get(secret, c.Date, c.Region, c.Service)
	}
	ch.trailer, p.body, p.length = p.trailer, ch, ch.left
	return p, nil
}

func isHash(s string) bool {
	if len(s) != 2*sha256.Size {
		return false
	}
	for i := range len(s) {
		if unhex(s[i]) < 0 || s[i] < '0' || s[i] != lower(s[i]) {
			return false
		}
	}
	return true
}

func isStreaming(s string) bool {
	return s == StreamingPayload || s == StreamingTrailer || s == StreamingUnsigned
}

// checkDeclared is S3's demand on x-amz-content-sha256.
func checkDeclared(c *Claim, declared string) *Error {
	switch {
	case declared == "":
		return Refuse(PayloadUndeclared).in(c.Form)
	case declared == UnsignedPayload, isStreaming(declared), isHash(declared):
		return nil
	}
	return Refuse(PayloadInvalid).in(c.Form).with("ArgumentName", "x-amz-content-sha256").with("ArgumentValue", declared)
}

func payloadMismatch(declared, computed string) *Error {
	return Refuse(PayloadMismatch).with("ClientComputedContentSHA256", declared).with("S3ComputedContentSHA256", computed)
}

// hashed is a body that must have a hash known beforehand.
type hashed struct {
	body io.Reader
	left int64 // negative when the length is not known
	sum  hash.Hash
	want string
	form Form
	end  error
}

func (h *hashed) Read(b []byte) (int, error) {
	if h.end != nil {
		return 0, h.end
	}
	n, err := h.body.Read(b)
	h.sum.Write(b[:n])
	if h.left >= 0 {
		h.left -= int64(n)
		switch {
		case h.left < 0:
			err = Refuse(LengthMismatch).in(h.form)
		case err == io.EOF && h.left > 0:
			err = Refuse(Truncated).in(h.form)
		case err == nil && h.left == 0:
			err = io.EOF
		}
	}
	if err == io.EOF {
		if got := hex.EncodeToString(h.sum.Sum(nil)); !sameText([]byte(got), h.want) {
			err = payloadMismatch(h.want, got).in(h.form)
		}
	}
	if h.end = err; err != nil && err != io.EOF {
		return 0, err
	}
	return n, err
}

// trailers is what x-amz-trailer announces: checksums, each computed while the body streams.
func trailers(r *Request) (map[string]hash.Hash, *Error) {
	all := map[string]hash.Hash{}
	for _, line := range r.Header["X-Amz-Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			sum, known := NewChecksum(strings.TrimPrefix(name, checksumHeader))
			if !known || !strings.HasPrefix(name, checksumHeader) {
				return nil, Refuse(TrailerUnsupported)
			}
			all[name] = sum
		}
	}
	return all, nil
}

// newChunked reads what the headers say of an aws-chunked body.
func newChunked(body io.Reader, r *Request, c *Claim, declared string) (*chunked, *Error) {
	length, err := strconv.ParseInt(first(r.Header, "X-Amz-Decoded-Content-Length"), 10, 64)
	if err != nil || length < 0 {
		return nil, Refuse(MissingLength)
	}
	if length > maxDecoded {
		return nil, Refuse(LengthMismatch)
	}
	ch := &chunked{
		in: bufio.NewReaderSize(body, 16<<10), left: length, claim: *c, previous: c.Signature,
		signed: declared != StreamingUnsigned, trailing: declared != StreamingPayload,
	}
	if ch.signed {
		ch.sum = sha256.New()
	}
	if !ch.trailing {
		return ch, nil
	}
	sums, e := trailers(r)
	ch.sums = sums
	return ch, e
}

// checksums compares what was announced with what came.
func (ch *chunked) checksums() *Error {
	if len(ch.sums) != len(ch.trailer) {
		return Refuse(MalformedTrailer)
	}
	for _, name := range sortedKeys(ch.sums) {
		got, ok := ch.trailer[name]
		if !ok {
			return Refuse(MalformedTrailer)
		}
		ours := base64.StdEncoding.AppendEncode(nil, ch.sums[name].Sum(nil))
		if !slices.Equal(ours, []byte(got[0])) {
			return Refuse(ChecksumMismatch).object("The %s you specified did not match the calculated checksum.",
				strings.ToUpper(strings.TrimPrefix(name, checksumHeader)))
		}
	}
	return nil
}
