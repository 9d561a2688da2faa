package sigv4

import (
	"cmp"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credentials are what a signer holds. They print as their access key only.
type Credentials struct{ AccessKey, Secret, Token string }

// LogValue keeps the secret out of logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String keeps the secret out of prints, and GoString out of the careless ones.
func (c Credentials) String() string   { return c.AccessKey + " ***" }
func (c Credentials) GoString() string { return c.String() }

// notSigned are the headers that proxies and servers rewrite, or that net/http adds by itself.
var notSigned = map[string]bool{
	"Accept-Encoding": true, "Authorization": true, "Connection": true, "Content-Length": true, "Expect": true,
	"Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "User-Agent": true, "X-Amzn-Trace-Id": true,
}

// Sign puts a header signature on a request of our own. The payload hash is the Hash of its body or
// one of the words for x-amz-content-sha256; S3 is told it in that header.
func Sign(req *http.Request, payloadHash string, cred Credentials, want Scope, now time.Time) {
	h := req.Header
	delete(h, "Authorization")
	h["X-Amz-Date"] = []string{now.UTC().Format(basicTime)}
	if cred.Token != "" {
		h["X-Amz-Security-Token"] = []string{cred.Token}
	}
	if want.objects() {
		h["X-Amz-Content-Sha256"] = []string{payloadHash}
	}
	c := newClaim(Header, req, cred, want, now)
	c.sign(view(req), payloadHash, cred, want)
	h["Authorization"] = []string{algorithm + " Credential=" + c.credential() + ", SignedHeaders=" + c.SignedHeaders + ", Signature=" + c.Signature}
}

// Presign puts a query signature on a request of our own that lives for a time, in whole seconds. All
// headers that it has must then be sent as they are.
func Presign(req *http.Request, payloadHash string, cred Credentials, want Scope, expires time.Duration, now time.Time) {
	delete(req.Header, "Authorization")
	c := newClaim(Presigned, req, cred, want, now)
	query := []string{
		"X-Amz-Algorithm=" + algorithm, "X-Amz-Credential=" + url.QueryEscape(c.credential()), "X-Amz-Date=" + c.Timestamp,
		"X-Amz-Expires=" + strconv.FormatInt(int64(expires/time.Second), 10), "X-Amz-SignedHeaders=" + url.QueryEscape(c.SignedHeaders),
	}
	if cred.Token != "" {
		query = append(query, "X-Amz-Security-Token="+url.QueryEscape(cred.Token))
	}
	if req.URL.RawQuery != "" {
		query = slices.Insert(query, 0, req.URL.RawQuery)
	}
	req.URL.RawQuery = strings.Join(query, "&")
	c.sign(view(req), payloadHash, cred, want)
	req.URL.RawQuery += "&X-Amz-Signature=" + c.Signature
}

func newClaim(f Form, req *http.Request, cred Credentials, want Scope, now time.Time) *Claim {
	stamp := now.UTC().Format(basicTime)
	names := []string{"host"}
	for name := range req.Header {
		if !notSigned[http.CanonicalHeaderKey(name)] {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	return &Claim{
		Form: f, AccessKey: cred.AccessKey, Date: stamp[:8], Region: want.Region, Service: want.Service, Terminator: terminator,
		Timestamp: stamp, SignedHeaders: strings.Join(slices.Compact(names), ";"),
	}
}

func (c *Claim) credential() string { return string(appendScope([]byte(c.AccessKey+"/"), c)) }

// view is a request of ours as its receiver will see it.
func view(req *http.Request) *Request {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	return &Request{Method: cmp.Or(req.Method, http.MethodGet), Host: host, Path: cmp.Or(req.URL.EscapedPath(), "/"), RawQuery: req.URL.RawQuery, Header: req.Header}
}

func (c *Claim) sign(r *Request, payloadHash string, cred Credentials, want Scope) {
	b := builders.Get().(*builder)
	defer builders.Put(b)
	b.reset()
	// url.URL gives well-formed paths only; a query of our own that is broken is refused by its receiver.
	b.canonical(r, c, payloadHash, want.objects())
	length := len(b.out)
	b.toSign(c)
	key := deriveKey(cred.Secret, c.Date, c.Region, c.Service)
	c.Signature = hex.EncodeToString(key.sign(nil, b.out[length:]))
}
