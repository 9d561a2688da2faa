package sigv4_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
)

// vector is one request as botocore 1.43 signed it: the oracle of this package.
type vector struct {
	Name, Service, Region, Method, Host, Path, Query string
	Headers                                          http.Header
	Body                                             []byte
	Token, Secret                                    string
	AccessKey                                        string `json:"access_key"`
	Canonical                                        string
	ToSign                                           string `json:"to_sign"`
	Signature                                        string
}

var signedAt = time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 80 {
		t.Fatalf("only %d vectors", len(all))
	}
	return all
}

func named(t testing.TB, name string) vector {
	t.Helper()
	for _, v := range vectors(t) {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no vector %q", name)
	return vector{}
}

func (v vector) request() *sigv4.Request {
	h := http.Header{}
	for k, values := range v.Headers {
		for _, one := range values {
			h.Add(k, one)
		}
	}
	return &sigv4.Request{Method: v.Method, Host: v.Host, Path: v.Path, RawQuery: v.Query, Header: h}
}

func (v vector) scope() sigv4.Scope { return sigv4.Scope{Region: v.Region, Service: v.Service} }

func verify(v vector, r *sigv4.Request, body []byte, now time.Time) *sigv4.Error {
	c, e := sigv4.Parse(r)
	if e != nil {
		return e
	}
	if c.AccessKey != v.AccessKey {
		return sigv4.Refuse(sigv4.UnknownKey)
	}
	return sigv4.NewVerifier(8).VerifyBody(&c, r, body, v.Secret, now, v.scope())
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			r := v.request()
			c, e := sigv4.Parse(r)
			if e != nil {
				t.Fatal(e)
			}
			if c.AccessKey != v.AccessKey || c.SecurityToken != v.Token {
				t.Errorf("key %q, token %q", c.AccessKey, c.SecurityToken)
			}
			if e := verify(v, r, v.Body, signedAt); e != nil {
				t.Errorf("refused: %v\nours:   %q\ntheirs: %q\nours:   %q\ntheirs: %q", e, e.CanonicalRequest, v.Canonical, e.StringToSign, v.ToSign)
			}
			v.Secret += "x"
			e = verify(v, r, v.Body, signedAt)
			if e == nil || e.Kind != sigv4.Mismatch {
				t.Fatalf("a wrong secret gave %v", e)
			}
			if e.CanonicalRequest != v.Canonical || e.StringToSign != v.ToSign {
				t.Errorf("told %q, %q", e.CanonicalRequest, e.StringToSign)
			}
		})
	}
}

// TestVectorsV2InBrowser sends only the URL, as a browser does, in both addressing styles.
func TestVectorsV2InBrowser(t *testing.T) {
	for _, v := range vectors(t) {
		if !strings.HasPrefix(v.Name, "v2 ") {
			continue
		}
		v.Headers = nil
		if e := verify(v, v.request(), nil, signedAt); e != nil {
			t.Errorf("%s: %v", v.Name, e)
		}
		r := v.request()
		r.Bucket, r.Path = "b", strings.TrimPrefix(r.Path, "/b")
		if e := verify(v, r, nil, signedAt); e != nil {
			t.Errorf("%s in virtual-hosted style: %v", v.Name, e)
		}
		if e := verify(v, r, nil, signedAt.Add(601*time.Second)); e == nil || e.Kind != sigv4.PresignExpired {
			t.Errorf("%s after its time: %v", v.Name, e)
		}
	}
}

// TestSignAsOracle signs each request anew and wants the oracle's signature.
func TestSignAsOracle(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Signature == "" || v.Name == "date header" {
			continue
		}
		presigned := strings.Contains(v.Query, "X-Amz-Signature=")
		own, _, _ := strings.Cut(v.Query, "X-Amz-Algorithm=")
		if !presigned {
			own = v.Query
		}
		u := &url.URL{Scheme: "https", Host: v.Host, RawQuery: strings.TrimSuffix(own, "&")}
		u.Path, _ = url.PathUnescape(v.Path)
		u.RawPath = v.Path
		req := &http.Request{Method: v.Method, URL: u, Header: v.request().Header}
		hash := sigv4.Hash(v.Body)
		if v.request().Header.Get("X-Amz-Content-Sha256") == sigv4.UnsignedPayload || (presigned && v.Service == "s3") {
			hash = sigv4.UnsignedPayload
		}
		cred := sigv4.Credentials{AccessKey: v.AccessKey, Secret: v.Secret, Token: v.Token}
		if !presigned {
			sigv4.Sign(req, hash, cred, v.scope(), signedAt)
			if got := req.Header.Get("Authorization"); got != v.Headers.Get("Authorization") {
				t.Errorf("%s: %s", v.Name, got)
			}
			continue
		}
		all, _ := url.ParseQuery(v.Query)
		expires, _ := time.ParseDuration(all.Get("X-Amz-Expires") + "s")
		sigv4.Presign(req, hash, cred, v.scope(), expires, signedAt)
		got, _ := url.ParseQuery(req.URL.RawQuery)
		if got.Get("X-Amz-Signature") != v.Signature {
			t.Errorf("%s: %s", v.Name, req.URL.RawQuery)
		}
	}
}
