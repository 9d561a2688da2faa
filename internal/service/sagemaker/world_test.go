package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/executor"
	"cloister/internal/machine/executor/memory"
	"cloister/internal/machine/feed"
	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel/mesh"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	"cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/logs"
	"cloister/internal/value/shape/sts"
)

const (
	account = "111122223333"
	region  = "us-east-1"
	role    = "arn:aws:iam::111122223333:role/execution"
)

// TestMain is the keeper of pipes too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "feed" {
		os.Exit(feed.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// world is everything around the service, in Go: a real store, the memory executor, an S3 behind
// real TLS, and the few calls of sts, ec2 and logs that the service makes.
type world struct {
	t    *testing.T
	db   *store.DB
	dir  string
	exec executor.Executor
	s3   *bucketServer

	mu         sync.Mutex
	calls      []string
	informed   []string         // interfaces
	errands    []errand         // what roles were assumed for
	deny       map[string]error // by "service.Operation"
	interfaces map[string]*ec2.NetworkInterface
	tokens     map[string]string // client token -> interface
	isolated   map[string]bool
	joined     map[string][]string
	meshes     map[string][]mesh.Host // of the process that runs
	estate     *estate
	config     func(*Config) // changes what services are made with
	unrouted   bool
	lines      map[string][]string // by group + " " + stream
	listeners  map[string]net.Listener
	routes     map[string]map[string][]string // what Traffic was told
	before     func(call string)              // hook: runs before every outward call
}

func newWorld(t *testing.T, programs map[string]memory.Program) *world {
	w := &world{
		t: t, dir: t.TempDir(), exec: memory.New(programs), deny: map[string]error{}, interfaces: map[string]*ec2.NetworkInterface{},
		tokens: map[string]string{}, isolated: map[string]bool{}, joined: map[string][]string{}, lines: map[string][]string{}, listeners: map[string]net.Listener{},
		meshes: map[string][]mesh.Host{}, routes: map[string]map[string][]string{}, estate: newEstate(),
	}
	db, err := store.Open(t.Context(), filepath.Join(w.dir, "records"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w.db = db
	t.Cleanup(func() { db.Close() })
	w.s3 = newBucketServer(t)
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	if err := os.Mkdir(filepath.Join(w.dir, "jobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

// service makes a fresh one over the same world, as a restart does.
func (w *world) service() *Service {
	w.mu.Lock()
	w.meshes = map[string][]mesh.Host{} // they ended with their process
	w.mu.Unlock()
	c := Config{
		DB: w.db, Client: w, Identify: w.identify, Network: w, Executor: w.exec, Images: w, Isolation: w, Meshes: meshes{w}, Traffic: w,
		Roots: w.s3.roots, Directory: filepath.Join(w.dir, "jobs"), Region: region, Log: slog.New(slog.DiscardHandler), Clock: time.Now,
		Keeper: []string{"/proc/self/exe", "feed"}, Connect: time.Minute, Startup: 2 * time.Second, Passing: w.passing,
	}
	if w.config != nil {
		w.config(&c)
	}
	s := New(c)
	s.pause = 20 * time.Millisecond
	return s
}

// run starts a service and gives what stops it and waits.
func (w *world) run(s *Service) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.t.Errorf("run: %v", err)
			}
		})
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) call() *api.Call {
	return &api.Call{Region: region, Caller: caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: account}}}
}

func (w *world) identify(key, token string) (caller.Identity, error) {
	if token != "token" {
		return caller.Identity{}, errors.New("bad token")
	}
	return caller.Identity{Kind: caller.AssumedRole, Account: account, PrincipalARN: role, AccessKey: key}, nil
}

