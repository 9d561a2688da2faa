package reach

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"cloister/internal/value/network"
)

func TestNames(t *testing.T) {
	set := newNames([]network.Name{
		{Text: "a.example", Addresses: []netip.Addr{address("192.0.2.1")}},
		{Text: "A.example.", Addresses: []netip.Addr{address("192.0.2.2")}, TTL: 5},
		{Text: "*.example"}, {Text: "*.b.example"}, {Text: "c.b.example"},
	})
	for name, want := range map[string]string{
		"a.example": "a.example", "b.example": "*.example", "x.y.example": "*.example", "x.b.example": "*.b.example",
		"y.x.b.example": "*.b.example", "c.b.example": "c.b.example", "x.c.b.example": "*.b.example",
		"example": "", "other": "", "": "", ".": "", "notexample": "", "*.example": "*.example",
	} {
		got := ""
		if n := set.find(name); n != nil {
			got = Canonical(n[0].Text)
		}
		if got != want {
			t.Errorf("%q is %q, not %q", name, got, want)
		}
	}
	k := Known{names: set.find("a.example")}
	if got, ttl := k.Addresses(true); !slices.Equal(got, []netip.Addr{address("192.0.2.1"), address("192.0.2.2")}) || ttl != 60 {
		t.Errorf("two records of one name: %v %d", got, ttl)
	}
}

func zoned() *network.Network {
	one := func(text, to string) network.Name {
		return network.Name{Text: text, Addresses: []netip.Addr{address(to)}}
	}
	n := sample()
	n.VPCs[0].Names = []network.Name{one("api.corp.test", "10.0.1.10"), one("ip-10-0-1-5.ec2.internal", "10.0.1.5"), one("ip-10-0-1-99.ec2.internal", "10.0.1.99"), one("ip-10-0-1-10.lies.internal", "10.0.1.5")}
	n.VPCs[0].Zones = []network.Zone{
		{Apex: "Corp.Test.", Names: []network.Name{
			one("www.corp.test", "10.0.1.20"), one("api.corp.test", "10.0.1.21"), one("*.corp.test", "10.0.1.22"), one("x.deep.corp.test", "10.0.1.23"),
			{Text: "a.corp.test", CNAME: "WWW.corp.test."}, {Text: "b.corp.test", CNAME: "a.corp.test"}, {Text: "gone.corp.test", CNAME: "no.sub.corp.test"},
			{Text: "out.corp.test", CNAME: "door.public.test"}, {Text: "far.corp.test", CNAME: "real.world.test"},
			{Text: "loop1.corp.test", CNAME: "loop2.corp.test"}, {Text: "loop2.corp.test", CNAME: "loop1.corp.test"},
			{Text: "text.corp.test", TXT: []string{"v=1"}}, one("elsewhere.test", "10.0.1.24"),
		}},
		{Apex: "sub.corp.test", Names: []network.Name{one("www.sub.corp.test", "10.0.1.30"), one("*.wild.sub.corp.test", "10.0.1.31"), one("real.wild.sub.corp.test", "10.0.1.32")}},
		{Apex: "hidden.public.test"},
	}
	n.VPCs = append(n.VPCs, network.VPC{ID: "vpc-2", CIDRs: n.VPCs[0].CIDRs, Resolve: true})
	n.Internet.Names = []network.Name{one("door.public.test", "203.0.113.1"), one("hidden.public.test", "203.0.113.1"), {Text: "alias.public.test", CNAME: "www.corp.test"}}
	return n
}

