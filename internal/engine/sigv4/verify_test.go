package sigv4_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"

	"github.com/google/go-cmp/cmp"
)

func TestParseRefusals(t *testing.T) {
	const (
		whole = "AWS4-HMAC-SHA256 Credential=AK/20261121/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=ab"
		query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20261121%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261121T103000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=ab"
	)
	for name, c := range map[string]struct {
		auth, date, query string
		kind              sigv4.Kind
		says              string // a part of the message of Query front ends
		s3                string // the code that S3 uses
	}{
		"both":              {whole, "", query, sigv4.TwoMechanisms, "", "InvalidArgument"},
		"header and v2":     {whole, "", "AWSAccessKeyId=A", sigv4.TwoMechanisms, "", "InvalidArgument"},
		"query and v2":      {"", "", query + "&AWSAccessKeyId=A", sigv4.TwoMechanisms, "", "InvalidArgument"},
		"v2 header":         {"AWS AK:sig=", "", "", sigv4.UnknownAlgorithm, "Unsupported AWS 'algorithm': 'AWS'.", "InvalidRequest"},
		"sigv4a":            {strings.Replace(whole, "HMAC", "ECDSA-P256", 1), "", "", sigv4.UnknownAlgorithm, "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.", "InvalidRequest"},
		"bearer":            {"Bearer x", "", "", sigv4.UnknownAlgorithm, "'Bearer'", "InvalidRequest"},
		"no equal-sign":     {"AWS4-HMAC-SHA256 Credential", "", "", sigv4.Incomplete, "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential'.", "AuthorizationHeaderMalformed"},
		"algorithm only":    {"AWS4-HMAC-SHA256", "x", "", sigv4.Incomplete, "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed"},
		"nothing at all":    {"AWS4-HMAC-SHA256 ", "", "", sigv4.Incomplete, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=", "AuthorizationHeaderMalformed"},
		"no date":           {whole, "", "", sigv4.BadDate, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=", "AccessDenied"},
		"bad date":          {whole, "2026-11-21T10:30:00Z", "", sigv4.BadDate, "Date must be in ISO-8601 'basic format'. Got '2026-11-21T10:30:00Z'. See http://en.wikipedia.org/wiki/ISO_8601", "AccessDenied"},
		"fraction of date":  {whole, "20261121T103000.5Z", "", sigv4.BadDate, "Got '20261121T103000.5Z'", "AccessDenied"},
		"short credential":  {strings.Replace(whole, "/s3", "", 1), "20261121T103000Z", "", sigv4.Incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AK/20261121/us-east-1/aws4_request'", "AuthorizationHeaderMalformed"},
		"long credential":   {strings.Replace(whole, "/s3", "/s3/s3", 1), "20261121T103000Z", "", sigv4.Incomplete, "got 'AK/20261121/us-east-1/s3/s3/aws4_request'", "AuthorizationHeaderMalformed"},
		"no key":            {strings.Replace(whole, "=AK", "=", 1), "20261121T103000Z", "", sigv4.Incomplete, "got '/2026", "AuthorizationHeaderMalformed"},
		"query: algorithm":  {"", "", strings.Replace(query, "AWS4-HMAC", "AWS4-X", 1), sigv4.UnknownAlgorithm, "Unsupported AWS 'algorithm': 'AWS4-X-SHA256'.", "AuthorizationQueryParametersError"},
		"query: nothing":    {"", "", "X-Amz-Algorithm=", sigv4.Incomplete, "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include 'X-Amz-Credential'.", "AuthorizationQueryParametersError"},
		"query: signature":  {"", "", strings.Replace(query, "X-Amz-Signature", "X-Amz-S", 1), sigv4.Incomplete, "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters.", "AuthorizationQueryParametersError"},
		"query: credential": {"", "", strings.Replace(query, "%2Fs3", "", 1), sigv4.Incomplete, "got 'AK/20261121/us-east-1/aws4_request'", "AuthorizationQueryParametersError"},
		"query: date":       {"", "", strings.Replace(query, "T103000Z", "", 1), sigv4.BadDate, "Got '20261121'", "AuthorizationQueryParametersError"},
		"query: http date":  {"", "", strings.Replace(query, "20261121T103000Z", "Sat,+21+Nov+2026+10:30:00+GMT", 1), sigv4.BadDate, "Got 'Sat, 21", "AuthorizationQueryParametersError"},
		"expires: text":     {"", "", query + "&X-Amz-Expires=x", sigv4.Incomplete, "X-Amz-Expires should be a number", "AuthorizationQueryParametersError"},
		"expires: empty":    {"", "", query + "&X-Amz-Expires", sigv4.Incomplete, "X-Amz-Expires should be a number", "AuthorizationQueryParametersError"},
		"expires: zero":     {"", "", query + "&X-Amz-Expires=0", sigv4.Incomplete, "X-Amz-Expires must be non-negative", "AuthorizationQueryParametersError"},
		"expires: too long": {"", "", query + "&X-Amz-Expires=604801", sigv4.Incomplete, "X-Amz-Expires must be less than a week", "AuthorizationQueryParametersError"},
		"v2: no signature":  {"", "", "AWSAccessKeyId=A&Expires=1", sigv4.NoCredentials, "Request is missing Authentication Token", "AccessDenied"},
		"v2: bad expires":   {"", "", "AWSAccessKeyId=A&Expires=x&Signature=s", sigv4.NoCredentials, "Invalid date", "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if c.auth != "" {
				h.Set("Authorization", c.auth)
			}
			if c.date != "" {
				h.Set("X-Amz-Date", c.date)
			}
			_, e := sigv4.Parse(&sigv4.Request{Method: "GET", Path: "/", RawQuery: c.query, Header: h})
			if e == nil || e.Kind != c.kind || !strings.Contains(e.Message, c.says) {
				t.Fatalf("got %+v", e)
			}
			if f := e.Fault("rest-xml"); f.Code != c.s3 || f.Message == "" {
				t.Errorf("S3: %v", f)
			}
		})
	}
}

func TestParseAnonymous(t *testing.T) {
	c, e := sigv4.Parse(&sigv4.Request{Method: "GET", Path: "/b/k", RawQuery: "list-type=2&X-Amz-Meta=1&xAWSAccessKeyId=3", Header: http.Header{"X-Amz-Date": {"20261121T103000Z"}}})
	if e != nil || c != (sigv4.Claim{}) {
		t.Fatalf("%+v, %v", c, e)
	}
	if e := sigv4.NewVerifier(0).Verify(&c, &sigv4.Request{}, "", "", signedAt, sigv4.Scope{}); e == nil || e.Kind != sigv4.NoCredentials {
		t.Errorf("a claim of nobody was accepted: %v", e)
	}
}

// TestParseOfTwo says which of two counts: the last in a header, the first in a query.
func TestParseOfTwo(t *testing.T) {
	h := http.Header{"Date": {"Sat, 21 Nov 2026 10:30:00 GMT"}, "Authorization": {"AWS4-HMAC-SHA256 Credential=A/1/2/3/4,Credential=B/1/2/3/4,SignedHeaders=host,,Signature=a"}}
	if c, e := sigv4.Parse(&sigv4.Request{Header: h}); e != nil || c.AccessKey != "B" || c.Timestamp != "20261121T103000Z" {
		t.Errorf("%+v, %v", c, e)
	}
	q := "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A/1/2/3/4&X-Amz-Credential=B/1/2/3/4&X-Amz-SignedHeaders=host&X-Amz-Date=20261121T103000Z&X-Amz-Signature=a"
	c, e := sigv4.Parse(&sigv4.Request{RawQuery: q, Header: http.Header{"X-Amz-Security-Token": {"t"}}})
	if e != nil || c.AccessKey != "A" || c.SecurityToken != "t" {
		t.Errorf("%+v, %v", c, e)
	}
}

// TestRefusals alters one thing each of a good request.
func TestRefusals(t *testing.T) {
	at := func(d time.Duration) func(*vector, *sigv4.Request, *[]byte, *time.Time) {
		return func(_ *vector, _ *sigv4.Request, _ *[]byte, now *time.Time) { *now = now.Add(d) }
	}
	type edit = func(*vector, *sigv4.Request, *[]byte, *time.Time)
	replace := func(old, new string) edit {
		return func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) {
			a := r.Header.Get("Authorization")
			if a != "" && !strings.Contains(a, old) {
				t.Fatalf("no %q", old)
			}
			r.Header.Set("Authorization", strings.ReplaceAll(a, old, new))
			if a == "" {
				r.Header.Del("Authorization")
				r.RawQuery = strings.ReplaceAll(r.RawQuery, old, new)
			}
		}
	}
	header := func(k, v string) edit {
		return func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.Header.Set(k, v) }
	}
	body := func(s string) edit {
		return func(_ *vector, _ *sigv4.Request, b *[]byte, _ *time.Time) { *b = []byte(s) }
	}
	for name, c := range map[string]struct {
		of   string
		edit edit
		kind sigv4.Kind
		says string
	}{
		"14 minutes old":          {"json", at(14 * time.Minute), -1, ""},
		"14 minutes early":        {"json", at(-14 * time.Minute), -1, ""},
		"stale":                   {"json", at(16 * time.Minute), sigv4.Expired, "Signature expired: 20261121T103000Z is now earlier than 20261121T103100Z (20261121T104600Z - 15 min.)"},
		"early":                   {"json", at(-16 * time.Minute), sigv4.NotYetValid, "Signature not yet current: 20261121T103000Z is still later than 20261121T102900Z (20261121T101400Z + 15 min.)"},
		"presigned in time":       {"key presigned 0", at(time.Hour), -1, ""},
		"presigned expired":       {"key presigned 0", at(time.Hour + time.Second), sigv4.PresignExpired, "20261121T103000Z is now earlier than"},
		"presigned early":         {"key presigned 0", at(-16 * time.Minute), sigv4.NotYetValid, ""},
		"S3 without expiry":       {"key presigned 0", replace("X-Amz-Expires", "X-Amz-Other"), sigv4.Incomplete, "X-Amz-Expires"},
		"region":                  {"json", func(v *vector, _ *sigv4.Request, _ *[]byte, _ *time.Time) { v.Region = "eu-west-1" }, sigv4.WrongScope, "Credential should be scoped to a valid region, not 'us-east-1'."},
		"service":                 {"json", func(v *vector, _ *sigv4.Request, _ *[]byte, _ *time.Time) { v.Service = "logs" }, sigv4.WrongScope, "Credential should be scoped to correct service: 'logs'."},
		"terminator":              {"json", replace("aws4_request", "aws5"), sigv4.WrongScope, "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'."},
		"day":                     {"json", replace("20261121", "20261120"), sigv4.WrongScope, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261120' != '20261121', from '20261121T103000Z'."},
		"presigned region":        {"key presigned 0", func(v *vector, _ *sigv4.Request, _ *[]byte, _ *time.Time) { v.Region = "eu-west-1" }, sigv4.WrongScope, ""},
		"host not signed":         {"json", replace("host;", ""), sigv4.Unsigned, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		"target not signed":       {"json", replace(";x-amz-target", ""), sigv4.Unsigned, "'x-amz-target'"},
		"token not signed":        {"json", header("X-Amz-Security-Token", "t"), sigv4.Unsigned, "'x-amz-security-token'"},
		"header added":            {"key presigned 0", header("X-Amz-Acl", "public-read"), sigv4.Unsigned, "'x-amz-acl'"},
		"long header, not there":  {"json", replace("content-type;host", "content-type;host;"+strings.Repeat("x", 70)), sigv4.Mismatch, ""},
		"user agent is free":      {"json", header("X-Amz-User-Agent", "x"), -1, ""},
		"other header is free":    {"json", header("Accept", "x"), -1, ""},
		"signed header altered":   {"json", header("X-Amz-Target", "SageMaker.DeleteEndpoint"), sigv4.Mismatch, ""},
		"signed header removed":   {"json", func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.Header.Del("X-Amz-Target") }, sigv4.Mismatch, ""},
		"body":                    {"json", body("[]"), sigv4.Mismatch, ""},
		"S3 body":                 {"key 0", body("[]"), sigv4.PayloadMismatch, ""},
		"S3 body and signature":   {"key 0", func(v *vector, _ *sigv4.Request, b *[]byte, _ *time.Time) { *b, v.Secret = []byte("x"), "x" }, sigv4.Mismatch, ""},
		"S3 without payload hash": {"key 0", func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.Header.Del("X-Amz-Content-Sha256") }, sigv4.PayloadUndeclared, ""},
		"unsigned payload":        {"unsigned payload", body("anything"), -1, ""},
		"shorter signature":       {"json", replace("Signature=33", "Signature=3"), sigv4.Mismatch, ""},
		"capital signature":       {"json", replace("Signature=33f", "Signature=33F"), sigv4.Mismatch, ""},
		"path with bad escape":    {"path 0", func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.Path = "/%4" }, sigv4.MalformedURI, ""},
		"path with worse escape":  {"path 0", func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.Path = "/%41%4x" }, sigv4.MalformedURI, ""},
		"key with bad escape":     {"key 0", func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.Path = "/%zz" }, sigv4.MalformedURI, ""},
		"query with bad escape":   {"query 0", func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.RawQuery = "a=%" }, sigv4.MalformedURI, ""},
		"name with bad escape":    {"query 0", func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.RawQuery = "%g0=a" }, sigv4.MalformedURI, ""},
		"query reordered":         {"query 0", func(_ *vector, r *sigv4.Request, _ *[]byte, _ *time.Time) { r.RawQuery = "b=2&&a=1" }, -1, ""},
		"v2 altered":              {"v2 key 0", replace("Expires=17", "Expires=27"), sigv4.Mismatch, ""},
		"v2 with bad escape":      {"v2 key 0", replace("Expires", "x=%&Expires"), sigv4.MalformedURI, ""},
		"v2 outside S3":           {"v2 key 0", func(v *vector, _ *sigv4.Request, _ *[]byte, _ *time.Time) { v.Service = "iam" }, sigv4.UnknownAlgorithm, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v, now := named(t, c.of), signedAt
			r, b := v.request(), v.Body
			c.edit(&v, r, &b, &now)
			e := verify(v, r, b, now)
			if c.kind == -1 {
				if e != nil {
					t.Fatal(e)
				}
				return
			}
			if e == nil || e.Kind != c.kind || !strings.Contains(e.Message, c.says) {
				t.Fatalf("got %+v", e)
			}
		})
	}
}

