// Package memory is the fabric without a kernel: the same routes, groups, endpoints and names decide
// in Go, and connections are pairs of sockets. It lets the whole daemon run in a test without root.
//
// It promises what fabrictest asks of every fabric. What it cannot have is packets: there is no
// namespace to join, so Namespace gives a path that names one and leads nowhere.
package memory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"cloister/internal/engine/reach"
	"cloister/internal/machine/fabric"
	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// Fabric is the data plane as a table of who listens where.
type Fabric struct {
	turn     atomic.Uint32
	ephemera atomic.Uint32
	entrance *listener
	metadata *listener

	mu      sync.Mutex
	index   *reach.Index
	servers map[place]*listener
	open    map[*end]struct{}
	assumed map[string]bool // namespaces that take every address for their own
	closed  bool
}

// place is a server's socket inside a namespace; its address may be the unspecified one.
type place struct {
	id string
	at netip.AddrPort
}

var _ fabric.Fabric = (*Fabric)(nil)

// New gives an empty fabric.
func New() *Fabric {
	f := &Fabric{servers: map[place]*listener{}, assumed: map[string]bool{}, open: map[*end]struct{}{}}
	f.entrance = newListener(netip.AddrPortFrom(netip.IPv4Unspecified(), 443))
	f.metadata = newListener(netip.AddrPortFrom(netip.IPv4Unspecified(), 80))
	f.index, _ = reach.NewIndex(&network.Network{})
	return f
}

// Apply puts want in force and closes connections whose path is gone.
func (f *Fabric) Apply(_ context.Context, want *network.Network) error {
	index, err := reach.NewIndex(want)
	if err != nil {
		return fmt.Errorf("apply network: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errors.New("apply network: fabric is closed")
	}
	f.index = index
	for at, l := range f.servers {
		if !index.Sends(at.id) {
			l.Close()
			delete(f.servers, at)
		}
	}
	for e := range f.open {
		if !e.stands(index) {
			e.abort()
			delete(f.open, e)
		}
	}
	return nil
}

func (f *Fabric) current() *reach.Index {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.index
}

// Listener gives the one listener of all endpoints and doors.
func (f *Fabric) Listener() net.Listener { return f.entrance }

// Metadata gives the one listener of those who ask for their credentials.
func (f *Fabric) Metadata() net.Listener { return f.metadata }

// Namespace names a namespace; there is nothing at the path.
func (f *Fabric) Namespace(id string) string {
	if f.current().Kind(id) == reach.KindNone {
		return ""
	}
	return "/memory/netns/" + id
}

// Resolver gives what the resolv.conf of a namespace says.
func (f *Fabric) Resolver(id string) network.Resolver { return f.current().Resolver(id) }

// Observe is for packets, and here are none: nobody hears of anything.
func (f *Fabric) Observe(network.Observer) {}

// Lookup answers as that resolver would.
func (f *Fabric) Lookup(id, name string) []netip.Addr {
	return f.current().Lookup(id, name, f.turn.Add(1))
}

// Close ends the listener and every server.
func (f *Fabric) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.entrance.Close()
	f.metadata.Close()
	for _, l := range f.servers {
		l.Close()
	}
	return nil
}

// ListenIn opens a server inside a namespace, as a process in it would.
func (f *Fabric) ListenIn(id string, at netip.AddrPort) (net.Listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.index.Address(id)
	if f.index.Kind(id) == reach.KindNone || !(at.Addr().IsUnspecified() || at.Addr().IsLoopback() || at.Addr() == own) {
		return nil, fmt.Errorf("listen on %s in %s: %w", at, id, syscall.EADDRNOTAVAIL)
	}
	return f.listen(place{id, at})
}

func (f *Fabric) listen(where place) (net.Listener, error) {
	if f.servers[where] != nil {
		return nil, fmt.Errorf("listen on %s in %s: %w", where.at, where.id, syscall.EADDRINUSE)
	}
	l := newListener(where.at)
	l.release = func() {
		go func() { // Close may be called with the lock held
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.servers[where] == l {
				delete(f.servers, where)
			}
		}()
	}
	f.servers[where] = l
	return l, nil
}

// Assume makes a namespace take every packet that it is given for its own, as a process that answers
// for others would.
func (f *Fabric) Assume(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.assumed[id] = true
	return nil
}

// Tunnels says that there are none: a tunnel is made of packets.
func (f *Fabric) Tunnels(string) (map[string]fabric.Tunnel, error) {
	return nil, errors.New("this fabric has no devices for tunnels")
}

// DialFrom connects from an address behind a VPN tunnel.
func (f *Fabric) DialFrom(ctx context.Context, tunnel string, source netip.Addr, to netip.AddrPort) (net.Conn, error) {
	f.mu.Lock()
	c, err := f.follow(reach.Probe{From: tunnel, Source: source, To: to}, source)
	f.mu.Unlock()
	if errors.Is(err, errSilence) {
		<-ctx.Done()
		err = ctx.Err()
	}
	return c, err
}

