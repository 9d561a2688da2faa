package linux

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"cloister/internal/value/network"
)

// world is a server on the host's own network, as an operator would name one.
type outsider struct {
	at    netip.AddrPort
	asked atomic.Int32
	names sync.Map
	hold  chan struct{} // nil: answers at once
}

func outside(t *testing.T) *outsider {
	t.Helper()
	o := &outsider{hold: make(chan struct{})}
	close(o.hold)
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.at = packets.LocalAddr().(*net.UDPAddr).AddrPort()
	streams, err := net.Listen("tcp4", o.at.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: o}, {Listener: streams, Handler: o}} {
		go s.ActivateAndServe()
		t.Cleanup(func() { s.Shutdown() })
	}
	return o
}

func (o *outsider) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	o.asked.Add(1)
	name := q.Question[0].Name
	o.names.Store(strings.ToLower(name), true)
	m := new(dns.Msg).SetReply(q)
	hdr := func(kind uint16) dns.RR_Header { return header(name, kind, 40) }
	switch {
	case strings.HasPrefix(name, "slow."):
		<-o.hold
		m.Answer = []dns.RR{&dns.A{Hdr: hdr(dns.TypeA), A: net.IPv4(192, 0, 2, 9)}}
	case strings.HasPrefix(name, "broken."):
		m.Rcode = dns.RcodeServerFailure
	case strings.HasPrefix(name, "big.") && q.Question[0].Qtype == dns.TypeTXT:
		if _, packet := w.RemoteAddr().(*net.UDPAddr); packet {
			m.Truncated = true
		} else {
			for range 3 {
				m.Answer = append(m.Answer, &dns.TXT{Hdr: hdr(dns.TypeTXT), Txt: []string{strings.Repeat("y", 250)}})
			}
		}
	case strings.HasPrefix(name, "www.") && q.Question[0].Qtype == dns.TypeA:
		m.Answer = []dns.RR{&dns.CNAME{Hdr: hdr(dns.TypeCNAME), Target: "cdn.world.test."}, &dns.A{Hdr: header("cdn.world.test.", dns.TypeA, 30), A: net.IPv4(192, 0, 2, 8)}}
	default:
		m.Rcode = dns.RcodeNameError
		m.Ns = []dns.RR{startOfAuthority("world.test")}
	}
	w.WriteMsg(m)
}

func (o *outsider) heard(name string) bool { _, ok := o.names.Load(name); return ok }

func recursing(o *outsider) *network.Network {
	n := zonedNetwork()
	n.Internet.Recursors = []netip.AddrPort{o.at}
	return n
}

func TestRecursion(t *testing.T) {
	f := start(t)
	o := outside(t)
	apply(t, f, recursing(o))
	put := func(name string, kind uint16) *dns.Msg {
		t.Helper()
		reply, err := ask(t, f, "cl.eni.eni-1", "udp4", "10.0.0.2:53", question(name, kind).SetEdns0(1232, false), 10*time.Second)
		if err != nil {
			t.Fatal(name, err)
		}
		return reply
	}
	if m := put("WWW.world.test.", dns.TypeA); text(m.Answer) != "WWW.world.test. 40 IN CNAME cdn.world.test.\ncdn.world.test. 30 IN A 192.0.2.8" {
		t.Error(m)
	}
	before := o.asked.Load()
	if m := put("www.world.test.", dns.TypeA); len(m.Answer) != 2 || o.asked.Load() != before {
		t.Errorf("not remembered: %v", m)
	}
	if m := put("far.corp.test.", dns.TypeA); !strings.HasPrefix(text(m.Answer), "cdn.world.test. 30 IN A 192.0.2.8\nfar.corp.test. 60 IN CNAME www.world.test.\nwww.world.test. ") {
		t.Error(m)
	}
	if m := put("big.world.test.", dns.TypeTXT); len(m.Answer) != 3 {
		t.Error(m)
	}
	if m := put("none.world.test.", dns.TypeA); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
		t.Error(m)
	}
	if m := put("broken.world.test.", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Error(m)
	}
	if m := put("x.world.test.", dns.TypeANY); m.Rcode != dns.RcodeNotImplemented {
		t.Error(m)
	}
	for _, name := range []string{"www.corp.test.", "none.corp.test.", "ip-10-0-9-9.ec2.internal.", "9.9.0.10.in-addr.arpa.", "sts.example.", "localhost."} {
		put(name, dns.TypeA)
		if o.heard(name) {
			t.Errorf("%s is told to the outside", name)
		}
	}
	apply(t, f, zonedNetwork())
	if m := put("www.world.test.", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("without recursors: %v", m)
	}
}