// Call plays sts, ec2 and logs.
func (w *world) Call(ctx context.Context, as caller.Caller, service, name string, in any) (any, error) {
	w.announce(service + "." + name)
	seen, unseen := w.s3.seen(in) // with its own lock, and not with both
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, string(as.Identity.Kind)+" "+service+"."+name)
	if in, ok := in.(*sts.AssumeRoleRequest); ok {
		w.errands = append(w.errands, errand{as.Identity.Account, *in.RoleArn, as.Identity.SourceARN, text(in.SourceIdentity)})
	}
	if err := w.deny[service+"."+name]; err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch in := in.(type) {
	case *sts.AssumeRoleRequest:
		return &sts.AssumeRoleResponse{Credentials: &sts.Credentials{
			AccessKeyId: new("ASIAEXAMPLE"), SecretAccessKey: new("secret"), SessionToken: new("token"), Expiration: new(time.Now().Add(time.Hour)),
		}}, nil
	case *ec2.CreateNetworkInterfaceRequest:
		id := w.tokens[*in.ClientToken]
		if id == "" {
			if w.estate.free[*in.SubnetId] == 0 {
				return nil, fault.Kind{Code: "InsufficientFreeAddressesInSubnet", Status: 400}.New("full")
			}
			w.estate.free[*in.SubnetId]--
			id = fmt.Sprintf("eni-%017x", len(w.tokens)+1)
			w.tokens[*in.ClientToken] = id
			w.interfaces[id] = &ec2.NetworkInterface{NetworkInterfaceId: &id, Description: in.Description, SubnetId: in.SubnetId}
		}
		return &ec2.CreateNetworkInterfaceResult{NetworkInterface: &ec2.NetworkInterface{NetworkInterfaceId: &id, PrivateIpAddress: new(w.addressOf(id).String())}}, nil
	case *ec2.DeleteNetworkInterfaceRequest:
		if w.interfaces[*in.NetworkInterfaceId] == nil {
			return nil, fault.Kind{Code: "InvalidNetworkInterfaceID.NotFound", Status: 400}.New("gone")
		}
		if text(w.interfaces[*in.NetworkInterfaceId].Status) == "in-use" {
			return nil, fault.Kind{Code: "InvalidParameterValue", Status: 400}.New("in use")
		}
		w.freeOf(*in.NetworkInterfaceId)
		delete(w.interfaces, *in.NetworkInterfaceId)
		return &struct{}{}, nil
	case *logs.CreateLogGroupRequest, *logs.CreateLogStreamRequest:
		return &struct{}{}, nil
	case *logs.PutLogEventsRequest:
		key := *in.LogGroupName + " " + *in.LogStreamName
		for _, e := range in.LogEvents {
			w.lines[key] = append(w.lines[key], *e.Message)
		}
		return &logs.PutLogEventsResponse{}, nil
	}
	if seen != nil || unseen != nil {
		return seen, unseen
	}
	if out := w.estate.answer(w, in); out != nil {
		return out, nil
	}
	return nil, fmt.Errorf("unexpected call %s.%s", service, name)
}

func (w *world) announce(call string) {
	w.mu.Lock()
	f := w.before
	w.mu.Unlock()
	if f != nil {
		f(call)
	}
}

// passing has a crash come also where S3 has an object and nobody has written that down.
func (w *world) passing(_ context.Context, _, point string) {
	if strings.HasPrefix(point, "put ") {
		w.announce(point)
	}
}

func (w *world) setBefore(f func(string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = f
}

func (w *world) Isolate(_ context.Context, id string) error {
	w.announce("isolate")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isolated[id] = true
	return nil
}

func (w *world) Release(_ context.Context, id string) error {
	w.announce("release")
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.isolated, id)
	return nil
}

func (w *world) Join(_ context.Context, id string, hosts []string) ([]netip.Addr, error) {
	w.announce("join")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.joined[id] = hosts
	var out []netip.Addr
	for i := range hosts {
		out = append(out, netip.AddrFrom4([4]byte{10, 0, 0, byte(4 + i)}))
	}
	return out, nil
}

func (w *world) Home(ctx context.Context, id string, hosts []string) ([]netip.Addr, error) {
	w.announce("home")
	return w.Join(ctx, id, hosts)
}

func (w *world) Leave(ctx context.Context, id string, hosts []string) error { return w.Part(ctx, id) }

func (w *world) Part(_ context.Context, id string) error {
	w.announce("part")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, host := range w.joined[id] {
		w.freeOf(host)
	}
	delete(w.joined, id)
	return nil
}