// said is an Answer in one line: owners, addresses and texts, and how it ended.
func said(a Answer) string {
	var words []string
	for i := range a.Chain {
		words = append(words, a.Chain[i].Owner)
	}
	if n := len(a.Chain); n > 0 {
		list, _ := a.Chain[n-1].Addresses(true)
		for _, address := range list {
			words = append(words, address.String())
		}
		texts, _ := a.Chain[n-1].Texts()
		words = append(words, texts...)
		if host, _ := a.Chain[n-1].Host(); host != "" {
			words = append(words, host)
		}
	}
	for word, is := range map[string]bool{"silent": a.Silent, "looped": a.Looped, "missing": a.Missing && a.Outside == "", "outside:" + a.Outside: a.Outside != ""} {
		if is {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

func TestResolve(t *testing.T) {
	x, err := NewIndex(zoned())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ vpc, name, want string }{
		{"vpc-1", "WWW.corp.test.", "www.corp.test 10.0.1.20"},
		{"vpc-1", "api.corp.test", "api.corp.test 10.0.1.10"}, // an endpoint's name comes before the zone
		{"vpc-1", "other.corp.test", "other.corp.test 10.0.1.22"},
		{"vpc-1", "y.z.corp.test", "y.z.corp.test 10.0.1.22"},
		{"vpc-1", "deep.corp.test", "deep.corp.test"}, // there is something below it
		{"vpc-1", "y.deep.corp.test", "missing"},      // and so the wildcard does not reach there
		{"vpc-1", "y.www.corp.test", "missing"},
		{"vpc-1", "corp.test", "corp.test"},
		{"vpc-1", "b.corp.test", "b.corp.test a.corp.test www.corp.test 10.0.1.20"},
		{"vpc-1", "gone.corp.test", "gone.corp.test missing"},
		{"vpc-1", "out.corp.test", "out.corp.test door.public.test 203.0.113.1"},
		{"vpc-1", "far.corp.test", "far.corp.test outside:real.world.test"},
		{"vpc-1", "loop1.corp.test", strings.Repeat("loop1.corp.test loop2.corp.test ", 5) + "loop1.corp.test looped"},
		{"vpc-1", "text.corp.test", "text.corp.test v=1"},
		{"vpc-1", "www.sub.corp.test", "www.sub.corp.test 10.0.1.30"},
		{"vpc-1", "api.sub.corp.test", "missing"}, // the longest apex, and nowhere else
		{"vpc-1", "q.wild.sub.corp.test", "q.wild.sub.corp.test 10.0.1.31"},
		{"vpc-1", "p.q.wild.sub.corp.test", "p.q.wild.sub.corp.test 10.0.1.31"},
		{"vpc-1", "p.real.wild.sub.corp.test", "missing"},
		{"vpc-1", "notcorp.test", "outside:notcorp.test"},
		{"vpc-1", "elsewhere.test", "outside:elsewhere.test"},
		{"vpc-1", "hidden.public.test", "hidden.public.test"},
		{"vpc-1", "x.hidden.public.test", "missing"},
		{"vpc-1", "door.public.test", "door.public.test 203.0.113.1"},
		{"vpc-1", "alias.public.test", "alias.public.test www.corp.test 10.0.1.20"},
		{"vpc-1", "5.1.0.10.in-addr.arpa", "5.1.0.10.in-addr.arpa ip-10-0-1-5.ec2.internal"},
		{"vpc-1", "10.1.0.10.in-addr.arpa", "missing"}, // its name is another's address
		{"vpc-1", "99.1.0.10.in-addr.arpa", "missing"}, // nobody has it
		{"vpc-1", "8.8.8.8.in-addr.arpa", "outside:8.8.8.8.in-addr.arpa"},
		{"vpc-1", "1.168.192.in-addr.arpa", "missing"},
		{"vpc-1", "1.1.20.172.in-addr.arpa", "missing"},
		{"vpc-1", "ip-10-9-9-9.ec2.internal", "missing"},
		{"vpc-1", "localhost", "missing"}, {"vpc-1", "com", "missing"}, {"vpc-1", "", "missing"},
		// Another VPC, and the internet, see none of it.
		{"vpc-2", "www.corp.test", "outside:www.corp.test"},
		{"vpc-2", "api.corp.test", "outside:api.corp.test"},
		{"vpc-2", "alias.public.test", "alias.public.test outside:www.corp.test"},
		{"vpc-2", "5.1.0.10.in-addr.arpa", "missing"},
		{"", "www.corp.test", "outside:www.corp.test"},
		{"", "hidden.public.test", "hidden.public.test 203.0.113.1"},
		{"vpc-3", "www.corp.test", "silent"},
	} {
		if got := said(x.Resolve(c.vpc, c.name)); got != c.want {
			t.Errorf("%s asks for %q: %q, not %q", c.vpc, c.name, got, c.want)
		}
	}
}
