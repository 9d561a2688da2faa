package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"cloister/internal/engine/reach"
)

// resolver answers DNS questions inside one router, from the Index in force and from nothing else: it
// never asks anyone.
type resolver struct {
	vpc       string
	addresses []netip.Addr
	index     *atomic.Pointer[reach.Index]
	turn      atomic.Uint32
	packets   []net.PacketConn
	streams   []net.Listener
	slots     chan struct{} // TCP connections at a time
	quit      chan struct{}
	running   sync.WaitGroup
}

const (
	streamLimit = 64
	streamIdle  = 5 * time.Second
	plainSize   = 512
)

// resolve opens the sockets of a router's resolver and begins to answer.
func resolve(namespace int, vpc string, addresses []netip.Addr, index *atomic.Pointer[reach.Index]) (*resolver, error) {
	r := &resolver{vpc: vpc, addresses: addresses, index: index,
		slots: make(chan struct{}, streamLimit), quit: make(chan struct{})}
	err := within(namespace, func() error {
		var config net.ListenConfig
		config.SetMultipathTCP(false)
		for _, a := range addresses {
			at := netip.AddrPortFrom(a, 53).String()
			packets, err := config.ListenPacket(context.Background(), "udp4", at)
			if err != nil {
				return err
			}
			r.packets = append(r.packets, packets)
			streams, err := config.Listen(context.Background(), "tcp4", at)
			if err != nil {
				return err
			}
			r.streams = append(r.streams, streams)
		}
		return nil
	})
	for _, p := range r.packets {
		r.running.Go(func() { r.answerPackets(p) })
	}
	for _, s := range r.streams {
		r.running.Go(func() { r.answerStreams(s) })
	}
	if err != nil {
		r.close()
		return nil, fmt.Errorf("resolve in %s: %w", vpc, err)
	}
	return r, nil
}

func (r *resolver) serves(addresses []netip.Addr) bool {
	return r != nil && slices.Equal(r.addresses, addresses)
}

func (r *resolver) close() {
	if r == nil {
		return
	}
	close(r.quit)
	for _, p := range r.packets {
		p.Close()
	}
	for _, s := range r.streams {
		s.Close()
	}
	r.running.Wait()
}

func (r *resolver) answerPackets(p net.PacketConn) {
	buffer := make([]byte, 4096)
	for {
		n, from, err := p.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		if reply := r.answer(buffer[:n], true); reply != nil {
			p.WriteTo(reply, from)
		}
	}
}

func (r *resolver) answerStreams(s net.Listener) {
	for {
		c, err := s.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		select {
		case r.slots <- struct{}{}:
			r.running.Go(func() { r.answerStream(c); <-r.slots })
		default:
			c.Close() // one client must not keep the others from asking
		}
	}
}

func (r *resolver) answerStream(c net.Conn) {
	defer c.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-r.quit:
			c.SetDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	stream := &dns.Conn{Conn: c}
	for {
		select {
		case <-r.quit:
			return
		default:
		}
		c.SetDeadline(time.Now().Add(streamIdle))
		question, err := stream.ReadMsgHeader(nil)
		if err != nil {
			return
		}
		reply := r.answer(question, false)
		if reply == nil {
			return
		}
		if _, err := stream.Write(reply); err != nil {
			return
		}
	}
}

// answer gives the reply to a message, nil for one that deserves none.
func (r *resolver) answer(message []byte, packet bool) []byte {
	var q dns.Msg
	if q.Unpack(message) != nil || q.Response || len(q.Question) != 1 {
		return nil
	}
	m := new(dns.Msg).SetReply(&q)
	m.RecursionAvailable = true
	size := plainSize
	if opt := q.IsEdns0(); opt != nil {
		size = max(size, min(int(opt.UDPSize()), 1232))
		m.SetEdns0(1232, false)
	}
	if q.Opcode != dns.OpcodeQuery || q.Question[0].Qclass != dns.ClassINET {
		m.Rcode = dns.RcodeNotImplemented
	} else if !r.fill(m, q.Question[0]) {
		return nil
	}
	if packet {
		m.Truncate(size)
	}
	reply, err := m.Pack()
	if err != nil {
		return nil
	}
	return reply
}

// fill puts the answer in; it is false when this resolver does not answer at all.
func (r *resolver) fill(m *dns.Msg, q dns.Question) bool {
	index := r.index.Load()
	if index == nil {
		return false
	}
	name, silent := index.Name(r.vpc, q.Name)
	if silent {
		return false
	}
	if name == nil {
		m.Rcode = dns.RcodeNameError
		return true
	}
	ttl := name.TTL
	if ttl == 0 {
		ttl = 60
	}
	for _, a := range reach.Rotate(name.Addresses, r.turn.Add(1)) {
		header := dns.RR_Header{Name: q.Name, Class: dns.ClassINET, Ttl: ttl}
		switch {
		case a.Is4() && (q.Qtype == dns.TypeA || q.Qtype == dns.TypeANY):
			header.Rrtype = dns.TypeA
			m.Answer = append(m.Answer, &dns.A{Hdr: header, A: a.AsSlice()})
		case a.Is6() && (q.Qtype == dns.TypeAAAA || q.Qtype == dns.TypeANY):
			header.Rrtype = dns.TypeAAAA
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: header, AAAA: a.AsSlice()})
		}
	}
	return true
}
