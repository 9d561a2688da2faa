package linux

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// relays are the network load balancers. A connection that arrives at a listener's port of one of a
// balancer's interfaces, or through an endpoint with the balancer behind it, is met by a second one, from
// the address of one of its interfaces to the first target that accepts, and their bytes are carried over.
// So a target sees the balancer and not the client, as with AWS's through PrivateLink.
//
// Sockets end with the process, as those of endpoints do: what was open is then closed.
type relays struct {
	dial func(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error)
	log  *slog.Logger
	idle time.Duration

	health targetHealth
	ctx    context.Context // until close
	stop   context.CancelFunc

	mu      sync.Mutex
	index   *reach.Index
	behind  map[string]string // balancers by endpoint
	sockets map[relayAt]*relaySocket
	open    map[*carried]struct{}
	counts  map[string]int // open ones by endpoint or balancer, and by source at it
	turn    int
	closed  bool
	running sync.WaitGroup
}

// relayAt is where a socket is: in a router's namespace for endpoints, or in an interface's.
type relayAt struct {
	vpc, eni string
	port     int
}

type relaySocket struct {
	*net.TCPListener
	balancer string // of an interface's socket
}

// The shares: one endpoint's clients leave room for another's, and one client for the others. The last
// quarter of each room is for those who have few.
const (
	relayedAll       = 8192
	relayedFront     = 2048
	relayedFrontFew  = 64
	relayedSource    = 512
	relayedSourceFew = 16
)

// room says whether there is room for one more of somebody's own.
func room(taken, all, own, most, few int) bool {
	return taken < all && own < most && (taken < all-all/4 || own < few)
}

// admits says whether a connection has its place. The lock is held.
func (r *relays) admits(c *carried) bool {
	front, source := r.counts[c.front], r.counts[c.share()]
	return room(len(r.open), relayedAll, front, relayedFront, relayedFrontFew) && room(front, relayedFront, source, relayedSource, relayedSourceFew)
}

func newRelays(f *Fabric, idle time.Duration) *relays {
	r := &relays{dial: f.Dial, log: f.log, idle: idle, sockets: map[relayAt]*relaySocket{}, open: map[*carried]struct{}{}, counts: map[string]int{}}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// enforce puts a network in force: connections whose path is gone are closed.
func (r *relays) enforce(want *network.Network, index *reach.Index) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index, r.behind = index, map[string]string{}
	for _, e := range want.Endpoints {
		if e.Balancer != "" {
			r.behind[e.ID] = e.Balancer
		}
	}
	for c := range r.open {
		if !r.stands(c) {
			c.reset()
		}
	}
}

func (r *relays) stands(c *carried) bool {
	return (c.origin.EndpointID == "" || r.index.Stands(&c.origin)) &&
		r.index.Carries(reach.Front{Balancer: c.balancer, Endpoint: c.origin.EndpointID, Interface: c.at, Port: c.port})
}

// takes says whether a connection that an endpoint took is for a balancer behind it.
func (r *relays) takes(endpoint string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.behind[endpoint] != ""
}

