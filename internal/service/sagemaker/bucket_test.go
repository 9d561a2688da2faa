package sagemaker

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/s3"
)

// bucketServer is an S3 with one flat map, behind TLS.
type bucketServer struct {
	address string
	roots   *x509.CertPool
	mu      sync.Mutex
	objects map[string][]byte // bucket/key
	refuse  func(r *http.Request) (status int, code string)
	page    int
	uploads map[string]map[int][]byte // parts by upload
	puts    map[string]int            // how often each object was written
	gets    map[string]int            // how often each was read
	joined  map[string]string         // ETags of objects made of parts
	stored  func(name string)         // hook: an object was written, and nobody has been told
	cut     func(r *http.Request) int // how many bytes of an answer arrive; negative means all

	verifier *sigv4.Verifier
}

func newBucketServer(t *testing.T) *bucketServer {
	b := &bucketServer{objects: map[string][]byte{}, uploads: map[string]map[int][]byte{}, joined: map[string]string{}, puts: map[string]int{}, gets: map[string]int{}, page: 2, verifier: sigv4.NewVerifier(8)}
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

// seen is what the service itself is told of an object, or of one whose name begins so; nothing of other calls.
func (b *bucketServer) seen(in any) (any, error) {
	switch in := in.(type) {
	case *shape.HeadObjectRequest:
		if b.get(*in.Bucket+"/"+*in.Key) == nil {
			return nil, fault.Kind{Code: "NoSuchKey", Status: 404}.New("The specified key does not exist.")
		}
		return &shape.HeadObjectOutput{}, nil
	case *shape.ListObjectsV2Request:
		b.mu.Lock()
		defer b.mu.Unlock()
		out := &shape.ListObjectsV2Output{}
		for name := range b.objects {
			if strings.HasPrefix(name, *in.Bucket+"/"+*in.Prefix) && len(out.Contents) == 0 {
				out.Contents = append(out.Contents, shape.Object{Key: &name})
			}
		}
		return out, nil
	}
	return nil, nil
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
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodDelete && q.Get("uploadId") != "":
		delete(b.uploads, q.Get("uploadId"))
	case r.Method == http.MethodDelete:
		delete(b.objects, name)
	case r.Method == http.MethodPost && q.Has("uploads"):
		id := fmt.Sprint("upload", len(b.uploads)+1)
		b.uploads[id] = map[int][]byte{}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == http.MethodPost:
		b.complete(w, r, name)
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength {
			no(400, "IncompleteBody")
			return
		}
		w.Header().Set("ETag", tagged(body))
		if id := q.Get("uploadId"); id == "" {
			b.store(name, body)
		} else if n, _ := strconv.Atoi(q.Get("partNumber")); b.uploads[id] == nil || n == 0 {
			no(404, "NoSuchUpload")
		} else {
			b.uploads[id][n] = body
		}
	case r.URL.Query().Get("list-type") == "2":
		b.list(w, strings.TrimSuffix(name, "/"), r.URL.Query().Get("prefix"), r.URL.Query().Get("continuation-token"))
	default:
		body, ok := b.objects[name]
		if !ok {
			no(404, "NoSuchKey")
			return
		}
		b.gets[name]++
		w.Header().Set("ETag", tagged(body))
		if b.cut != nil {
			if n := b.cut(r); n >= 0 {
				w = &cutWriter{ResponseWriter: w, left: n}
			}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}
}

func (b *bucketServer) store(name string, body []byte) {
	b.objects[name] = body
	delete(b.joined, name)
	b.puts[name]++
	if b.stored != nil {
		b.stored(name)
	}
}

// tags are the ETags of large objects by their first byte: to make one takes a while, and the server's lock.
var tags sync.Map

func tagged(b []byte) string {
	if len(b) < 1<<20 {
		return fmt.Sprintf(`"%x"`, md5.Sum(b))
	}
	tag, ok := tags.Load(&b[0])
	if !ok {
		tag = fmt.Sprintf(`"%x"`, md5.Sum(b))
		tags.Store(&b[0], tag)
	}
	return tag.(string)
}

// cutWriter breaks a connection in the middle of an answer.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if len(p) > c.left {
		c.ResponseWriter.Write(p[:c.left]) //nolint:errcheck // it is to break
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// complete puts the parts of an upload together as S3 does.
func (b *bucketServer) complete(w io.Writer, r *http.Request, name string) {
	parts := b.uploads[r.URL.Query().Get("uploadId")]
	var in struct{ Part []part }
	if err := xml.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Part) != len(parts) {
		fmt.Fprint(w, "<Error><Code>InvalidPart</Code><Message>no</Message></Error>")
		return
	}
	var whole, sums []byte
	for i, p := range in.Part {
		if p.PartNumber != i+1 || p.ETag != tagged(parts[i+1]) {
			fmt.Fprint(w, "<Error><Code>InvalidPart</Code><Message>no</Message></Error>")
			return
		}
		whole = append(whole, parts[i+1]...)
		sum := md5.Sum(parts[i+1])
		sums = append(sums, sum[:]...)
	}
	tag := fmt.Sprintf(`"%x-%d"`, md5.Sum(sums), len(parts))
	delete(b.uploads, r.URL.Query().Get("uploadId"))
	defer func() { b.joined[name] = tag }()
	b.store(name, whole)
	fmt.Fprint(w, "<CompleteMultipartUploadResult/>")
}

func (b *bucketServer) list(w io.Writer, bucket, prefix, from string) {
	type content struct {
		Key  string
		Size int
		ETag string
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
		name := bucket + "/" + k
		tag, ok := b.joined[name]
		if !ok {
			tag = tagged(b.objects[name])
		}
		out.Contents = append(out.Contents, content{k, len(b.objects[name]), tag})
	}
	xml.NewEncoder(w).Encode(out) //nolint:errcheck // the client sees a short answer
}