// ListenBehind opens a server at an address behind a VPN tunnel.
func (f *Fabric) ListenBehind(tunnel string, at netip.AddrPort) (net.Listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listen(place{tunnel, at})
}

// Dial connects from inside a namespace. A dropped packet has no answer: the dial then ends with ctx.
func (f *Fabric) Dial(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error) {
	c, err := f.dial(id, to)
	if errors.Is(err, errSilence) {
		<-ctx.Done()
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s from %s: %w", to, id, err)
	}
	return c, nil
}

var errSilence = errors.New("no answer")

func (f *Fabric) dial(id string, to netip.AddrPort) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.index.Kind(id) {
	case reach.KindNone:
		return nil, fmt.Errorf("no namespace %q", id)
	case reach.KindIsolated:
		if !to.Addr().IsLoopback() {
			return nil, syscall.ENETUNREACH
		}
	}
	return f.follow(reach.Probe{From: id, To: to}, f.from(id, to))
}

// follow makes the connection that a probe is.
func (f *Fabric) follow(p reach.Probe, source netip.Addr) (net.Conn, error) {
	p.Port = uint16(32768 + f.ephemera.Add(1)%28000)
	path := f.index.Walk(p)
	if path.Kind == reach.Answered {
		return f.ask(p.From, &path)
	}
	l, at := f.serverOf(&path)
	switch {
	case at == nil:
		return nil, errSilence
	case l == nil:
		return nil, syscall.ECONNREFUSED
	}
	c, err := f.connect(p.From, netip.AddrPortFrom(source, p.Port), p.To, at, l)
	if err != nil {
		return nil, err
	}
	if path.Kind == reach.Balanced {
		c.front = new(f.index.FrontOf(&path))
	}
	return c, nil
}

// from is the address that a caller's own socket shows.
func (f *Fabric) from(id string, to netip.AddrPort) netip.Addr {
	if to.Addr().IsLoopback() {
		return to.Addr()
	}
	return f.index.Address(id)
}

// serverOf finds who serves the end of a path, and the last path on the way to him, which is a
// balancer's own where one is between. The path is nil where nobody would answer at all.
func (f *Fabric) serverOf(path *reach.Path) (*listener, *reach.Path) {
	switch path.Kind {
	case reach.Accepted:
		if path.Origin.Place == caller.Metadata {
			return f.metadata, path
		}
		return f.entrance, path
	case reach.Tunnelled:
		if l := f.servers[place{path.Interface, path.Target}]; l != nil {
			return l, path
		}
	case reach.Delivered:
		return f.serverIn(path.Interface, path.Target), path
	case reach.Forwarded:
		if f.assumed[path.Interface] {
			return f.serverIn(path.Interface, path.Target), path
		}
	case reach.Balanced:
		for i := range path.Onward {
			if l, at := f.serverOf(&path.Onward[i]); l != nil {
				return l, at
			}
		}
		return nil, path
	}
	return nil, nil
}

func (f *Fabric) serverIn(id string, at netip.AddrPort) *listener {
	if l := f.servers[place{id, at}]; l != nil {
		return l
	}
	return f.servers[place{id, netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())}]
}

// connect makes the pair of ends and hands the server its one.
func (f *Fabric) connect(id string, from, to netip.AddrPort, path *reach.Path, l *listener) (*end, error) {
	a, b, err := pair()
	if err != nil {
		return nil, err
	}
	ids := [2]string{id, ""}
	if path.Kind != reach.Accepted {
		ids[1] = path.Interface
	}
	client := &end{UnixConn: a, fabric: f, local: from, remote: to, ids: ids}
	server := &end{UnixConn: b, fabric: f, local: path.Target, remote: path.Source, ids: ids}
	var arriving net.Conn = server
	if path.Kind == reach.Accepted {
		server.origin, client.origin = &path.Origin, &path.Origin
		arriving = &conn{server}
	}
	if !l.offer(arriving) {
		a.Close()
		b.Close()
		return nil, syscall.ECONNREFUSED
	}
	f.open[client], f.open[server] = struct{}{}, struct{}{}
	return client, nil
}

// pair makes two connected sockets; unlike net.Pipe they have buffers, as TCP has.
func pair() (*net.UnixConn, *net.UnixConn, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		syscall.CloseOnExec(fd)
		file := os.NewFile(uintptr(fd), "memory fabric")
		c, connErr := net.FileConn(file)
		err = errors.Join(err, connErr, file.Close())
		if u, ok := c.(*net.UnixConn); ok {
			ends[i] = u
		}
	}
	return ends[0], ends[1], err
}

// conn is the entrance's end of a connection.
type conn struct{ *end }

// Origin is the path it came by.
func (c *conn) Origin() caller.Origin { return *c.origin }
