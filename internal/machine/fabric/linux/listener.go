package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/machine/fabric"
	"cloister/internal/value/caller"
)

// entrance is the one listener. Each router has a socket of its own on 0.0.0.0:443, transparent so
// that it takes every address that is routed to it; what arrives is told apart by the address that was
// dialled, under the Index that is in force, and refused unread if that is no endpoint and no door.
type entrance struct {
	arrived chan *conn
	asking  chan *conn // for credentials
	closed  chan struct{}
	once    sync.Once
	relays  *relays

	mu    sync.Mutex // guards index against a connection that is being let in
	index *reach.Index
	open  map[*conn]struct{}
}

func newEntrance() *entrance {
	return &entrance{arrived: make(chan *conn, 64), asking: make(chan *conn, 64), closed: make(chan struct{}), open: map[*conn]struct{}{}}
}

func (e *entrance) Accept() (net.Conn, error) {
	select {
	case c := <-e.arrived:
		return c, nil
	case <-e.closed:
		return nil, net.ErrClosed
	}
}

func (e *entrance) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

// questions is the part of the entrance at which workloads ask for their credentials. It closes with it.
type questions struct{ *entrance }

func (q questions) Accept() (net.Conn, error) {
	select {
	case c := <-q.asking:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

func (q questions) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: metadataPort} }

// Addr is the port; the addresses are every endpoint's and door's.
func (e *entrance) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 443} }

// enforce puts an Index in force and closes connections whose path is gone.
func (e *entrance) enforce(index *reach.Index) {
	e.mu.Lock()
	e.index = index
	var gone []*conn
	for c := range e.open {
		if !index.Stands(&c.origin) {
			gone = append(gone, c)
		}
	}
	e.mu.Unlock()
	for _, c := range gone {
		c.reset()
	}
}

// admit lets a connection in, or refuses it.
func (e *entrance) admit(vpc string, tcp *net.TCPConn, quit <-chan struct{}) {
	source, target := addrPort(tcp.RemoteAddr()), addrPort(tcp.LocalAddr())
	c := &conn{TCPConn: tcp, entrance: e}
	e.mu.Lock()
	ok := false
	if e.index != nil && vpc != "" {
		if o, known := e.index.Origin(vpc, source.Addr(), target); known && e.relays.takes(o.EndpointID) {
			e.mu.Unlock()
			e.relays.throughEndpoint(vpc, tcp)
			return
		}
	}
	if e.index != nil {
		c.origin, ok = e.index.Origin(vpc, source.Addr(), target)
	}
	ok = ok && connected(tcp)
	if ok {
		e.open[c] = struct{}{}
	}
	e.mu.Unlock()
	if !ok {
		c.reset()
		return
	}
	queue := e.arrived
	if c.origin.Place == caller.Metadata {
		queue = e.asking
	}
	select {
	case queue <- c:
	case <-e.closed:
		c.reset()
	case <-quit:
		c.reset()
	}
}

// connected says whether a connection still has a peer. One that was hung up while it waited to be
// accepted has none, though accept gives it with its address.
func connected(tcp *net.TCPConn) bool {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	outer := raw.Control(func(fd uintptr) { _, err = unix.Getpeername(int(fd)) })
	return outer == nil && err == nil
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// conn is a connection with its path.
type conn struct {
	*net.TCPConn
	origin   caller.Origin
	entrance *entrance
	closed   atomic.Bool
}

var _ fabric.Conn = (*conn)(nil)

func (c *conn) Origin() caller.Origin { return c.origin }

func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.entrance.mu.Lock()
	delete(c.entrance.open, c)
	c.entrance.mu.Unlock()
	return c.TCPConn.Close()
}

// reset ends a connection at once: the other side reads an error, and nothing lingers here on an
// address that is going.
func (c *conn) reset() {
	c.SetLinger(0)
	c.Close()
}

// listeners are a socket of one router.
type listeners struct {
	socket *net.TCPListener
	quit   chan struct{}
	done   chan struct{}
}

// listen opens a router's socket and begins to accept.
func (e *entrance) listen(namespace int, vpc, at string) (*listeners, error) {
	config := net.ListenConfig{Control: endpointSocket}
	config.SetMultipathTCP(false)
	l := &listeners{quit: make(chan struct{}), done: make(chan struct{})}
	err := within(namespace, func() error {
		socket, err := config.Listen(context.Background(), "tcp4", at)
		if err == nil {
			l.socket = socket.(*net.TCPListener)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen in %s: %w", vpc, err)
	}
	go l.accept(e, vpc)
	return l, nil
}

// accept lets connections in until the socket is closed; any other error passes.
func (l *listeners) accept(e *entrance, vpc string) {
	defer close(l.done)
	for {
		tcp, err := l.socket.AcceptTCP()
		switch {
		case err == nil:
			e.admit(vpc, tcp, l.quit)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func (l *listeners) close() {
	if l != nil {
		close(l.quit)
		l.socket.Close()
		<-l.done
	}
}
