package sagemaker

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
)

// bucketServer is an S3 with one flat map, behind TLS.
type bucketServer struct {
	address string
	roots   *x509.CertPool
	mu      sync.Mutex
	objects map[string][]byte // bucket/key
	refuse  func(r *http.Request) (status int, code string)
	page    int

	verifier *sigv4.Verifier
}

func newBucketServer(t *testing.T) *bucketServer {
	b := &bucketServer{objects: map[string][]byte{}, page: 2, verifier: sigv4.NewVerifier(8)}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "s3"}, DNSNames: []string{"s3." + region + ".amazonaws.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	b.roots = x509.NewCertPool()
	b.roots.AddCert(parsed)
	srv := httptest.NewUnstartedServer(b)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	b.address = srv.Listener.Addr().String()
	return b
}

func (b *bucketServer) put(name string, content []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[name] = content
}

func (b *bucketServer) get(name string) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.objects[name]
}

func (b *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w.Header().Set("X-Amz-Request-Id", "REQUEST1")
	no := func(status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message><RequestId>REQUEST1</RequestId></Error>", code)
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/") || r.Header.Get("X-Amz-Security-Token") != "token" {
		no(403, "InvalidToken")
		return
	}
	signed := &sigv4.Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Header: r.Header}
	signed.Path, _, _ = strings.Cut(r.RequestURI, "?")
	claim, bad := sigv4.Parse(signed)
	scope := sigv4.Scope{Region: region, Service: "s3"}
	if bad == nil {
		bad = b.verifier.Verify(&claim, signed, claim.Payload(signed, scope), "secret", time.Now(), scope)
	}
	if bad != nil {
		no(403, "SignatureDoesNotMatch")
		return
	}
	if b.refuse != nil {
		if status, code := b.refuse(r); status != 0 {
			no(status, code)
			return
		}
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength {
			no(400, "IncompleteBody")
			return
		}
		b.objects[name] = body
	case r.URL.Query().Get("list-type") == "2":
		b.list(w, strings.TrimSuffix(name, "/"), r.URL.Query().Get("prefix"), r.URL.Query().Get("continuation-token"))
	default:
		body, ok := b.objects[name]
		if !ok {
			no(404, "NoSuchKey")
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}
}

func (b *bucketServer) list(w io.Writer, bucket, prefix, from string) {
	type content struct {
		Key  string
		Size int
	}
	out := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Contents              []content
		IsTruncated           bool
		NextContinuationToken string
	}{}
	var keys []string
	for name := range b.objects {
		if key, ok := strings.CutPrefix(name, bucket+"/"); ok && strings.HasPrefix(key, prefix) && key > from {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if len(out.Contents) == b.page {
			out.IsTruncated, out.NextContinuationToken = true, out.Contents[b.page-1].Key
			break
		}
		out.Contents = append(out.Contents, content{k, len(b.objects[bucket+"/"+k])})
	}
	xml.NewEncoder(w).Encode(out) //nolint:errcheck // the client sees a short answer
}