func TestS3PayloadWords(t *testing.T) {
	v := named(t, "key 0")
	r := v.request()
	r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("G", 64))
	if e := verify(v, r, v.Body, signedAt); e == nil || e.Kind != sigv4.PayloadInvalid {
		t.Errorf("%v", e)
	}
	// The Go SDK tells of the payload in the presigned query.
	req, _ := http.NewRequest("PUT", "https://s3.us-east-1.amazonaws.com/b/k?X-Amz-Content-Sha256="+sigv4.EmptyPayload, nil)
	sigv4.Presign(req, sigv4.EmptyPayload, sigv4.Credentials{AccessKey: v.AccessKey, Secret: v.Secret}, objects, time.Minute, signedAt)
	p := &sigv4.Request{Method: "PUT", Host: req.Host, Path: "/b/k", RawQuery: req.URL.RawQuery}
	if e := verify(v, p, nil, signedAt); e != nil {
		t.Errorf("payload in the query: %v", e)
	}
	if e := verify(v, p, []byte("x"), signedAt); e == nil || e.Kind != sigv4.PayloadMismatch {
		t.Errorf("payload in the query: %v", e)
	}
}

// TestTampered flips every bit of every signed part and wants a refusal, unless the change means
// the same by the rules of HTTP.
func TestTampered(t *testing.T) {
	for _, name := range []string{"json with token", "header folding", "path 8", "query presigned 5", "key 4", "key presigned 4", "s3 presigned token", "s3 upload part"} {
		v := named(t, name)
		refused := 0
		try := func(what, before string, set func(r *sigv4.Request, s string)) {
			for i := range len(before) {
				for bit := range 8 {
					after := before[:i] + string([]byte{before[i] ^ 1<<bit}) + before[i+1:]
					r := v.request()
					set(r, after)
					if same(what, before, after) {
						continue
					}
					if e := verify(v, r, v.Body, signedAt); e == nil {
						t.Fatalf("%s: %s %q accepted as %q", name, what, before, after)
					}
					refused++
				}
			}
		}
		r := v.request()
		try("method", r.Method, func(r *sigv4.Request, s string) { r.Method = s })
		try("host", r.Host, func(r *sigv4.Request, s string) { r.Host = s })
		try("path", r.Path, func(r *sigv4.Request, s string) { r.Path = s })
		try("query", r.RawQuery, func(r *sigv4.Request, s string) { r.RawQuery = s })
		try("body", string(v.Body), func(_ *sigv4.Request, s string) { v.Body = []byte(s) })
		v.Body = named(t, name).Body
		signed := r.Header.Get("Authorization") + r.RawQuery
		for k := range r.Header {
			if k == "Authorization" || strings.Contains(signed, strings.ToLower(k)) {
				try("header "+k, r.Header[k][0], func(r *sigv4.Request, s string) { r.Header[k][0] = s })
			}
		}
		if refused < 1000 {
			t.Errorf("%s: only %d changes", name, refused)
		}
	}
}

