package linux

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"cloister/internal/engine/reach"
)

const plainSize = 512

// asked is a question on its way to its reply.
type asked struct {
	resolver *resolver
	index    *reach.Index
	source   netip.AddrPort
	packet   bool // by UDP
	size     int  // the most that a packet may have
	question dns.Question
	reply    *dns.Msg
	beyond   string // a name that only others may know: what is left to ask
}

// read takes a message and answers it as far as it can be answered here; nil for one that deserves
// no reply.
func (r *resolver) read(message []byte, source netip.AddrPort, packet bool) *asked {
	var m dns.Msg
	if m.Unpack(message) != nil || m.Response || len(m.Question) != 1 {
		return nil
	}
	q := &asked{resolver: r, index: r.index.Load(), source: source, packet: packet, size: plainSize,
		question: m.Question[0], reply: new(dns.Msg).SetReply(&m)}
	q.reply.RecursionAvailable = true
	if opt := m.IsEdns0(); opt != nil {
		q.size = max(q.size, min(int(opt.UDPSize()), 1232))
		q.reply.SetEdns0(1232, false)
	}
	if m.Opcode != dns.OpcodeQuery || q.question.Qclass != dns.ClassINET {
		q.reply.Rcode = dns.RcodeNotImplemented
		return q
	}
	if q.index == nil || !q.fill() {
		return nil
	}
	return q
}

// fill puts in what is known here; it is false when this resolver does not answer at all.
func (q *asked) fill() bool {
	a := q.index.Resolve(q.resolver.vpc, q.question.Name)
	if a.Silent {
		return false
	}
	if a.Looped {
		q.fail(dns.RcodeServerFailure)
		return true
	}
	for i := range a.Chain {
		owner := q.question.Name
		if i > 0 {
			owner = dns.Fqdn(a.Chain[i].Owner)
		}
		if q.add(owner, &a.Chain[i], a.Zone) {
			return true
		}
	}
	if a.Missing {
		q.reply.Rcode = dns.RcodeNameError
		if a.Outside != "" && q.resolver.recursor.known() {
			q.beyond = a.Outside
			return true
		}
	}
	if a.Zone != "" && (a.Missing || len(q.reply.Answer) == 0) {
		q.reply.Ns = append(q.reply.Ns, startOfAuthority(a.Zone))
	}
	return true
}

// add puts the records of one name in that the question asks for; it is true when the chain ends
// here, because the alias itself was asked for.
func (q *asked) add(owner string, k *reach.Known, apex string) bool {
	kind := q.question.Qtype
	if to, ttl := k.Alias(); to != "" {
		q.record(&dns.CNAME{Hdr: header(owner, dns.TypeCNAME, ttl), Target: dns.Fqdn(to)})
		return kind == dns.TypeCNAME || kind == dns.TypeANY
	}
	if kind == dns.TypeA || kind == dns.TypeANY {
		list, ttl := k.Addresses(true)
		for _, a := range reach.Rotate(list, q.resolver.turn.Add(1)) {
			q.record(&dns.A{Hdr: header(owner, dns.TypeA, ttl), A: a.AsSlice()})
		}
	}
	if kind == dns.TypeAAAA || kind == dns.TypeANY {
		list, ttl := k.Addresses(false)
		for _, a := range reach.Rotate(list, q.resolver.turn.Add(1)) {
			q.record(&dns.AAAA{Hdr: header(owner, dns.TypeAAAA, ttl), AAAA: a.AsSlice()})
		}
	}
	if kind == dns.TypeTXT || kind == dns.TypeANY {
		list, ttl := k.Texts()
		for _, text := range list {
			q.record(&dns.TXT{Hdr: header(owner, dns.TypeTXT, ttl), Txt: pieces(text)})
		}
	}
	if host, ttl := k.Host(); host != "" && (kind == dns.TypePTR || kind == dns.TypeANY) {
		q.record(&dns.PTR{Hdr: header(owner, dns.TypePTR, ttl), Ptr: dns.Fqdn(host)})
	}
	if apex != "" && k.Owner == apex && (kind == dns.TypeSOA || kind == dns.TypeANY) {
		q.record(startOfAuthority(apex))
	}
	return false
}

func (q *asked) record(r dns.RR) { q.reply.Answer = append(q.reply.Answer, r) }

func header(owner string, kind uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}

// pieces cuts a text into strings as long as a TXT record's may be. The library reads a backslash in
// them as the beginning of an escape.
func pieces(text string) (list []string) {
	for len(text) > 255 {
		list, text = append(list, escaped(text[:255])), text[255:]
	}
	return append(list, escaped(text))
}

func escaped(text string) string {
	var b []byte
	for i := range len(text) {
		if c := text[i]; c == '\\' || c == '"' {
			b = append(b, '\\', c)
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// startOfAuthority is what every private hosted zone of AWS has at its apex.
func startOfAuthority(apex string) dns.RR {
	return &dns.SOA{Hdr: header(dns.Fqdn(apex), dns.TypeSOA, 900), Ns: "ns-1536.awsdns-00.co.uk.", Mbox: "awsdns-hostmaster.amazon.com.",
		Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: 86400}
}

// outside says whether somebody else must be asked.
func (q *asked) outside() bool { return q.beyond != "" }

// fail makes the reply an error.
func (q *asked) fail(code int) {
	q.reply.Rcode, q.beyond = code, ""
	q.reply.Answer, q.reply.Ns = nil, nil
}

// recurse asks the outside for the rest.
func (q *asked) recurse(quit <-chan struct{}) {
	beyond := q.beyond
	q.beyond = ""
	heard := q.resolver.recursor.ask(beyond, q.question.Qtype, quit)
	if heard == nil {
		q.fail(dns.RcodeServerFailure)
		return
	}
	q.reply.Rcode = heard.code
	for i, r := range heard.answer {
		if len(q.reply.Answer) == 0 && i == 0 {
			r.Header().Name = q.question.Name // as it was spelt
		}
		q.record(r)
	}
	q.reply.Ns = append(q.reply.Ns, heard.authority...)
}

// finish tells the observer and packs the reply.
func (q *asked) finish() []byte {
	q.observe(time.Now())
	if q.packet {
		q.reply.Truncate(q.size)
	}
	b, err := q.reply.Pack()
	if err != nil {
		return nil
	}
	return b
}