func TestRecursionIsBounded(t *testing.T) {
	f := start(t)
	o := outside(t)
	o.hold = make(chan struct{})
	apply(t, f, recursing(o))
	var c net.Conn
	inNamespace(t, f.directory, "cl.eni.eni-1", func() (err error) {
		c, err = net.Dial("udp4", "10.0.0.2:53")
		return err
	})
	defer c.Close()
	stream := &dns.Conn{Conn: c}
	const questions = waitingShare + 10
	for i := range questions {
		if err := stream.WriteMsg(question("slow."+strings.Repeat("x", i+1)+".world.test.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
	}
	failed := 0
	for failed < questions-waitingShare {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		m, err := stream.ReadMsg()
		if err != nil || m.Rcode != dns.RcodeServerFailure {
			t.Fatal(m, err)
		}
		failed++
	}
	// Others, and names of here, are answered meanwhile.
	for _, name := range []string{"sts.example.", "www.world.test."} {
		if m, err := ask(t, f, "cl.eni.eni-3", "udp4", "10.0.0.2:53", question(name, dns.TypeA), 10*time.Second); err != nil || len(m.Answer) == 0 {
			t.Errorf("%s meanwhile: %v %v", name, m, err)
		}
	}
	close(o.hold)
	for range waitingShare {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if m, err := stream.ReadMsg(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) || m == nil || len(m.Answer) != 1 {
			t.Fatal(m, err)
		}
	}
}

func TestRecursorForgets(t *testing.T) {
	r := newRecursor()
	now := time.Now()
	soa := startOfAuthority("world.test")
	for _, c := range []struct {
		message *dns.Msg
		life    time.Duration
	}{
		{&dns.Msg{Answer: []dns.RR{&dns.A{Hdr: header("a.", dns.TypeA, 30)}}}, 30 * time.Second},
		{&dns.Msg{Answer: []dns.RR{&dns.A{Hdr: header("a.", dns.TypeA, 1<<31)}}}, heardLongest},
		{&dns.Msg{Answer: []dns.RR{&dns.A{Hdr: header("a.", dns.TypeA, 0)}}}, 0},
		{&dns.Msg{Ns: []dns.RR{soa}}, heardNothing},
		{&dns.Msg{}, heardNothing},
	} {
		m := c.message
		for _, a := range m.Answer {
			a.Header().Class = dns.ClassINET
		}
		if h := hear(m, now); h.until.Sub(now) != c.life {
			t.Errorf("%v is remembered for %v, not %v", m, h.until.Sub(now), c.life)
		}
	}
	for i := range 2 * heardLimit {
		r.remember(dns.Question{Name: strings.Repeat("a", i%50) + string(rune(i)), Qtype: uint16(i)}, &heard{})
	}
	if len(r.memory) != heardLimit {
		t.Errorf("%d answers are remembered", len(r.memory))
	}
	h := hear(&dns.Msg{Answer: []dns.RR{&dns.A{Hdr: header("a.", dns.TypeA, 30)}}}, now)
	if old := h.aged(now.Add(12 * time.Second)); old.answer[0].Header().Ttl != 18 || h.answer[0].Header().Ttl != 30 {
		t.Errorf("%v %v", old.answer, h.answer)
	}
}