// same tells whether two spellings mean the same to every reader.
func same(what, before, after string) bool {
	switch {
	case what == "path":
		x, _ := url.PathUnescape(before)
		y, err := url.PathUnescape(after)
		return err == nil && (x == y || (strings.HasPrefix(before, "/en") && path.Clean(x) == path.Clean(y)))
	case what == "query":
		x, _ := url.ParseQuery(before)
		y, err := url.ParseQuery(after)
		return err == nil && cmp.Equal(x, y)
	case what == "header Authorization":
		return strings.Join(strings.FieldsFunc(before, blank), " ") == strings.Join(strings.FieldsFunc(after, blank), " ")
	case strings.HasPrefix(what, "header"):
		return strings.Join(strings.Fields(before), " ") == strings.Join(strings.Fields(after), " ")
	}
	return false
}

func blank(r rune) bool { return r == ' ' }

func TestVerifierIsSafeAndBounded(t *testing.T) {
	v := sigv4.NewVerifier(2)
	var names []vector
	for _, n := range []string{"json", "empty body", "query 1", "key 3"} {
		names = append(names, named(t, n))
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				one := names[(i+j)%len(names)]
				r := one.request()
				c, _ := sigv4.Parse(r)
				if e := v.VerifyBody(&c, r, one.Body, one.Secret, signedAt, one.scope()); e != nil {
					t.Error(e)
				}
				if e := v.VerifyBody(&c, r, one.Body, one.Secret+"x", signedAt, one.scope()); e == nil {
					t.Error("a wrong secret was accepted")
				}
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Method, v.Path, v.Query, v.Headers.Get("Authorization"), v.Headers.Get("X-Amz-Date"))
	}
	verifier := sigv4.NewVerifier(4)
	f.Fuzz(func(t *testing.T, method, path, query, auth, date string) {
		r := &sigv4.Request{Method: method, Host: "h", Path: path, RawQuery: query, Header: http.Header{"Authorization": {auth}, "X-Amz-Date": {date}}}
		c, e := sigv4.Parse(r)
		if e == nil {
			want := sigv4.Scope{Region: c.Region, Service: c.Service}
			e = verifier.VerifyBody(&c, r, nil, "a secret nobody signed with", c.Time, want)
		}
		if e == nil {
			t.Fatalf("a signature was guessed: %+v", c)
		}
		for _, family := range []string{"query", "json", "rest-json", "rest-xml", "ec2", "?"} {
			if f := e.Fault(family); f.Code == "" || f.Status < 400 {
				t.Fatalf("%s: %+v", family, f)
			}
		}
	})
}

