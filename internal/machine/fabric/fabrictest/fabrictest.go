// Package fabrictest is what every fabric must do: a suite that an implementation's test calls.
//
// It promises that two fabrics which pass cannot be told apart by who reaches whom, by which path
// and under which name. It must not know how a fabric does it; it only connects, listens and asks.
package fabrictest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/machine/fabric"
	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// Fabric is a fabric in which a test can open servers inside namespaces.
type Fabric interface {
	fabric.Fabric
	// ListenIn opens a server inside a namespace, as a process in it would.
	ListenIn(id string, at netip.AddrPort) (net.Listener, error)
}

// Run runs the suite; open gives a fresh, empty fabric and removes it after the test.
func Run(t *testing.T, open func(t *testing.T) Fabric) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"groups decide who reaches whom", testGroups},
		{"groups name peers by membership", testMembership},
		{"VPCs with equal ranges do not meet", testEqualRanges},
		{"an endpoint knows who came and by which interface", testEndpointOrigin},
		{"an endpoint's groups are enforced", testEndpointGroups},
		{"credentials are told to who is to have them", testMetadata},
		{"credentials are told to the owner of an address", testMetadataReuse},
		{"a gateway endpoint is reached along its table only", testGateway},
		{"a missing endpoint leaves a black hole", testBlackhole},
		{"names are private to their VPC", testNames},
		{"names take turns", testRotation},
		{"private zones are closed, nested and of their VPC only", testZones},
		{"an inbound resolver is no place to be", testInbound},
		{"loopback belongs to the namespace", testLoopback},
		{"an isolated namespace reaches nothing", testIsolated},
		{"hosts on the internet reach doors and each other", testHosts},
		{"a revoked rule stops new connections only", testRevoke},
		{"a removed endpoint's connections are closed", testEndpointRemoved},
		{"a balancer carries connections to targets that accept", testBalancer},
		{"a connection through a balancer ends with its path", testBalancerRemoved},
		{"an address has no memory of its last owner", testAddressReuse},
		{"a changed interface keeps its id", testReaddress},
		{"a wrong network changes nothing", testRefused},
		{"many connect and change at once", testConcurrent},
		{"a random walk obeys the law at every step", testWalk},
		{"closing ends the listener", testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, newWorld(t, open(t)))
		})
	}
}

// world is a fabric with a server behind its doors: it tells each client the Origin it has, and then
// repeats what it is told until the connection ends.
type world struct {
	Fabric
	t       *testing.T
	running sync.WaitGroup
	mu      sync.Mutex
	servers []net.Listener
	clients map[net.Conn]bool // connections that a server of the test has open
	serving map[string]net.Listener
	sockets []net.PacketConn
	post    post
}

func newWorld(t *testing.T, f Fabric) *world {
	w := &world{t: t, Fabric: f, clients: map[net.Conn]bool{}, post: post{arrived: map[string]string{}}}
	w.accept(w.Listener())
	w.accept(w.Metadata())
	t.Cleanup(w.stop)
	return w
}

const (
	patience = 10 * time.Second       // for what must happen; never used up when it does
	silence  = 150 * time.Millisecond // for what must not
)

func (w *world) accept(l net.Listener) {
	w.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.running.Go(func() {
				defer w.hold(c)()
				o := c.(fabric.Conn).Origin()
				c.SetDeadline(time.Now().Add(patience))
				if json.NewEncoder(c).Encode(o) == nil {
					io.Copy(c, c)
				}
			})
		}
	})
}

// hold keeps a server's connection until it ends, or the test does: one whose wire was cut would
// never end by itself.
func (w *world) hold(c net.Conn) (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clients[c] = true
	return func() {
		w.mu.Lock()
		delete(w.clients, c)
		w.mu.Unlock()
		c.Close()
	}
}

func (w *world) stop() {
	w.Close()
	w.mu.Lock()
	for _, l := range w.servers {
		l.Close()
	}
	for _, c := range w.sockets {
		c.Close()
	}
	for c := range w.clients {
		c.SetDeadline(time.Unix(1, 0))
	}
	w.mu.Unlock()
	w.running.Wait()
}

// apply puts a network in force.
func (w *world) apply(n *network.Network) {
	w.t.Helper()
	if err := w.Apply(context.Background(), n); err != nil {
		w.t.Fatal(err)
	}
}

// serve opens a server in a namespace that tells its clients its id and then repeats what they say.
func (w *world) serve(id, at string) net.Listener {
	w.t.Helper()
	l, err := w.ListenIn(id, netip.MustParseAddrPort(at))
	if err != nil {
		w.t.Fatalf("serve %s in %s: %v", at, id, err)
	}
	w.greet(id, l)
	return l
}

