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

	"github.com/miekg/dns"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// resolver answers DNS questions inside one router, from the Index in force and, for names that are
// of no VPC, from what the recursor hears. It has a socket for each address at which it is asked.
type resolver struct {
	vpc      string
	index    *atomic.Pointer[reach.Index]
	recursor *recursor
	observer network.Observer // nil: nobody
	turn     atomic.Uint32
	streams  *shares // TCP connections
	waiting  *shares // questions that wait for the recursor
	sockets  map[netip.Addr]*socket
	running  sync.WaitGroup
}

const (
	streamLimit = 64
	streamShare = 16 // of them for one client
	streamIdle  = 5 * time.Second
)

// socket is one address of a resolver.
type socket struct {
	packets net.PacketConn
	streams net.Listener
	quit    chan struct{}
}

// resolve makes a router's resolver; it answers nothing before serve.
func (f *Fabric) resolve(vpc string) *resolver {
	return &resolver{vpc: vpc, index: &f.index, recursor: f.recursor, observer: f.observer,
		streams: newShares(streamLimit, streamShare), waiting: newShares(waitingLimit, waitingShare),
		sockets: map[netip.Addr]*socket{}}
}

// serve opens a socket at each address that has none and closes those at others. A socket that stays
// is not touched: a question to it is not lost.
func (r *resolver) serve(namespace int, addresses []netip.Addr) error {
	gone := make(map[netip.Addr]*socket, len(r.sockets))
	for a, s := range r.sockets {
		gone[a] = s
	}
	var fresh []netip.Addr
	for _, a := range addresses {
		if gone[a] == nil {
			fresh = append(fresh, a)
		}
		delete(gone, a)
	}
	for a, s := range gone {
		s.close()
		delete(r.sockets, a)
	}
	if len(fresh) == 0 {
		return nil
	}
	err := within(namespace, func() error {
		for _, a := range fresh {
			s, err := openSocket(a)
			if err != nil {
				return err
			}
			r.sockets[a] = s
		}
		return nil
	})
	for _, a := range fresh {
		if s := r.sockets[a]; s != nil {
			r.running.Go(func() { r.answerPackets(s) })
			r.running.Go(func() { r.answerStreams(s) })
		}
	}
	if err != nil {
		return fmt.Errorf("resolve in %s: %w", r.vpc, err)
	}
	return nil
}

func openSocket(a netip.Addr) (*socket, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	at := netip.AddrPortFrom(a, 53).String()
	packets, err := config.ListenPacket(context.Background(), "udp4", at)
	if err != nil {
		return nil, err
	}
	streams, err := config.Listen(context.Background(), "tcp4", at)
	if err != nil {
		return nil, errors.Join(err, packets.Close())
	}
	return &socket{packets, streams, make(chan struct{})}, nil
}

func (s *socket) close() {
	close(s.quit)
	s.packets.Close()
	s.streams.Close()
}

func (r *resolver) close() {
	if r == nil {
		return
	}
	for _, s := range r.sockets {
		s.close()
	}
	r.running.Wait()
}

func (r *resolver) answerPackets(s *socket) {
	buffer := make([]byte, 4096)
	for {
		n, from, err := s.packets.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		q := r.read(buffer[:n], peer(from), true)
		if q == nil {
			continue
		}
		if !q.outside() {
			s.reply(q, from)
			continue
		}
		// Only a question that must wait for somebody else has a goroutine of its own.
		if !r.waiting.take(q.source.Addr()) {
			q.fail(dns.RcodeServerFailure)
			s.reply(q, from)
			continue
		}
		r.running.Go(func() {
			defer r.waiting.give(q.source.Addr())
			q.recurse(s.quit)
			s.reply(q, from)
		})
	}
}

func (s *socket) reply(q *asked, to net.Addr) {
	if reply := q.finish(); reply != nil {
		s.packets.WriteTo(reply, to)
	}
}

func (r *resolver) answerStreams(s *socket) {
	for {
		c, err := s.streams.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		from := peer(c.RemoteAddr())
		if !r.streams.take(from.Addr()) {
			c.Close() // one client must not keep the others from asking
			continue
		}
		r.running.Go(func() {
			defer r.streams.give(from.Addr())
			r.answerStream(s, c, from)
		})
	}
}

func (r *resolver) answerStream(s *socket, c net.Conn, from netip.AddrPort) {
	defer c.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-s.quit:
			c.SetDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	stream := &dns.Conn{Conn: c}
	for {
		c.SetDeadline(time.Now().Add(streamIdle))
		select {
		case <-s.quit:
			return
		default:
		}
		message, err := stream.ReadMsgHeader(nil)
		if err != nil {
			return
		}
		q := r.read(message, from, false)
		if q == nil {
			return
		}
		if q.outside() {
			q.recurse(s.quit) // the connection is bounded already
		}
		c.SetDeadline(time.Now().Add(streamIdle))
		reply := q.finish()
		if reply == nil {
			return
		}
		if _, err := stream.Write(reply); err != nil {
			return
		}
	}
}

// peer is who asks.
func peer(a net.Addr) netip.AddrPort {
	if udp, ok := a.(*net.UDPAddr); ok {
		at := udp.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return addrPort(a)
}

// shares bounds how much of something all clients have together, and each of them alone.
type shares struct {
	mu         sync.Mutex
	limit, own int
	taken      int
	by         map[netip.Addr]int
}

func newShares(limit, own int) *shares {
	return &shares{limit: limit, own: own, by: map[netip.Addr]int{}}
}

func (s *shares) take(who netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= s.limit || s.by[who] >= s.own {
		return false
	}
	s.taken++
	s.by[who]++
	return true
}

func (s *shares) give(who netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.by[who]--; s.by[who] == 0 {
		delete(s.by, who)
	}
}
