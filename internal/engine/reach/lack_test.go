package reach

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cloister/internal/value/network"
)

func TestWhatIsLacking(t *testing.T) {
	x := indexed(t, estate())
	for _, c := range []struct{ probe, why, remedy string }{
		{"eni-pub 10.0.1.6:8080", "no inbound rule of sg-web lets TCP to port 8080 pass from 10.0.1.5", "add an inbound rule to sg-web for TCP to port 8080 from 10.0.1.5/32"},
		{"eni-peer 10.0.1.5:80", "no outbound rule of sg-peer lets TCP to port 80 pass to 10.0.1.5", "add an outbound rule to sg-peer for TCP to port 80 to 10.0.1.5/32"},
		{"eni-pub 10.0.3.5:80", "no inbound entry of acl-1, the network ACL of acl, lets TCP to port 80 pass from 10.0.1.5", "add an inbound entry to acl-1 that allows TCP to port 80 from 10.0.1.5/32, before those that deny it"},
		{"eni-pub 198.51.100.9:80", "the route of rtb-pub, the route table of pub, to 198.51.100.9 leads to igw-gone, which is not there", "replace the route of rtb-pub that leads to igw-gone"},
		{"eni-pub 10.0.9.9:80", "nobody in vpc-a has the address 10.0.9.9", ""},
	} {
		got := x.Walk(probe(c.probe))
		if got.Lack == nil || got.Lack.Why() != c.why || got.Lack.Remedy() != c.remedy {
			t.Errorf("%s: %+v\n%v", c.probe, got.Lack, got.Hops)
			if got.Lack != nil {
				t.Errorf("%s; %s", got.Lack.Why(), got.Lack.Remedy())
			}
		}
	}
	if p := x.Walk(probe("eni-pub 10.0.1.22:80")); p.Kind != Delivered || p.Lack != nil {
		t.Errorf("what arrives lacks %+v", p.Lack)
	}
}

// TestTheRemedyHelps gives every packet of an estate what it lacks: it is never refused for the same lack again.
func TestTheRemedyHelps(t *testing.T) {
	cured := map[LackKind]int{}
	for _, p := range allProbes(estate()) {
		if !p.To.Addr().IsValid() {
			continue
		}
		n := estate()
		for range 6 {
			path := indexed(t, n).Walk(p)
			if path.Lack == nil || !cure(n, path.Lack) {
				break
			}
			cured[path.Lack.Kind]++
			if again := indexed(t, n).Walk(p); again.Lack != nil && reflect.DeepEqual(again.Lack, path.Lack) {
				t.Fatalf("%+v: after %q still %q", p, path.Lack.Remedy(), again.Lack.Why())
			}
		}
	}
	for _, k := range []LackKind{LackRule, LackEntry, LackRoute, LackTarget} {
		if cured[k] == 0 {
			t.Errorf("no %s was lacking", k)
		}
	}
}

// cure does what a remedy says.
func cure(n *network.Network, l *Lack) bool {
	host := netip.PrefixFrom(l.Peer, 32)
	for v := range n.VPCs {
		at := &n.VPCs[v]
		switch l.Kind {
		case LackRule:
			r := network.Rule{Protocol: l.Protocol, From: int(l.Port), To: int(l.Port), CIDR: host}
			if l.Protocol == ICMP {
				r.From, r.To = -1, -1
			}
			to := l.Shared
			if to != "" {
				r.CIDR, r.Group = netip.Prefix{}, to
			} else if len(l.Groups) > 0 {
				to = l.Groups[0]
			}
			home := slices.ContainsFunc(n.Interfaces, func(i network.Interface) bool { return i.ID == l.At && i.VPC == at.ID })
			g := slices.IndexFunc(at.Groups, func(g network.Group) bool { return g.ID == to })
			if !home || g < 0 {
				continue
			}
			if l.Egress {
				at.Groups[g].Egress = append(slices.Clone(at.Groups[g].Egress), r)
			} else {
				at.Groups[g].Ingress = append(slices.Clone(at.Groups[g].Ingress), r)
			}
			return true
		case LackEntry:
			e := network.ACLEntry{Allow: true, Protocol: l.Protocol, From: int(l.Port), To: int(l.Port), CIDR: host}
			if l.Protocol == ICMP {
				e.From, e.To = -1, -1
			}
			if a := slices.IndexFunc(at.ACLs, func(a network.ACL) bool { return a.ID == l.At }); a >= 0 {
				if l.Egress {
					at.ACLs[a].Egress = append([]network.ACLEntry{e}, at.ACLs[a].Egress...)
				} else {
					at.ACLs[a].Ingress = append([]network.ACLEntry{e}, at.ACLs[a].Ingress...)
				}
				return true
			}
		case LackRoute, LackTarget:
			r := slices.IndexFunc(at.Tables, func(r network.RouteTable) bool { return r.ID == l.At })
			if r < 0 || at.InternetGateway == "" || !strings.HasPrefix(l.At, "rtb") {
				continue
			}
			at.Tables[r].Routes = append([]network.Route{{Destinations: []netip.Prefix{host}, Target: network.Target{Kind: network.ToInternetGateway, ID: at.InternetGateway}}}, at.Tables[r].Routes...)
			return true
		}
	}
	return false
}