// greet serves a listener.
func (w *world) greet(id string, l net.Listener) {
	w.mu.Lock()
	w.servers = append(w.servers, l)
	w.mu.Unlock()
	w.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.running.Go(func() {
				defer w.hold(c)()
				c.SetDeadline(time.Now().Add(patience))
				if _, err := io.WriteString(c, w.greeting(id, c)+"\n"); err == nil {
					io.Copy(c, c)
				}
			})
		}
	})
}

// greeting is what a server says; in a walk it tells also whom it sees, and as whom it was called.
func (w *world) greeting(id string, c net.Conn) string {
	if w.serving == nil {
		return id
	}
	address := func(a net.Addr) string { return netip.MustParseAddrPort(a.String()).Addr().String() }
	return id + " " + address(c.RemoteAddr()) + " " + address(c.LocalAddr())
}

// call is a connection that was greeted.
type call struct {
	net.Conn
	greeting string
}

// dial connects and reads the greeting's line, byte for byte so that nothing after it is lost.
func (w *world) dial(wait time.Duration, id, to string) (*call, error) {
	return greeted(wait, func(ctx context.Context) (net.Conn, error) { return w.Dial(ctx, id, netip.MustParseAddrPort(to)) })
}

func greeted(wait time.Duration, dial func(context.Context) (net.Conn, error)) (*call, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	c, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	var line []byte
	for one := make([]byte, 1); ; {
		if _, err := c.Read(one); err != nil {
			c.Close()
			return nil, err
		}
		if one[0] == '\n' {
			return &call{c, string(line)}, nil
		}
		line = append(line, one[0])
	}
}

// reach demands that id gets to the server of another namespace.
func (w *world) reach(id, to, server string) *call {
	w.t.Helper()
	c, err := w.dial(patience, id, to)
	if err != nil {
		w.t.Errorf("%s does not reach %s: %v", id, to, err)
		return nil
	}
	w.t.Cleanup(func() { c.Close() })
	if c.greeting != server {
		w.t.Errorf("%s reached %s at %s, not %s", id, c.greeting, to, server)
	}
	return c
}

// enter demands that id gets to a door or endpoint and is known there as want; an empty Source and
// Target in want are not compared.
func (w *world) enter(id, to string, want caller.Origin) *call {
	w.t.Helper()
	c, err := w.dial(patience, id, to)
	if err != nil {
		w.t.Errorf("%s does not enter %s: %v", id, to, err)
		return nil
	}
	w.t.Cleanup(func() { c.Close() })
	var got caller.Origin
	if err := json.Unmarshal([]byte(c.greeting), &got); err != nil {
		w.t.Errorf("%s entered %s and was greeted %q", id, to, c.greeting)
		return c
	}
	want.Target = netip.MustParseAddrPort(to)
	if !want.Source.IsValid() {
		want.Source = got.Source
	}
	if got != want {
		w.t.Errorf("%s entered %s\n as %+v\nnot %+v", id, to, got, want)
	}
	return c
}

// silent demands that nothing answers.
func (w *world) silent(id, to string) {
	w.t.Helper()
	c, err := w.dial(silence, id, to)
	if err == nil {
		c.Close()
		w.t.Errorf("%s reached %s (%s)", id, to, c.greeting)
		return
	}
	var late net.Error
	if !errors.Is(err, context.DeadlineExceeded) && !(errors.As(err, &late) && late.Timeout()) {
		w.t.Errorf("%s to %s is answered: %v", id, to, err)
	}
}

// alive demands that a connection still carries bytes both ways, dead that it ends.
func (w *world) alive(c *call) {
	w.t.Helper()
	if c == nil {
		return
	}
	c.SetDeadline(time.Now().Add(patience))
	back := make([]byte, 5)
	if _, err := io.WriteString(c, "hello"); err != nil {
		w.t.Errorf("connection to %s does not live: %v", c.RemoteAddr(), err)
	} else if _, err := io.ReadFull(c, back); err != nil || string(back) != "hello" {
		w.t.Errorf("connection to %s answers %q: %v", c.RemoteAddr(), back, err)
	}
}

func (w *world) dead(c *call) {
	w.t.Helper()
	if c == nil {
		return
	}
	c.SetDeadline(time.Now().Add(patience))
	_, err := c.Read(make([]byte, 1))
	var late net.Error
	if err == nil || errors.As(err, &late) && late.Timeout() {
		w.t.Errorf("connection to %s lives: %v", c.RemoteAddr(), err)
	}
}

func addresses(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, s := range texts {
		list = append(list, netip.MustParseAddr(s))
	}
	return list
}

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, s := range strings.Fields(strings.Join(texts, " ")) {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}
