package linux

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"cloister/internal/value/network"
)

// watcher remembers what an Observer hears.
type watcher struct {
	mu      sync.Mutex
	queries []network.Query
	flows   []network.Flow
}

func (w *watcher) Query(q network.Query) {
	w.mu.Lock()
	w.queries = append(w.queries, q)
	w.mu.Unlock()
}
func (w *watcher) Flow(f network.Flow) { w.mu.Lock(); w.flows = append(w.flows, f); w.mu.Unlock() }

func zonedNetwork() *network.Network {
	n := pairNetwork()
	one := func(text string, to ...string) network.Name {
		name := network.Name{Text: text, TTL: 300}
		for _, a := range to {
			name.Addresses = append(name.Addresses, netip.MustParseAddr(a))
		}
		return name
	}
	n.VPCs[0].Names = append(n.VPCs[0].Names, one("ip-10-0-1-5.ec2.internal", "10.0.1.5"))
	n.VPCs[0].Zones = []network.Zone{{Apex: "corp.test", Names: []network.Name{
		one("www.corp.test", "10.0.1.20", "10.0.1.21", "fd00::1"), {Text: "www.corp.test", TXT: []string{`a "quoted" \ text`, strings.Repeat("x", 300)}, TTL: 30},
		{Text: "alias.corp.test", CNAME: "www.corp.test", TTL: 20}, {Text: "far.corp.test", CNAME: "www.world.test"}, {Text: "loop.corp.test", CNAME: "loop.corp.test"},
	}}}
	return n
}

func text(list []dns.RR) string {
	var out []string
	for _, r := range list {
		out = append(out, strings.Join(strings.Fields(r.String()), " "))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func TestZonesOnTheWire(t *testing.T) {
	f := start(t)
	seen := &watcher{}
	f.Observe(seen)
	n := zonedNetwork()
	n.VPCs[0].LogQueries = true
	apply(t, f, n)
	soa := "corp.test. 900 IN SOA ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
	for _, c := range []struct {
		name              string
		kind              uint16
		code              int
		answer, authority string
	}{
		{"www.corp.test.", dns.TypeA, dns.RcodeSuccess, "www.corp.test. 300 IN A 10.0.1.20\nwww.corp.test. 300 IN A 10.0.1.21", ""},
		{"www.corp.test.", dns.TypeAAAA, dns.RcodeSuccess, "www.corp.test. 300 IN AAAA fd00::1", ""},
		{"www.corp.test.", dns.TypeTXT, dns.RcodeSuccess, `www.corp.test. 30 IN TXT "a \"quoted\" \\ text"` + "\n" +
			`www.corp.test. 30 IN TXT "` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `"`, ""},
		{"www.corp.test.", dns.TypeMX, dns.RcodeSuccess, "", soa},
		{"corp.test.", dns.TypeA, dns.RcodeSuccess, "", soa},
		{"corp.test.", dns.TypeSOA, dns.RcodeSuccess, soa, ""},
		{"none.corp.test.", dns.TypeA, dns.RcodeNameError, "", soa},
		{"Alias.corp.test.", dns.TypeAAAA, dns.RcodeSuccess, "Alias.corp.test. 20 IN CNAME www.corp.test.\nwww.corp.test. 300 IN AAAA fd00::1", ""},
		{"alias.corp.test.", dns.TypeCNAME, dns.RcodeSuccess, "alias.corp.test. 20 IN CNAME www.corp.test.", ""},
		{"loop.corp.test.", dns.TypeA, dns.RcodeServerFailure, "", ""},
		{"far.corp.test.", dns.TypeA, dns.RcodeNameError, "far.corp.test. 60 IN CNAME www.world.test.", ""},
		{"5.1.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, "5.1.0.10.in-addr.arpa. 60 IN PTR ip-10-0-1-5.ec2.internal.", ""},
		{"5.1.0.10.in-addr.arpa.", dns.TypeA, dns.RcodeSuccess, "", ""},
	} {
		for _, transport := range []string{"udp4", "tcp4"} {
			reply, err := ask(t, f, "cl.eni.eni-1", transport, "10.0.0.2:53", question(c.name, c.kind).SetEdns0(1232, false), 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if reply.Rcode != c.code || text(reply.Answer) != c.answer || text(reply.Ns) != c.authority {
				t.Errorf("%s %s by %s:\n%v", c.name, dns.TypeToString[c.kind], transport, reply)
			}
		}
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if len(seen.queries) != 26 {
		t.Fatalf("%d questions are told of", len(seen.queries))
	}
	q := seen.queries[15]
	if q.VPC != "vpc-1" || q.Interface != "eni-1" || q.Source.Addr().String() != "10.0.1.5" || q.Source.Port() == 0 || q.Name != "alias.corp.test." ||
		q.Type != "AAAA" || q.Transport != "TCP" || q.Code != "NOERROR" || q.Time.IsZero() ||
		!slices.Equal(q.Answers, []network.Answer{{Data: "www.corp.test.", Type: "CNAME"}, {Data: "fd00::1", Type: "AAAA"}}) {
		t.Errorf("%+v", q)
	}
}

func TestQuestionsOfOtherVPCsAreNotToldOf(t *testing.T) {
	f := start(t)
	seen := &watcher{}
	f.Observe(seen)
	apply(t, f, zonedNetwork())
	if _, err := ask(t, f, "cl.eni.eni-1", "udp4", "10.0.0.2:53", question("www.corp.test.", dns.TypeA), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if len(seen.queries) != 0 {
		t.Errorf("%+v", seen.queries)
	}
}

func TestInboundResolver(t *testing.T) {
	f := start(t)
	n := zonedNetwork()
	apply(t, f, n)
	inbound := func(groups []string) *network.Network {
		n := zonedNetwork()
		asks := func(protocol int) network.Rule {
			return network.Rule{Protocol: protocol, From: 53, To: 53, CIDR: netip.MustParsePrefix("10.0.1.0/24")}
		}
		n.VPCs[0].Groups = append(n.VPCs[0].Groups, network.Group{ID: "sg-dns", Ingress: []network.Rule{asks(17), asks(6)}})
		n.Interfaces = append(n.Interfaces, network.Interface{ID: "eni-in", VPC: "vpc-1", Subnet: n.Interfaces[0].Subnet,
			Address: netip.MustParseAddr("10.0.1.53"), Groups: groups, Resolver: true})
		return n
	}
	apply(t, f, inbound([]string{"sg-dns"}))
	for _, transport := range []string{"udp4", "tcp4"} {
		reply, err := ask(t, f, "cl.eni.eni-1", transport, "10.0.1.53:53", question("www.corp.test.", dns.TypeA), 10*time.Second)
		if err != nil || len(reply.Answer) != 2 {
			t.Fatalf("by %s: %v %v", transport, reply, err)
		}
	}
	apply(t, f, inbound(nil))
	if _, err := ask(t, f, "cl.eni.eni-1", "udp4", "10.0.1.53:53", question("www.corp.test.", dns.TypeA), 150*time.Millisecond); err == nil {
		t.Error("an inbound resolver without groups answers")
	}
	apply(t, f, n)
	if reply, err := ask(t, f, "cl.eni.eni-1", "udp4", "10.0.0.2:53", question("www.corp.test.", dns.TypeA), 10*time.Second); err != nil || len(reply.Answer) != 2 {
		t.Errorf("the resolver itself after the inbound one is gone: %v %v", reply, err)
	}
	same(t, f, n, "an inbound resolver came and went")
}
