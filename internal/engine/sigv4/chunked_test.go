package sigv4_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"cloister/internal/engine/sigv4"
)

// The two chunked uploads that AWS prints in its manual, with every signature of theirs.
const (
	manualKey    = "AKIAIOSFODNN7EXAMPLE"
	manualSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

var (
	manualTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	objects    = sigv4.Scope{Region: "us-east-1", Service: "s3"}
)

func manual(declared, signature, signed string, extra ...string) *sigv4.Request {
	h := http.Header{
		"X-Amz-Date": {"20130524T000000Z"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"}, "Content-Encoding": {"aws-chunked"},
		"X-Amz-Content-Sha256": {declared}, "X-Amz-Decoded-Content-Length": {"66560"},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=" + manualKey + "/20130524/us-east-1/s3/aws4_request,SignedHeaders=" + signed + ",Signature=" + signature},
	}
	for i := 0; i < len(extra); i += 2 {
		h.Set(extra[i], extra[i+1])
	}
	return &sigv4.Request{Method: "PUT", Host: "s3.amazonaws.com", Path: "/examplebucket/chunkObject.txt", Header: h}
}

func manualPlain() (*sigv4.Request, string) {
	r := manual(sigv4.StreamingPayload, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
		"content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class", "Content-Length", "66824")
	body := "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
	return r, body
}

func manualTrailer() (*sigv4.Request, string) {
	r := manual(sigv4.StreamingTrailer, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
		"content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer", "X-Amz-Trailer", "x-amz-checksum-crc32c")
	body := "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n" +
		"x-amz-checksum-crc32c:sOO8/Q==\n\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
	return r, body
}

// open verifies a request and wraps its body.
func open(r *sigv4.Request, secret string, now time.Time, body io.Reader, length int64) (*sigv4.Payload, *sigv4.Error) {
	c, e := sigv4.Parse(r)
	if e != nil {
		return nil, e
	}
	v := sigv4.NewVerifier(4)
	if c.Form != sigv4.None {
		if e := v.Verify(&c, r, c.Payload(r, objects), secret, now, objects); e != nil {
			return nil, e
		}
	}
	return v.Payload(body, length, r, &c, secret, objects)
}

func readAll(t testing.TB, r *sigv4.Request, body string) ([]byte, http.Header, error) {
	t.Helper()
	p, e := open(r, manualSecret, manualTime, strings.NewReader(body), int64(len(body)))
	if e != nil {
		return nil, nil, e
	}
	data, err := io.ReadAll(p)
	return data, p.Trailer(), err
}

func kindOf(err error) sigv4.Kind {
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		return e.Kind
	}
	return -1
}

func TestChunkedAsInManual(t *testing.T) {
	for name, make := range map[string]func() (*sigv4.Request, string){"plain": manualPlain, "trailer": manualTrailer} {
		r, body := make()
		data, trailer, err := readAll(t, r, body)
		if err != nil || string(data) != strings.Repeat("a", 66560) {
			t.Fatalf("%s: %d bytes, %v", name, len(data), err)
		}
		if want := map[string]string{"trailer": "sOO8/Q=="}[name]; trailer.Get("X-Amz-Checksum-Crc32c") != want || len(trailer) != len(want)/8 {
			t.Errorf("%s: trailer %v", name, trailer)
		}
		p, _ := open(r, manualSecret, manualTime, iotest.OneByteReader(strings.NewReader(body)), -1)
		if p.Length() != 66560 {
			t.Errorf("length %d", p.Length())
		}
		if err := iotest.TestReader(p, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChunkedTampered flips every byte of what is signed in a chunked body, and cuts it everywhere.
func TestChunkedTampered(t *testing.T) {
	for name, make := range map[string]func() (*sigv4.Request, string){"plain": manualPlain, "trailer": manualTrailer} {
		r, body := make()
		for i := 0; i < len(body); i++ {
			if i > 200 && i < len(body)-1600 {
				i += 997
			}
			changed := []byte(body)
			changed[i] ^= 1
			if bytes.EqualFold(changed, []byte(body)) {
				continue
			}
			if data, _, err := readAll(t, r, string(changed)); err == nil && !harmless(body, i) {
				t.Errorf("%s: byte %d (%q) changed and %d bytes read", name, i, body[i], len(data))
			}
			data, _, err := readAll(t, r, body[:i])
			if err == nil {
				t.Errorf("%s: cut at %d and no error", name, i)
			}
			if len(data) >= 66560 {
				t.Errorf("%s: cut at %d and all was given", name, i)
			}
		}
	}
}

// harmless are the line ends inside a trailer, which clients write in several ways.
func harmless(body string, i int) bool {
	return i > len(body)-160 && (body[i] == '\r' || body[i] == '\n')
}

func TestReadFullMeetsTheError(t *testing.T) {
	r, body := manualTrailer()
	p, e := open(r, manualSecret, manualTime, strings.NewReader(strings.Replace(body, "sOO8", "sOO9", 1)), -1)
	if e != nil {
		t.Fatal(e)
	}
	if _, err := io.ReadFull(p, make([]byte, 66560)); kindOf(err) != sigv4.ChunkMismatch {
		t.Errorf("read all that was declared: %v", err)
	}
	if n, err := p.Read(make([]byte, 1)); n != 0 || kindOf(err) != sigv4.ChunkMismatch {
		t.Errorf("read on: %d, %v", n, err)
	}
}

// chain signs an aws-chunked body by the manual's rules, with nothing of the package's.
func chain(seed string, chunks []string, trailer string) string {
	mac := func(key []byte, s string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(s))
		return m.Sum(nil)
	}
	key := []byte("AWS4" + manualSecret)
	for _, part := range []string{"20130524", "us-east-1", "s3", "aws4_request"} {
		key = mac(key, part)
	}
	digest := func(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) }
	var b strings.Builder
	head := "\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
	for _, c := range append(chunks, "") {
		seed = hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256-PAYLOAD"+head+seed+"\n"+digest("")+"\n"+digest(c)))
		b.WriteString(strconv.FormatInt(int64(len(c)), 16) + ";chunk-signature=" + seed + "\r\n" + c)
		if c != "" {
			b.WriteString("\r\n")
		}
	}
	if trailer == "none" {
		return b.String() + "\r\n"
	}
	canonical := strings.ReplaceAll(trailer, "\r\n", "\n")
	seed = hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256-TRAILER"+head+seed+"\n"+digest(canonical)))
	return b.String() + trailer + "x-amz-trailer-signature:" + seed + "\r\n\r\n"
}

// streaming is a signed request for a chunked upload, and its signature.
func streaming(t testing.TB, declared string, length int, headers ...string) (*sigv4.Request, string) {
	t.Helper()
	req, err := http.NewRequest("PUT", "https://s3.amazonaws.com/b/k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if length >= 0 {
		req.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(length))
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	sigv4.Sign(req, declared, sigv4.Credentials{AccessKey: manualKey, Secret: manualSecret}, objects, manualTime)
	_, signature, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
	return &sigv4.Request{Method: "PUT", Host: "s3.amazonaws.com", Path: "/b/k", Header: req.Header}, signature
}

func TestChunkedRefusals(t *testing.T) {
	unsigned := func(body string, headers ...string) func() (*sigv4.Request, string) {
		return func() (*sigv4.Request, string) {
			r, _ := streaming(t, sigv4.StreamingUnsigned, 5, headers...)
			return r, body
		}
	}
	signed := func(declared string, length int, edit func(string) string, chunks []string, trailer string, headers ...string) func() (*sigv4.Request, string) {
		return func() (*sigv4.Request, string) {
			r, seed := streaming(t, declared, length, headers...)
			body := chain(seed, chunks, trailer)
			if edit != nil {
				body = edit(body)
			}
			return r, body
		}
	}
	crc := []string{"X-Amz-Trailer", "x-amz-checksum-crc64nvme"}
	good := "5\r\nhello\r\n0\r\nx-amz-checksum-crc64nvme:M3eFcAZSQlc=\r\n\r\n"
	swap := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	for name, c := range map[string]struct {
		make func() (*sigv4.Request, string)
		want sigv4.Kind // -1: no error
	}{
		"crc64nvme":                 {unsigned(good, crc...), -1},
		"two chunks":                {unsigned("2\r\nhe\r\n3\r\nllo\r\n0\r\nx-amz-checksum-crc64nvme:M3eFcAZSQlc=\r\n\r\n", crc...), -1},
		"no trailer":                {unsigned("5\r\nhello\r\n0\r\n\r\n"), -1},
		"other data":                {unsigned(strings.Replace(good, "hello", "hallo", 1), crc...), sigv4.ChecksumMismatch},
		"other checksum":            {unsigned(strings.Replace(good, "M3e", "M3f", 1), crc...), sigv4.ChecksumMismatch},
		"announced, missing":        {unsigned("5\r\nhello\r\n0\r\n\r\n", crc...), sigv4.MalformedTrailer},
		"not announced":             {unsigned(good), sigv4.MalformedTrailer},
		"another":                   {unsigned(strings.Replace(good, "crc64nvme", "crc32", 1), crc...), sigv4.MalformedTrailer},
		"twice":                     {unsigned(strings.Replace(good, "\r\n\r\n", "\r\nx-amz-checksum-crc64nvme:M3eFcAZSQlc=\r\n\r\n", 1), crc...), sigv4.MalformedTrailer},
		"no colon":                  {unsigned("5\r\nhello\r\n0\r\nx-amz-checksum-crc64nvme\r\n\r\n", crc...), sigv4.MalformedTrailer},
		"trailer too long":          {unsigned("5\r\nhello\r\n0\r\nx:"+strings.Repeat("y", 9000)+"\r\n\r\n", crc...), sigv4.MalformedTrailer},
		"no checksum":               {unsigned(good, "X-Amz-Trailer", "x-amz-meta-a"), sigv4.TrailerUnsupported},
		"bare crc32":                {unsigned(good, "X-Amz-Trailer", "crc32"), sigv4.TrailerUnsupported},
		"unknown checksum":          {unsigned(good, "X-Amz-Trailer", "x-amz-checksum-md4"), sigv4.TrailerUnsupported},
		"longer than declared":      {unsigned("6\r\nhello!\r\n0\r\n\r\n"), sigv4.LengthMismatch},
		"a chunk too many":          {unsigned("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), sigv4.LengthMismatch},
		"shorter than declared":     {unsigned("4\r\nhell\r\n0\r\n\r\n"), sigv4.LengthMismatch},
		"signature in unsigned":     {unsigned("5;chunk-signature=00\r\nhello\r\n0\r\n\r\n"), sigv4.MalformedChunk},
		"no size":                   {unsigned("\r\nhello\r\n0\r\n\r\n"), sigv4.MalformedChunk},
		"negative size":             {unsigned("-5\r\nhello\r\n0\r\n\r\n"), sigv4.MalformedChunk},
		"size beyond int64":         {unsigned("ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), sigv4.MalformedChunk},
		"line feed only":            {unsigned("5\nhello\r\n0\r\n\r\n"), sigv4.MalformedChunk},
		"endless head":              {unsigned(strings.Repeat("0", 20<<10)), sigv4.MalformedChunk},
		"long head":                 {unsigned(strings.Repeat("0", 600) + "5\r\nhello\r\n0\r\n\r\n"), sigv4.MalformedChunk},
		"no line end behind chunk":  {unsigned("5\r\nhelloxx0\r\n\r\n"), sigv4.MalformedChunk},
		"cut in chunk":              {unsigned("5\r\nhel"), sigv4.Truncated},
		"cut behind chunk":          {unsigned("5\r\nhello\r"), sigv4.Truncated},
		"cut in tail":               {unsigned("5\r\nhello\r\n0\r\n\r"), sigv4.Truncated},
		"nothing":                   {unsigned(""), sigv4.Truncated},
		"signed":                    {signed(sigv4.StreamingPayload, 5, nil, []string{"he", "llo"}, "none"), -1},
		"signed empty":              {signed(sigv4.StreamingPayload, 0, nil, nil, "none"), -1},
		"signed with sha256":        {signed(sigv4.StreamingTrailer, 5, nil, []string{"hello"}, "x-amz-checksum-sha256:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\r\n", "X-Amz-Trailer", "x-amz-checksum-sha256"), -1},
		"signed with two":           {signed(sigv4.StreamingTrailer, 5, nil, []string{"hello"}, "x-amz-checksum-crc32:NhCmhg==\r\nx-amz-checksum-sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n", "X-Amz-Trailer", "x-amz-checksum-crc32, x-amz-checksum-sha1"), -1},
		"signed, wrong sum":         {signed(sigv4.StreamingTrailer, 5, nil, []string{"hello"}, "x-amz-checksum-crc32:NhCmhw==\r\n", "X-Amz-Trailer", "x-amz-checksum-crc32"), sigv4.ChecksumMismatch},
		"trailer signature altered": {signed(sigv4.StreamingTrailer, 5, swap("NhCmhg", "NhCmhw"), []string{"hello"}, "x-amz-checksum-crc32:NhCmhg==\r\n", "X-Amz-Trailer", "x-amz-checksum-crc32"), sigv4.ChunkMismatch},
		"trailer signature missing": {signed(sigv4.StreamingTrailer, 5, swap("x-amz-trailer-signature", "x-other"), []string{"hello"}, "x-amz-checksum-crc32:NhCmhg==\r\n", "X-Amz-Trailer", "x-amz-checksum-crc32"), sigv4.ChunkMismatch},
		"data altered":              {signed(sigv4.StreamingPayload, 5, swap("llo", "lla"), []string{"he", "llo"}, "none"), sigv4.ChunkMismatch},
		"chunk signature missing":   {signed(sigv4.StreamingPayload, 5, swap(";chunk-signature=", ";x="), []string{"hello"}, "none"), sigv4.MalformedChunk},
		"text behind the end":       {signed(sigv4.StreamingPayload, 5, func(s string) string { return s + "x\r\n" }, []string{"hello"}, "none"), sigv4.MalformedChunk},
		"last chunk altered": {signed(sigv4.StreamingPayload, 5, func(s string) string {
			i := strings.LastIndex(s, "signature=") + 10
			return s[:i] + strings.Repeat("0", 64) + s[i+64:]
		}, []string{"hello"}, "none"), sigv4.ChunkMismatch},
		"no decoded length":  {signed(sigv4.StreamingPayload, -1, nil, []string{"hello"}, "none"), sigv4.MissingLength},
		"too long an object": {signed(sigv4.StreamingPayload, 6<<30, nil, []string{"hello"}, "none"), sigv4.LengthMismatch},
		"not a word of ours": {signed("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", 5, nil, []string{"hello"}, "none"), sigv4.PayloadInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			r, body := c.make()
			data, _, err := readAll(t, r, body)
			if c.want == -1 {
				if want := r.Header.Get("X-Amz-Decoded-Content-Length"); err != nil || strconv.Itoa(len(data)) != want || !strings.HasPrefix("hello", string(data)) {
					t.Fatalf("%q, %v", data, err)
				}
				return
			}
			if kindOf(err) != c.want {
				t.Fatalf("%v, want kind %d", err, c.want)
			}
			if f := err.(*sigv4.Error).Fault("rest-xml"); f.Status < 400 || f.Message == "" {
				t.Errorf("fault %+v", f)
			}
		})
	}
}

func TestBrokenLineStaysItself(t *testing.T) {
	cut := errors.New("line cut")
	for _, body := range []string{"", "5\r\n", "5\r\nhel", "5\r\nhello\r\n0\r\n"} {
		r, _ := streaming(t, sigv4.StreamingUnsigned, 5)
		p, e := open(r, manualSecret, manualTime, io.MultiReader(strings.NewReader(body), iotest.ErrReader(cut)), -1)
		if e != nil {
			t.Fatal(e)
		}
		if _, err := io.ReadAll(p); !errors.Is(err, cut) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func FuzzChunked(f *testing.F) {
	_, plain := manualPlain()
	_, trailer := manualTrailer()
	for _, s := range []string{plain, trailer, "5\r\nhello\r\n0\r\nx-amz-checksum-crc64nvme:M3eFcAZSQlc=\r\n\r\n", "0\r\n\r\n"} {
		f.Add(s, uint16(5))
	}
	f.Fuzz(func(t *testing.T, body string, length uint16) {
		for _, declared := range []string{sigv4.StreamingPayload, sigv4.StreamingTrailer, sigv4.StreamingUnsigned} {
			r, _ := streaming(t, declared, int(length), "X-Amz-Trailer", "x-amz-checksum-crc32")
			data, _, err := readAll(t, r, body)
			if len(data) > int(length) {
				t.Fatalf("%d bytes of %d", len(data), length)
			}
			if err == nil && declared != sigv4.StreamingUnsigned {
				t.Fatalf("a signature was guessed: %q", body)
			}
			if err == nil && len(data) != int(length) {
				t.Fatalf("%d bytes of %d and no error", len(data), length)
			}
		}
	})
}

func BenchmarkChunked(b *testing.B) {
	data := strings.Repeat("x", 64<<10)
	chunks := make([]string, 16)
	for i := range chunks {
		chunks[i] = data
	}
	r, seed := streaming(b, sigv4.StreamingPayload, len(data)*len(chunks))
	body := chain(seed, chunks, "none")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p, e := open(r, manualSecret, manualTime, strings.NewReader(body), int64(len(body)))
		if e != nil {
			b.Fatal(e)
		}
		if n, err := io.Copy(io.Discard, p); err != nil || n != int64(len(data)*len(chunks)) {
			b.Fatal(n, err)
		}
	}
}
