package s3

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/door"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/audit"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/blob/files"
	"cloister/internal/machine/certificate"
	"cloister/internal/machine/store"
)

const (
	account = "111122223333"
	other   = "444455556666"
)

// house is S3 behind a real door on loopback, over files in a directory.
type house struct {
	*Service
	dir, region, address string
	files                *files.Store
	ca                   *certificate.Authority
	stop                 func()
	log                  bytes.Buffer
}

func start(t testing.TB, region string) *house {
	h := &house{dir: t.TempDir(), region: region}
	h.open(t)
	t.Cleanup(func() { h.stop() })
	return h
}

// restart is a new process over the same files.
func (h *house) restart(t testing.TB) {
	h.stop()
	h.open(t)
}

func (h *house) open(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	db, err := store.Open(ctx, filepath.Join(h.dir, "records"), time.Now)
	must(err)
	h.files, err = files.Open(filepath.Join(h.dir, "blobs"))
	must(err)
	if h.ca == nil {
		h.ca, err = certificate.Open(filepath.Join(h.dir, "ca"), certificate.Config{
			Accept: func(string) bool { return true }, Default: []string{"localhost", "127.0.0.1"}, Now: time.Now,
		})
		must(err)
	}
	dir := directory.New([32]byte{1}, time.Now)
	for id, a := range map[string]string{"AKIAROOT": account, "AKIAOTHER": other} {
		dir.SetKey(directory.Key{ID: id, Secret: "secret", Account: a, Active: true})
	}
	h.Service = &Service{DB: db, Blobs: h.files, Directory: dir, Region: h.region, Log: log}
	must(h.Load(ctx))
	d := door.New(door.Config{Region: h.region, Directory: dir, Audit: audit.New(db, log), Log: log, Clock: time.Now})
	bound, err := h.Bind()
	must(err)
	d.Open(bound)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	h.address = l.Addr().String()
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.Serve(ctx, l, h.ca.TLSConfig()); err != nil {
			t.Error(err)
		}
	})
	h.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		h.files.Close()
	})
}

// caller calls with one key.
type caller struct {
	testing.TB
	*house
	key  string
	http *http.Client
}

func (h *house) as(t testing.TB, key string) *caller {
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, h.address)
		},
		TLSClientConfig: &tls.Config{RootCAs: h.ca.Pool()}, DisableCompression: true, MaxIdleConnsPerHost: 32,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &caller{TB: t, house: h, key: key, http: &http.Client{Transport: tr}}
}

// answer is what came back.
type reply struct {
	Status int
	Header http.Header
	Body   string
	Code   string
}

// request makes a request to /bucket/key?query; more are header names and values.
func (c *caller) request(method, path string, body io.Reader, more ...string) *http.Request {
	c.Helper()
	r, err := http.NewRequest(method, "https://s3."+c.region+".amazonaws.com"+path, body)
	if err != nil {
		c.Fatal(err)
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	return r
}

func (c *caller) do(method, path, body string, more ...string) *reply {
	c.Helper()
	r := c.request(method, path, strings.NewReader(body), more...)
	if c.key != "" {
		sigv4.Sign(r, sigv4.Hash([]byte(body)), c.credentials(), sigv4.Scope{Region: c.region, Service: "s3"}, time.Now())
	}
	return c.send(r)
}

func (c *caller) credentials() sigv4.Credentials {
	return sigv4.Credentials{AccessKey: c.key, Secret: "secret"}
}

func (c *caller) send(r *http.Request) *reply {
	c.Helper()
	w, err := c.http.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		c.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	a := &reply{Status: w.StatusCode, Header: w.Header, Body: string(b)}
	if a.Status >= 300 {
		a.Code = a.one("Code")
	}
	return a
}

// all gives the texts of the elements of a name.
func (a *reply) all(name string) (out []string) {
	d := xml.NewDecoder(strings.NewReader(a.Body))
	for {
		tok, err := d.Token()
		if err != nil {
			return out
		}
		if s, ok := tok.(xml.StartElement); ok && s.Name.Local == name {
			var v struct {
				Text string `xml:",chardata"`
			}
			if d.DecodeElement(&v, &s) == nil {
				out = append(out, v.Text)
			}
		}
	}
}

func (a *reply) one(name string) string {
	if all := a.all(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (a *reply) good(t testing.TB) *reply {
	t.Helper()
	if a.Status > 299 {
		t.Fatalf("answered %d: %s", a.Status, a.Body)
	}
	return a
}

func (a *reply) refused(t testing.TB, status int, code string) *reply {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("answered %d %s, want %d %s: %s", a.Status, a.Code, status, code, a.Body)
	}
	return a
}

// has fails unless an element has this text.
func (a *reply) has(t testing.TB, name, text string) *reply {
	t.Helper()
	if got := a.one(name); got != text {
		t.Errorf("%s is %q, want %q: %s", name, got, text, a.Body)
	}
	return a
}

// is fails unless the body is this.
func (a *reply) is(t testing.TB, body string) *reply {
	t.Helper()
	if a.good(t).Body != body {
		t.Errorf("body of %d bytes %.80q, want %d bytes %.80q", len(a.Body), a.Body, len(body), body)
	}
	return a
}

// header fails unless a header has this value.
func (a *reply) header(t testing.TB, name, value string) *reply {
	t.Helper()
	if got := a.Header.Get(name); got != value {
		t.Errorf("%s is %q, want %q", name, got, value)
	}
	return a
}

// blobCount is how many blobs lie on disk.
func (h *house) blobCount(t testing.TB) (n int) {
	t.Helper()
	for _, err := range h.files.All(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
