package ecr_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/api"
	"cloister/internal/machine/blob/files"
	"cloister/internal/service/ecr"
)

const host = doortest.Account + ".dkr.ecr." + doortest.Region + ".amazonaws.com"

// world is a house with ECR in it.
type world struct {
	*doortest.House
	ecr   *ecr.Service
	blobs *files.Store
	root  client
}

// client calls ECR as somebody, by one way.
type client struct {
	*doortest.Client
	t  testing.TB
	at string
}

func open(t testing.TB) *world {
	w := &world{House: doortest.Open(t)}
	var err error
	if w.blobs, err = files.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.again(t)
	w.root = w.as(t, w.Root)
	return w
}

// again makes the service anew over the same records and bytes, as a restart does.
func (w *world) again(t testing.TB) {
	w.ecr = &ecr.Service{DB: w.DB, Blobs: w.blobs, Directory: w.Directory, Client: w.Door, Region: doortest.Region, Log: slog.New(slog.NewTextHandler(w.Log, nil))}
	for _, b := range []interface{ Bind() (*api.Service, error) }{w.ecr, ecr.Registry{Service: w.ecr}} {
		s, err := b.Bind()
		if err != nil {
			t.Fatal(err)
		}
		w.Door.Open(s)
	}
	if err := w.ecr.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) as(t testing.TB, c sigv4.Credentials) client {
	return client{w.As(t, c), t, w.Address()}
}

// user is somebody who may do some actions.
func (w *world) user(t testing.TB, name string, actions ...string) client {
	return w.as(t, w.User(t, name, doortest.Allow(actions...)))
}

func (c client) call(op string, in map[string]any, out any) *doortest.Answer {
	c.t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	a := c.Call("ecr", op, string(b))
	if out != nil {
		a.Good(c.t).JSON(c.t, out)
	}
	return a
}

// create makes repositories.
func (c client) create(names ...string) {
	c.t.Helper()
	for _, n := range names {
		c.call("CreateRepository", map[string]any{"repositoryName": n}, nil).Good(c.t)
	}
}

// password asks for one.
func (c client) password() string {
	c.t.Helper()
	var out struct {
		AuthorizationData []struct{ AuthorizationToken, ProxyEndpoint string }
	}
	c.call("GetAuthorizationToken", map[string]any{}, &out)
	text, err := base64.StdEncoding.DecodeString(out.AuthorizationData[0].AuthorizationToken)
	p, ok := strings.CutPrefix(string(text), "AWS:")
	if err != nil || !ok || !strings.HasSuffix(out.AuthorizationData[0].ProxyEndpoint, host[12:]) {
		c.t.Fatalf("%s, %v", text, err)
	}
	return p
}

func (c client) transport() *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, c.at)
		},
		TLSClientConfig: &tls.Config{RootCAs: c.Authority.Pool()}, DisableCompression: true,
	}
	c.t.Cleanup(t.CloseIdleConnections)
	return t
}

// ask sends a request to the registry with a password, and none where it is empty.
func (c client) ask(method, path, password, body string, header ...string) *doortest.Answer {
	c.t.Helper()
	r, err := http.NewRequest(method, "https://"+host+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if password != "" {
		r.SetBasicAuth("AWS", password)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return c.told(c.Send(r))
}

// told reads the first error of a registry's answer.
func (c client) told(a *doortest.Answer) *doortest.Answer {
	var e struct {
		Errors []struct{ Code, Message string }
	}
	if a.Status >= 400 && json.Unmarshal(a.Body, &e) == nil && len(e.Errors) == 1 {
		a.Code, a.Text = e.Errors[0].Code, e.Errors[0].Message
	}
	return a
}

// endpoint is a client behind a VPC endpoint of a service.
func (w *world) endpoint(t testing.TB, c sigv4.Credentials, id, service string) client {
	at := w.Through(doortest.Endpoint(id, service))
	return client{w.Via(t, c, at), t, at}
}

// keep keeps house, and counts the blobs that are left.
func (w *world) keep(t testing.TB) (n int) {
	t.Helper()
	if err := w.ecr.KeepHouse(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, err := range w.blobs.All(t.Context(), "ecr/") {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	return n
}
