// Package doortest starts a door on loopback with real parts behind it, for tests that call as a
// customer does: signed, over TLS, by wire.
//
// It promises that nothing is faked but the path of a connection, which a test may choose, and the
// clock, which a test may move. It must not be imported but by tests.
package doortest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloister/internal/door"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/api"
	"cloister/internal/frame/audit"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/certificate"
	"cloister/internal/machine/store"
	"cloister/internal/service/cloister"
	"cloister/internal/service/iam"
	"cloister/internal/service/logs"
	"cloister/internal/service/sts"
	"cloister/internal/value/caller"
	"cloister/internal/value/catalogue"
)

// Account and Region are where a House stands; Other is another account.
const (
	Account = "111122223333"
	Other   = "444455556666"
	Region  = "us-east-1"
)

// MaxBody is the longest body that is buffered.
const MaxBody = 2 << 20

// House is a door with IAM, STS, Logs and Cloister's own service behind it.
type House struct {
	testing.TB
	Door      *door.Door
	Directory *directory.Directory
	Audit     *audit.Log
	DB        *store.DB
	IAM       *iam.Service
	STS       *sts.Service
	Authority *certificate.Authority
	Log       *Buffer
	// Root is the first credentials of Account.
	Root sigv4.Credentials

	dir     string
	more    []*api.Service
	ahead   atomic.Int64 // of the clock, in nanoseconds
	address string
	stop    func()
}

// Open starts a house in a directory of its own, with more services behind its door.
func Open(t testing.TB, more ...*api.Service) *House {
	h := &House{TB: t, dir: t.TempDir(), more: more}
	h.start()
	t.Cleanup(func() { h.stop() })
	id, secret, made, err := h.IAM.Root(context.Background(), Account)
	if err != nil || !made {
		t.Fatalf("the root's key: made %v, %v", made, err)
	}
	h.Root = sigv4.Credentials{AccessKey: id, Secret: secret}
	return h
}

// Restart stops everything and starts it again over the same files.
func (h *House) Restart() {
	h.stop()
	h.start()
}

// Close stops everything.
func (h *House) Close() { h.stop() }

// Now is the time in the house.
func (h *House) Now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

// Pass moves the clock of the house.
func (h *House) Pass(d time.Duration) { h.ahead.Add(int64(d)) }

func (h *House) start() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	h.parts(ctx)
	l := h.listen()
	h.address = l.Addr().String()
	running.Go(func() { h.check(h.Audit.Run(ctx)) })
	running.Go(func() { h.check(h.Door.Serve(ctx, l, h.Authority.TLSConfig())) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		h.check(h.DB.Close())
	})
}

func (h *House) parts(ctx context.Context) {
	var err error
	h.Log = new(Buffer)
	log := slog.New(slog.NewTextHandler(h.Log, nil))
	h.DB, err = store.Open(ctx, filepath.Join(h.dir, "records.db"), h.Now)
	h.must(err)
	h.Authority, err = certificate.Open(filepath.Join(h.dir, "ca"), certificate.Config{
		Accept:  func(name string) bool { return true },
		Default: []string{"localhost", "127.0.0.1"}, Now: time.Now,
	})
	h.must(err)
	h.Directory = directory.New([32]byte{1}, h.Now)
	h.Audit = audit.New(h.DB, log)
	h.Door = door.New(door.Config{Region: Region, Directory: h.Directory, Audit: h.Audit, Log: log, Clock: h.Now, MaxBody: MaxBody})
	h.STS = &sts.Service{Directory: h.Directory, Client: h.Door, Now: h.Now}
	h.IAM = &iam.Service{DB: h.DB, Directory: h.Directory}
	for _, b := range []interface{ Bind() (*api.Service, error) }{
		h.IAM, h.STS, &logs.Service{DB: h.DB}, &cloister.Service{Audit: h.Audit},
	} {
		s, err := b.Bind()
		h.must(err)
		h.Door.Open(s)
	}
	h.Door.Open(h.more...)
	h.must(h.IAM.Load(ctx))
}

func (h *House) listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	return l
}

// URL is the loopback door, as `aws --endpoint-url` takes it.
func (h *House) URL() string {
	_, port, err := net.SplitHostPort(h.address)
	h.must(err)
	return "https://localhost:" + port
}

// Address is where the public door listens.
func (h *House) Address() string { return h.address }

// Through opens another door whose connections took a given path, as the fabric's do, and gives its
// address. It closes with the test.
func (h *House) Through(o caller.Origin) (address string) {
	ctx, cancel := context.WithCancel(context.Background())
	l := h.listen()
	var running sync.WaitGroup
	running.Go(func() { h.check(h.Door.Serve(ctx, from{l, o}, h.Authority.TLSConfig())) })
	h.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return l.Addr().String()
}

// Endpoint is the path through a VPC endpoint of a service.
func Endpoint(id, service string) caller.Origin {
	row, _ := catalogue.ByID(service)
	return caller.Origin{Place: caller.Endpoint, VPC: "vpc-0aaa", EndpointID: id, EndpointInterface: "eni-0eee", Service: row.EndpointName(Region),
		Subnet: "subnet-0bbb", Interface: "eni-0ccc", Source: addr("10.0.1.7"), Target: addrPort("10.0.1.5:443")}
}

func (h *House) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *House) check(err error) {
	if err != nil {
		h.Error(err)
	}
}

// from is a listener whose connections know where they came from.
type from struct {
	net.Listener
	origin caller.Origin
}

func (f from) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn{c, f.origin}, nil
}

type conn struct {
	net.Conn
	origin caller.Origin
}

func (c conn) Origin() caller.Origin { return c.origin }

// Buffer is a log that can be read while it is written.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
