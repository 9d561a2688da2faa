package linux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/caller"
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

	mu        sync.Mutex
	index     *reach.Index
	balancers map[string]*network.Balancer
	behind    map[string]string // balancers by endpoint
	sockets   map[relayAt]*relaySocket
	open      map[*carried]struct{}
	counts    map[string]int // open ones by endpoint or balancer, and by source at it
	turn      int
	closed    bool
	running   sync.WaitGroup
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

// carried is a connection on both sides.
type carried struct {
	origin         caller.Origin // of one through an endpoint
	front          string        // the endpoint or balancer whose share it counts to
	source         netip.Addr
	balancer       string
	port           int
	client, target *net.TCPConn
	last           atomic.Int64 // when a byte was carried last, in Unix nanoseconds
}

// The shares: one endpoint's clients leave room for another's, and one client for the others.
const (
	relayedAll    = 8192
	relayedFront  = 2048
	relayedSource = 512
	dialPatience  = 3 * time.Second
)

func newRelays(f *Fabric, idle time.Duration) *relays {
	return &relays{dial: f.Dial, log: f.log, idle: idle, sockets: map[relayAt]*relaySocket{}, open: map[*carried]struct{}{}, counts: map[string]int{}}
}

// enforce puts a network in force: connections whose path is gone are closed.
func (r *relays) enforce(want *network.Network, index *reach.Index) {
	r.mu.Lock()
	r.index, r.balancers, r.behind = index, map[string]*network.Balancer{}, map[string]string{}
	for i := range want.Balancers {
		r.balancers[want.Balancers[i].ID] = &want.Balancers[i]
	}
	for _, e := range want.Endpoints {
		if e.Balancer != "" {
			r.behind[e.ID] = e.Balancer
		}
	}
	var gone []*carried
	for c := range r.open {
		if !r.stands(c) {
			gone = append(gone, c)
		}
	}
	r.mu.Unlock()
	for _, c := range gone {
		c.reset()
	}
}

func (r *relays) stands(c *carried) bool {
	if c.origin.EndpointID != "" && (!r.index.Stands(&c.origin) || r.behind[c.origin.EndpointID] != c.balancer) {
		return false
	}
	return r.listener(c.balancer, c.port) != nil
}

// listener is a balancer's listener on a port; nil when it has none.
func (r *relays) listener(balancer string, port int) *network.Listener {
	b := r.balancers[balancer]
	if b == nil {
		return nil
	}
	at := slices.IndexFunc(b.Listeners, func(l network.Listener) bool { return l.Port == port })
	if at < 0 {
		return nil
	}
	return &b.Listeners[at]
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
		config.Control = transparent
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
	outer := raw.Control(func(fd uintptr) {
		err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, endpointSegment))
	})
	return errors.Join(outer, err)
}

func (r *relays) accept(at relayAt, s *relaySocket) {
	for {
		tcp, err := s.AcceptTCP()
		switch {
		case err == nil && at.vpc != "":
			r.throughEndpoint(at.vpc, tcp)
		case err == nil:
			r.take(&carried{front: s.balancer, balancer: s.balancer, port: at.port, client: tcp, source: addrPort(tcp.RemoteAddr()).Addr()})
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
	c := &carried{origin: o, front: o.EndpointID, balancer: balancer, port: int(target.Port()), client: tcp, source: source.Addr()}
	if !ok || balancer == "" {
		c.reset()
		return
	}
	r.take(c)
}

// take carries a connection, if there is room for it.
func (r *relays) take(c *carried) {
	r.mu.Lock()
	ok := !r.closed && r.index != nil && r.stands(c) && len(r.open) < relayedAll && r.counts[c.front] < relayedFront && r.counts[c.share()] < relayedSource && connected(c.client)
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

func (c *carried) share() string { return c.front + " " + c.source.String() }

func (r *relays) carry(c *carried) {
	defer r.drop(c)
	target := r.reachTarget(c)
	if target == nil {
		c.reset()
		return
	}
	r.mu.Lock()
	c.target = target
	stands := r.stands(c) && !r.closed
	r.mu.Unlock()
	if !stands {
		c.reset()
		return
	}
	c.both(r.idle)
}

// both carries bytes both ways until both have ended.
func (c *carried) both(idle time.Duration) {
	c.last.Store(time.Now().UnixNano())
	var ways sync.WaitGroup
	ways.Go(func() { c.pass(c.target, c.client, idle) })
	ways.Go(func() { c.pass(c.client, c.target, idle) })
	ways.Wait()
	c.client.Close()
	c.target.Close()
}

// reachTarget connects to the first target that accepts, beginning with another one each time. What
// the balancer's interface cannot reach anyway is not tried: it would only take time not to answer.
func (r *relays) reachTarget(c *carried) *net.TCPConn {
	r.mu.Lock()
	b, index := r.balancers[c.balancer], r.index
	r.turn++
	turn := r.turn
	r.mu.Unlock()
	if b == nil {
		return nil
	}
	for p := range index.Onward(b.ID, c.port, turn) {
		ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
		conn, err := r.dial(ctx, index.Owner(b.VPC, p.Source.Addr()), p.Target)
		cancel()
		if err == nil {
			return conn.(*net.TCPConn)
		}
		r.log.Debug("a target does not accept", "balancer", b.ID, "target", p.Target, "error", err)
	}
	return nil
}

// part is how much is carried before the time is looked at.
const part = 1 << 20

// pass carries bytes one way until their end, which it hands on, or until nothing has gone either way for
// the idle time.
func (c *carried) pass(to, from *net.TCPConn, idle time.Duration) {
	for {
		from.SetReadDeadline(time.Now().Add(idle))
		n, err := io.CopyN(to, from, part)
		if n > 0 {
			c.last.Store(time.Now().UnixNano())
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Since(time.Unix(0, c.last.Load())) < idle:
		case errors.Is(err, io.EOF):
			to.CloseWrite()
			return
		default:
			c.reset()
			return
		}
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

// reset ends both sides at once.
func (c *carried) reset() {
	for _, side := range []*net.TCPConn{c.client, c.target} {
		if side != nil {
			side.SetLinger(0)
			side.Close()
		}
	}
}

// close ends everything and returns when it has ended.
func (r *relays) close() {
	r.mu.Lock()
	r.closed = true
	for at, s := range r.sockets {
		s.Close()
		delete(r.sockets, at)
	}
	open := make([]*carried, 0, len(r.open))
	for c := range r.open {
		open = append(open, c)
	}
	r.mu.Unlock()
	for _, c := range open {
		c.reset()
	}
	r.running.Wait()
}
