package s3

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"

	"cloister/internal/engine/sigv4"
)

// maxUpload is the largest body of one request.
const maxUpload = 5 << 30

// body is what a request uploads, checked while it is read: its errors come before its end, so that
// bytes which are not what was declared are never kept.
type body struct {
	from   io.Reader
	length int64 // -1 when not known
	read   int64
	digest string    // declared MD5 in hex
	told   string    // and as it was declared
	want   sum       // what was declared; without a value, what was asked for
	hash   hash.Hash // of want's algorithm
	// kept is the checksum to keep where it is settled beforehand, as for parts; hash where it is the same.
	kept   hash.Hash
	keptAs string
	end    error
}

// newBody makes the body of an upload that declares an MD5 and a checksum, each perhaps empty. keepAs is
// the algorithm of the checksum to keep; empty leaves it to the request.
func newBody(from io.Reader, contentMD5 *string, want sum, keepAs string) (*body, error) {
	b := &body{from: from, length: -1, want: want}
	if from == nil {
		b.from, b.length = http.NoBody, 0
	}
	if l, ok := from.(interface{ Length() int64 }); ok {
		if b.length = l.Length(); b.length < 0 {
			return nil, missingLength.New("You must provide the Content-Length HTTP header.")
		}
	}
	if b.length > maxUpload {
		return nil, tooLarge(b.length, maxUpload)
	}
	if contentMD5 != nil {
		raw, err := base64.StdEncoding.DecodeString(*contentMD5)
		if err != nil || len(raw) != md5.Size {
			return nil, invalidDigest.New("The Content-MD5 you specified was invalid.").With("Content-MD5", *contentMD5)
		}
		b.digest, b.told = hex.EncodeToString(raw), *contentMD5
	}
	b.want.Algorithm = cmp.Or(b.want.Algorithm, keepAs, implied)
	b.hash, _ = sigv4.NewChecksum(b.want.Algorithm)
	if keepAs != "" {
		if b.kept, b.keptAs = b.hash, keepAs; keepAs != b.want.Algorithm {
			b.kept, _ = sigv4.NewChecksum(keepAs)
		}
	}
	return b, nil
}

func (b *body) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	n, err := whole(b.from, p)
	b.read += int64(n)
	b.hash.Write(p[:n])
	if b.kept != nil && b.kept != b.hash {
		b.kept.Write(p[:n])
	}
	if b.read > maxUpload {
		err = tooLarge(b.read, maxUpload)
	} else if err != nil {
		err = b.ended(err)
	}
	if b.end = err; err != nil && err != io.EOF {
		return 0, err
	}
	return n, err
}

// whole reads until p is full: what comes in small pieces is not to be summed, hashed and written in such.
func whole(from io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = from.Read(p[n:])
		n += k
	}
	return n, err
}

// ended is the error with which the body really ends.
func (b *body) ended(err error) error {
	var refused *sigv4.Error
	switch {
	case errors.As(err, &refused):
		return err
	case err != io.EOF || b.length >= 0 && b.read != b.length:
		// A connection that breaks in the middle is the customer's, and nobody may be left to read this.
		return incompleteBody.New("You did not provide the number of bytes specified by the Content-Length HTTP header")
	case b.want.Value != "" && encodeSum(b.hash) != b.want.Value:
		return badSum(b.want.Algorithm)
	}
	return io.EOF
}

func (b *body) checkMD5(got string) error {
	if b.digest == "" || b.digest == got {
		return nil
	}
	raw, err := hex.DecodeString(got)
	if err != nil {
		return err
	}
	return badDigest.New("The Content-MD5 you specified did not match what we received.").
		With("ExpectedDigest", b.digest).With("CalculatedDigest", base64.StdEncoding.EncodeToString(raw))
}

// result is the checksum of the whole body. One that came behind it, in the trailer, was compared by
// whoever took the body apart.
func (b *body) result() sum {
	if b.kept != nil {
		return sum{b.keptAs, encodeSum(b.kept), fullObject}
	}
	if t, ok := b.from.(interface{ Trailer() http.Header }); ok {
		for name, v := range t.Trailer() {
			if a, ok := strings.CutPrefix(name, "X-Amz-Checksum-"); ok && len(v) == 1 {
				return sum{strings.ToUpper(a), v[0], fullObject}
			}
		}
	}
	return sum{b.want.Algorithm, encodeSum(b.hash), fullObject}
}