func benchmark(b *testing.B, v vector) {
	r := v.request()
	verifier := sigv4.NewVerifier(64)
	b.ReportAllocs()
	for b.Loop() {
		c, e := sigv4.Parse(r)
		if e == nil {
			e = verifier.VerifyBody(&c, r, v.Body, v.Secret, signedAt, v.scope())
		}
		if e != nil {
			b.Fatal(e)
		}
	}
}

// BenchmarkVerifyJSON is a request of 2 KB as InvokeEndpoint's.
func BenchmarkVerifyJSON(b *testing.B) {
	body := []byte(fmt.Sprintf(`{"instances":%q}`, strings.Repeat("x", 2048)))
	req, _ := http.NewRequest("POST", "https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/my-endpoint/invocations", nil)
	req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "User-Agent": {"boto"}, "Amz-Sdk-Invocation-Id": {"x"}, "Amz-Sdk-Request": {"attempt=1"}}
	scope := sigv4.Scope{Region: "us-east-1", Service: "sagemaker"}
	sigv4.Sign(req, sigv4.Hash(body), sigv4.Credentials{AccessKey: "ASIA", Secret: "secret", Token: strings.Repeat("t", 300)}, scope, signedAt)
	benchmark(b, vector{Method: "POST", Host: req.Host, Path: req.URL.Path, Headers: req.Header, Body: body, AccessKey: "ASIA", Secret: "secret", Service: "sagemaker", Region: "us-east-1"})
}

func BenchmarkVerifyObject(b *testing.B)    { benchmark(b, named(b, "s3 subresource")) }
func BenchmarkVerifyPresigned(b *testing.B) { benchmark(b, named(b, "s3 presigned token")) }
