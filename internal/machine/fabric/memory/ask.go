package memory

import (
	"net"
	"net/netip"

	"github.com/miekg/dns"

	"cloister/internal/engine/reach"
)

// ask connects to a resolver over TCP.
func (f *Fabric) ask(id string, path *reach.Path) (net.Conn, error) {
	a, b, err := pair()
	if err != nil {
		return nil, err
	}
	client := &end{UnixConn: a, fabric: f, local: path.Source, remote: path.Target, ids: [2]string{id, ""}}
	f.open[client] = struct{}{}
	index, vpc := f.index, f.index.VPC(id)
	switch {
	case path.Interface != "":
		vpc = f.index.VPC(path.Interface)
	case path.Target.Addr() == reach.PublicResolver:
		vpc = ""
	}
	go func() {
		defer b.Close()
		for c := (&dns.Conn{Conn: struct{ net.Conn }{b}}); ; {
			q, err := c.ReadMsg()
			if err != nil || c.WriteMsg(reply(index, vpc, q, f.turn.Add(1))) != nil {
				return
			}
		}
	}()
	return client, nil
}

// reply answers questions for addresses; it knows of nothing else.
func reply(x *reach.Index, vpc string, q *dns.Msg, turn uint32) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	if len(q.Question) != 1 {
		return m.SetRcode(q, dns.RcodeFormatError)
	}
	a := x.Resolve(vpc, q.Question[0].Name)
	switch {
	case a.Silent || a.Looped:
		m.Rcode = dns.RcodeServerFailure
	case a.Missing:
		m.Rcode = dns.RcodeNameError
	case q.Question[0].Qtype == dns.TypeA:
		list, ttl := a.Chain[len(a.Chain)-1].Addresses(true)
		for _, at := range reach.Rotate(list, turn) {
			m.Answer = append(m.Answer, record(q.Question[0].Name, at, ttl))
		}
	}
	return m
}

func record(name string, a netip.Addr, ttl uint32) dns.RR {
	return &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: net.IP(a.AsSlice())}
}