func (w *world) Address(_ context.Context, _, id string) (netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.interfaces[id] == nil {
		return netip.Addr{}, errors.New("no interface " + id)
	}
	return w.addressOf(id), nil
}

func (w *world) addressOf(id string) netip.Addr {
	var n byte
	fmt.Sscanf(id, "eni-%x", &n)
	return netip.AddrFrom4([4]byte{10, 0, 1, n})
}

func (w *world) Manage(_ context.Context, _, id string) error {
	w.announce("manage")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.interfaces[id] == nil {
		return errors.New("no interface " + id)
	}
	w.interfaces[id].Status = new("in-use")
	return nil
}

func (w *world) Describe(_ context.Context, _, id, description string) error {
	w.announce("describe")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.interfaces[id] == nil {
		return errors.New("no interface " + id)
	}
	w.interfaces[id].Description = &description
	return nil
}

func (w *world) Inform(_ context.Context, _, id string) error {
	w.announce("inform")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.interfaces[id] == nil {
		return errors.New("no interface " + id)
	}
	w.informed = append(w.informed, id)
	return nil
}

func (w *world) Unuse(_ context.Context, _, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.interfaces[id]; i != nil {
		i.Status = new("available")
	}
	return nil
}

func (w *world) Namespace(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	peer := false
	for _, hosts := range w.joined {
		peer = peer || slices.Contains(hosts, id)
	}
	if id == internet || w.interfaces[id] != nil || w.isolated[id] || peer {
		return "/run/netns/" + id
	}
	return ""
}

func (w *world) Resolver(id string) network.Resolver {
	if strings.HasPrefix(id, "eni-") {
		return network.Resolver{Servers: []netip.Addr{netip.MustParseAddr("10.0.0.2")}}
	}
	return network.Resolver{}
}

func (w *world) Lookup(_, name string) []netip.Addr {
	if name == "s3."+region+".amazonaws.com" {
		return []netip.Addr{netip.MustParseAddr("52.216.0.10")}
	}
	return nil
}

func (w *world) Dial(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error) {
	w.announce("dial")
	if w.Namespace(id) == "" {
		return nil, errors.New("no namespace " + id)
	}
	if to.Port() == 443 {
		w.mu.Lock()
		unrouted := w.unrouted
		w.mu.Unlock()
		if unrouted { // as after the time to connect, which nobody waits for here
			return nil, context.DeadlineExceeded
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", w.s3.address)
	}
	w.mu.Lock()
	l := w.listeners[id]
	w.mu.Unlock()
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
}

func (w *world) Image(_ context.Context, as caller.Caller, reference string) (*Image, error) {
	w.announce("image")
	if !strings.HasSuffix(reference, "kmeans:1") {
		return nil, ErrNoImage
	}
	return &Image{Digest: "sha256:1", Root: w.dir, Entrypoint: []string{"program"}, Env: []string{"IMAGE=yes"}}, nil
}

func (w *world) Kept(ctx context.Context, digest string) (*Image, error) {
	if digest != "sha256:1" {
		return nil, ErrNoImage
	}
	return &Image{Digest: "sha256:1", Root: w.dir, Entrypoint: []string{"program"}, Env: []string{"IMAGE=yes"}}, nil
}

func (w *world) Route(_, endpoint string, _ map[string]float64, places map[string][]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routes[endpoint] = places
}

func (w *world) Remove(_, endpoint string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.routes, endpoint)
}

func (w *world) Drain(context.Context, string) {}

// empty fails the test when anything that jobs make is left.
func (w *world) empty() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.interfaces) > 0 || len(w.isolated) > 0 || len(w.joined) > 0 || len(w.meshes) > 0 {
		w.t.Errorf("left behind: interfaces %v, isolated %v, joined %v, meshes %v", w.interfaces, w.isolated, w.joined, w.meshes)
	}
	if all, err := w.exec.List(context.Background()); err != nil || len(all) > 0 {
		w.t.Errorf("left behind: containers %v (%v)", all, err)
	}
	if files, err := os.ReadDir(filepath.Join(w.dir, "jobs")); err != nil || len(files) > 0 {
		w.t.Errorf("left behind: directories %v (%v)", files, err)
	}
}
