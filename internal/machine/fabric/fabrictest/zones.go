package fabrictest

import (
	"testing"

	"cloister/internal/value/network"
)

// zoned are two VPCs with equal ranges; only the first has zones.
func zoned() *network.Network {
	n := named()
	n.VPCs[0].Zones = []network.Zone{
		{Apex: "corp.test", Names: []network.Name{
			{Text: "www.corp.test", Addresses: addresses("10.0.1.20")},
			{Text: "*.corp.test", Addresses: addresses("10.0.1.21")},
			{Text: "alias.corp.test", CNAME: "www.corp.test"},
			{Text: "sts.corp.test", CNAME: "sts.us-east-1.amazonaws.com"},
			{Text: "lost.corp.test", CNAME: "nowhere.sub.corp.test"},
			{Text: "round.corp.test", CNAME: "round.corp.test"},
			{Text: "text.corp.test", TXT: []string{"hello"}},
		}},
		{Apex: "sub.corp.test", Names: []network.Name{{Text: "www.sub.corp.test", Addresses: addresses("10.0.1.30")}}},
		{Apex: "us-east-1.amazonaws.com", Names: []network.Name{{Text: "sts.us-east-1.amazonaws.com", Addresses: addresses("10.0.1.40")}}},
	}
	return n
}

func testZones(t *testing.T, w *world) {
	w.apply(zoned())
	for name, want := range map[string]string{
		"www.corp.test": "10.0.1.20", "WWW.Corp.Test.": "10.0.1.20", "other.corp.test": "10.0.1.21", "a.b.corp.test": "10.0.1.21",
		"alias.corp.test": "10.0.1.20", "corp.test": "", "lost.corp.test": "", "round.corp.test": "", "text.corp.test": "",
		"x.www.corp.test": "", "www.sub.corp.test": "10.0.1.30", "other.sub.corp.test": "",
		// An endpoint's private name comes before a zone, and a zone before what is public.
		"sts.us-east-1.amazonaws.com": "10.0.1.10", "sts.corp.test": "10.0.1.10", "s3.us-east-1.amazonaws.com": "",
	} {
		w.answers("eni-a", name, want)
	}
	for _, id := range []string{"eni-b", "host-1"} {
		w.answers(id, "www.corp.test", "")
		w.answers(id, "sts.us-east-1.amazonaws.com", "203.0.113.10")
		w.answers(id, "s3.us-east-1.amazonaws.com", "203.0.113.11")
	}
	n := zoned()
	n.VPCs[0].Zones = n.VPCs[0].Zones[:1]
	w.apply(n)
	w.answers("eni-a", "www.sub.corp.test", "10.0.1.21")
	w.answers("eni-a", "s3.us-east-1.amazonaws.com", "203.0.113.11")
	n = zoned()
	n.VPCs[0].Resolve = false
	w.apply(n)
	w.answers("eni-a", "www.corp.test", "")
}

func testInbound(t *testing.T, w *world) {
	n := zoned()
	inbound := eni("a", "eni-in", "10.0.1.53", "sg-1")
	inbound.Resolver = true
	n.Interfaces = append(n.Interfaces, inbound)
	w.apply(n)
	if w.Namespace("eni-in") != "" {
		t.Error("an inbound resolver's interface has a namespace")
	}
	w.silent("eni-a", "10.0.1.53:443")
	w.silent("eni-a", "10.0.1.53:80")
}
