package memory

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"cloister/internal/engine/reach"
	"cloister/internal/value/caller"
)

// end is one end of a connection, with the addresses that TCP would show.
type end struct {
	*net.UnixConn
	fabric        *Fabric
	local, remote netip.AddrPort
	ids           [2]string // the namespaces of both ends; the second is empty at the entrance
	origin        *caller.Origin
	front         *reach.Front // of a connection through a balancer
	aborted       atomic.Bool
}

// LocalAddr and RemoteAddr are those of the network that is played.
func (e *end) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(e.local) }
func (e *end) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(e.remote) }

// Read tells an end that the fabric closed from one that the other side did.
func (e *end) Read(b []byte) (int, error) {
	n, err := e.UnixConn.Read(b)
	if err != nil && e.aborted.Load() {
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return n, err
}

// Close closes this end.
func (e *end) Close() error {
	e.fabric.mu.Lock()
	delete(e.fabric.open, e)
	e.fabric.mu.Unlock()
	return e.UnixConn.Close()
}

// abort ends a connection whose path is gone.
func (e *end) abort() {
	e.aborted.Store(true)
	e.UnixConn.Close()
}

// stands says whether both namespaces, and an endpoint on the way, exist still.
func (e *end) stands(x *reach.Index) bool {
	if !x.Sends(e.ids[0]) || e.ids[1] != "" && !x.Sends(e.ids[1]) {
		return false
	}
	return (e.origin == nil || x.Stands(e.origin)) && (e.front == nil || x.Carries(*e.front))
}

// listener is a queue of connections.
type listener struct {
	at      netip.AddrPort
	queue   chan net.Conn
	quit    chan struct{}
	once    sync.Once
	release func()
}

func newListener(at netip.AddrPort) *listener {
	return &listener{at: at, queue: make(chan net.Conn, 4096), quit: make(chan struct{}), release: func() {}}
}

// offer puts a connection into the queue, unless it is full or closed.
func (l *listener) offer(c net.Conn) bool {
	select {
	case <-l.quit:
		return false
	default:
	}
	select {
	case l.queue <- c:
		return true
	default:
		return false
	}
}

// Accept waits for a connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.quit:
		return nil, net.ErrClosed
	}
}

// Close ends the listener; who waits in the queue is cut off.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.quit)
		l.release()
	})
	return nil
}

// Addr is where it listens.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }
