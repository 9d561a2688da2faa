package linux

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// recursor asks the servers that the configuration names about names that nobody here knows, from
// the host's own network. What it hears is public: it is never asked about a VPC's names, is given
// nothing but a name and a type, and so may tell all VPCs what one of them made it learn.
type recursor struct {
	servers atomic.Pointer[[]netip.AddrPort]

	mu      sync.Mutex
	memory  map[dns.Question]*heard
	pending map[dns.Question]*pending
}

const (
	waitingLimit = 128 // questions of one VPC that wait
	waitingShare = 32  // of them for one client
	askingLimit  = 256 // different questions under way, of all VPCs
	askPatience  = 2 * time.Second
	askTotal     = 5 * time.Second
	heardLimit   = 4096 // answers that are remembered
	heardLongest = time.Hour
	heardNothing = 5 * time.Minute // the longest that the absence of an answer is remembered
)

// heard is an answer and how long it may be repeated. It is not changed.
type heard struct {
	code              int
	answer, authority []dns.RR
	at, until         time.Time
}

// pending is a question under way.
type pending struct {
	done   chan struct{}
	answer *heard
}

func newRecursor() *recursor {
	r := &recursor{memory: map[dns.Question]*heard{}, pending: map[dns.Question]*pending{}}
	r.use(nil)
	return r
}

// use names the servers. Other servers may know other names: what the old ones said is forgotten.
func (r *recursor) use(servers []netip.AddrPort) {
	if old := r.servers.Load(); old != nil && slices.Equal(*old, servers) {
		return
	}
	servers = slices.Clone(servers)
	r.servers.Store(&servers)
	r.mu.Lock()
	clear(r.memory)
	r.mu.Unlock()
}

// known says whether there is anybody to ask.
func (r *recursor) known() bool { return len(*r.servers.Load()) > 0 }

// ask gives the answer to a question, nil when none came in time or too many are asked already.
func (r *recursor) ask(name string, kind uint16, quit <-chan struct{}) *heard {
	switch kind {
	case dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR, dns.TypeOPT:
		return &heard{code: dns.RcodeNotImplemented}
	}
	q := dns.Question{Name: dns.Fqdn(name), Qtype: kind, Qclass: dns.ClassINET}
	r.mu.Lock()
	if h := r.memory[q]; h != nil {
		if now := time.Now(); now.Before(h.until) {
			r.mu.Unlock()
			return h.aged(now)
		}
		delete(r.memory, q)
	}
	p := r.pending[q]
	if p == nil {
		if len(r.pending) >= askingLimit {
			r.mu.Unlock()
			return nil
		}
		p = &pending{done: make(chan struct{})}
		r.pending[q] = p
		go r.find(q, p)
	}
	r.mu.Unlock()
	select {
	case <-p.done:
	case <-quit:
		return nil
	}
	if p.answer == nil {
		return nil
	}
	return p.answer.aged(time.Now())
}

// find asks one server after the other, and ends within askTotal.
func (r *recursor) find(q dns.Question, p *pending) {
	ctx, cancel := context.WithTimeout(context.Background(), askTotal)
	defer cancel()
	servers := *r.servers.Load()
	for _, server := range servers {
		if p.answer = exchange(ctx, server, q); p.answer != nil {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, q)
	if p.answer != nil && slices.Equal(servers, *r.servers.Load()) {
		r.remember(q, p.answer)
	}
	close(p.done)
}

// remember keeps an answer for its time; a full memory loses some other one.
func (r *recursor) remember(q dns.Question, h *heard) {
	if len(r.memory) >= heardLimit {
		for old := range r.memory { // in no order: which one it is cannot be chosen from outside
			delete(r.memory, old)
			break
		}
	}
	r.memory[q] = h
}

// exchange asks one server, by a packet and, if its answer was cut, by a connection.
func exchange(ctx context.Context, server netip.AddrPort, q dns.Question) *heard {
	for _, transport := range []string{"udp", "tcp"} {
		m := new(dns.Msg)
		m.Id, m.RecursionDesired, m.Question = uint16(rand.Uint32()), true, []dns.Question{q}
		m.SetEdns0(1232, false)
		client := &dns.Client{Net: transport, Timeout: askPatience, UDPSize: 1232, Dialer: &net.Dialer{Timeout: askPatience}}
		reply, _, err := client.ExchangeContext(ctx, m, server.String())
		if err != nil || !answers(reply, q) {
			return nil
		}
		if !reply.Truncated || transport == "tcp" {
			return hear(reply, time.Now())
		}
	}
	return nil
}

// answers says whether a message is a usable answer to the question.
func answers(m *dns.Msg, q dns.Question) bool {
	if !m.Response || len(m.Question) != 1 || m.Question[0].Qtype != q.Qtype || !dns.IsSubDomain(m.Question[0].Name, q.Name) || !dns.IsSubDomain(q.Name, m.Question[0].Name) {
		return false
	}
	return m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError
}

// hear takes out of a message what is passed on: its answers, and for a negative one who says so.
func hear(m *dns.Msg, now time.Time) *heard {
	h := &heard{code: m.Rcode, at: now}
	life, negative := heardLongest, true
	for _, r := range m.Answer {
		if r.Header().Class != dns.ClassINET || r.Header().Rrtype == dns.TypeRRSIG {
			continue
		}
		h.answer = append(h.answer, r)
		life = min(life, time.Duration(r.Header().Ttl)*time.Second)
		negative = negative && r.Header().Rrtype == dns.TypeCNAME
	}
	if negative || m.Rcode == dns.RcodeNameError {
		life = min(life, heardNothing)
		for _, r := range m.Ns {
			if soa, ok := r.(*dns.SOA); ok {
				h.authority = append(h.authority, soa)
				life = min(life, time.Duration(min(soa.Minttl, soa.Hdr.Ttl))*time.Second)
			}
		}
	}
	h.until = now.Add(life)
	return h
}

// aged is a copy with the times to live that are left.
func (h *heard) aged(now time.Time) *heard {
	spent := uint32(max(0, now.Sub(h.at)/time.Second))
	older := func(list []dns.RR) (out []dns.RR) {
		for _, r := range list {
			r = dns.Copy(r)
			r.Header().Ttl -= min(spent, r.Header().Ttl)
			out = append(out, r)
		}
		return out
	}
	return &heard{code: h.code, answer: older(h.answer), authority: older(h.authority)}
}