// serve opens the sockets that a network needs and closes the others. Namespaces are there by now.
func (r *relays) serve(f *Fabric, want *network.Network) error {
	needed := map[relayAt]string{}
	for _, b := range want.Balancers {
		for _, l := range b.Listeners {
			for _, id := range b.Interfaces {
				needed[relayAt{eni: id, port: l.Port}] = b.ID
			}
			for _, e := range want.Endpoints {
				if e.Balancer == b.ID && l.Port != 443 { // that one is the entrance's
					needed[relayAt{vpc: e.VPC, port: l.Port}] = ""
				}
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, s := range r.sockets {
		if id, stays := needed[at]; !stays || id != s.balancer {
			s.Close()
			delete(r.sockets, at)
		}
	}
	var failed error
	for at, id := range needed {
		if r.sockets[at] == nil && !r.closed {
			failed = errors.Join(failed, r.listen(f, at, id))
		}
	}
	return failed
}

func (r *relays) listen(f *Fabric, at relayAt, balancer string) error {
	ns, err := f.relayNamespace(at)
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", at.port, err)
	}
	defer ns.Close()
	config := net.ListenConfig{}
	if at.vpc != "" {
		config.Control = endpointSocket
	}
	config.SetMultipathTCP(false)
	s := &relaySocket{balancer: balancer}
	err = within(int(ns.Fd()), func() error {
		l, err := config.Listen(context.Background(), "tcp4", "0.0.0.0:"+strconv.Itoa(at.port))
		if err == nil {
			s.TCPListener = l.(*net.TCPListener)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", at.port, err)
	}
	r.sockets[at] = s
	r.running.Go(func() { r.accept(at, s) })
	return nil
}

func (f *Fabric) relayNamespace(at relayAt) (*os.File, error) {
	if at.vpc != "" {
		return openNamespace(f.path(fileName(kindVPC, at.vpc)))
	}
	return openNamespace(f.path(fileName(kindInterface, at.eni)))
}

// transparent makes a socket take every address that is routed to its namespace.
func transparent(_, _ string, raw syscall.RawConn) error {
	var err error
	outer := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1) })
	return errors.Join(outer, err)
}

// endpointSocket is transparent, with segments of the size that endpoints take. Sockets of one port may stand
// side by side, at every address and at one: the one at the address is asked first.
func endpointSocket(network, address string, raw syscall.RawConn) error {
	var err error
	outer := raw.Control(func(fd uintptr) {
		err = errors.Join(unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, endpointSegment),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	})
	return errors.Join(transparent(network, address, raw), outer, err)
}

func (r *relays) accept(at relayAt, s *relaySocket) {
	for {
		tcp, err := s.AcceptTCP()
		switch {
		case err == nil && at.vpc != "":
			r.throughEndpoint(at.vpc, tcp)
		case err == nil:
			r.take(&carried{at: at.eni, front: s.balancer, balancer: s.balancer, port: at.port, client: tcp, source: addrPort(tcp.RemoteAddr()).Addr()})
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// throughEndpoint takes a connection that arrived at an endpoint's address.
func (r *relays) throughEndpoint(vpc string, tcp *net.TCPConn) {
	source, target := addrPort(tcp.RemoteAddr()), addrPort(tcp.LocalAddr())
	r.mu.Lock()
	o, ok := r.index.Origin(vpc, source.Addr(), target)
	balancer := r.behind[o.EndpointID]
	r.mu.Unlock()
	c := &carried{origin: o, at: o.EndpointInterface, front: o.EndpointID, balancer: balancer, port: int(target.Port()), client: tcp, source: source.Addr()}
	if !ok || balancer == "" {
		c.reset()
		return
	}
	r.take(c)
}

// take carries a connection, if there is room for it.
func (r *relays) take(c *carried) {
	r.mu.Lock()
	ok := !r.closed && r.index != nil && r.stands(c) && r.admits(c) && connected(c.client)
	if ok {
		r.open[c] = struct{}{}
		r.counts[c.front]++
		r.counts[c.share()]++
		r.running.Go(func() { r.carry(c) })
	}
	r.mu.Unlock()
	if !ok {
		c.reset()
	}
}

func (r *relays) drop(c *carried) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c)
	for _, k := range []string{c.front, c.share()} {
		if r.counts[k]--; r.counts[k] == 0 {
			delete(r.counts, k)
		}
	}
}

// close ends everything and returns when it has ended.
func (r *relays) close() {
	r.mu.Lock()
	r.closed = true
	r.stop()
	for at, s := range r.sockets {
		s.Close()
		delete(r.sockets, at)
	}
	for c := range r.open {
		c.reset()
	}
	r.mu.Unlock()
	r.running.Wait()
}
