package reach

import (
	"net/netip"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

func TestWhoIsToldCredentials(t *testing.T) {
	n := estate()
	for i := range n.Interfaces {
		n.Interfaces[i].Metadata = n.Interfaces[i].ID != "eni-plain"
	}
	x, err := NewIndex(n)
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }
	told := 0
	for i := range n.Interfaces {
		e := &n.Interfaces[i]
		for _, to := range []string{"169.254.170.2:80", "169.254.169.254:80"} {
			p := x.Walk(Probe{From: e.ID, To: at(to)})
			want := e.ID != "eni-plain" && e.Own() && !e.NAT && !e.Open
			if got := p.Kind == Accepted; got != want {
				t.Errorf("%s to %s: %v %v", e.ID, to, p.Kind, p.Hops)
			}
			if !want {
				continue
			}
			told++
			o := caller.Origin{Place: caller.Metadata, VPC: e.VPC, Subnet: e.Subnet, Interface: e.ID, Source: e.Address, Target: at(to)}
			if p.Origin != o || !x.Stands(&o) {
				t.Errorf("%s is known as %+v", e.ID, p.Origin)
			}
			for _, other := range []Probe{
				{From: e.ID, To: at(to), Protocol: UDP}, {From: e.ID, To: at(to), Protocol: ICMP}, {From: e.ID, To: netip.AddrPortFrom(at(to).Addr(), 443)},
				{From: e.ID, To: at("169.254.170.3:80")},
			} {
				if p := x.Walk(other); p.Kind != Dropped || p.Arrived {
					t.Errorf("%+v: %v", other, p.Kind)
				}
			}
		}
	}
	if told == 0 {
		t.Error("nobody is told")
	}
	// Who forwards is told as itself only; who is no more to be told loses its connections.
	if p := x.Walk(Probe{From: "eni-fw", Source: netip.MustParseAddr("198.51.100.77"), To: at("169.254.170.2:80")}); p.Kind != Dropped {
		t.Errorf("as somebody else: %v", p.Kind)
	}
	o := x.Walk(Probe{From: "eni-fw", To: at("169.254.170.2:80")}).Origin
	less := *n
	less.Interfaces = append([]network.Interface(nil), n.Interfaces...)
	for i := range less.Interfaces {
		less.Interfaces[i].Metadata = false
	}
	y, err := NewIndex(&less)
	if err != nil {
		t.Fatal(err)
	}
	if y.Stands(&o) {
		t.Error("a connection of an interface that is told no more stands")
	}
}
