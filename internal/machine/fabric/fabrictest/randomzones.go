package fabrictest

import (
	"net/netip"
	"strings"

	"cloister/internal/value/network"
)

// apexes are the zones that a VPC may have: one inside another, and one that hides public names.
var apexes = []string{"corp.test", "sub.corp.test", "us-east-1.amazonaws.com"}

// zoneNames are the names that a zone may have records of. "b" may have a wildcard below it, and "c" may
// be there only because something below it is.
var zoneNames = []string{"", "a.", "b.", "c1.", "c2.", "c3.", "x.c.", "*.", "*.b."}

// asked are names to ask for: all that there may be, and some that only wildcards know, or nobody.
var asked = func() (list []string) {
	for _, apex := range apexes {
		for _, name := range zoneNames {
			list = append(list, strings.TrimPrefix(name, "*.")+apex)
		}
		list = append(list, "z."+apex, "z.y."+apex, "z.a."+apex, "z.b."+apex, "c."+apex, "z.c."+apex)
	}
	return append(list, serviceName, "vpce-1a.example.com", "vpce-1b.example.com", "vpce-2c.example.com", "nowhere.example.com", "test")
}()

// zones gives VPCs private zones. It comes after all other names, for aliases stand for those.
func (g *generator) zones() {
	if !g.Has(Zones) {
		return
	}
	for i := range g.n.VPCs {
		v := &g.n.VPCs[i]
		for k, apex := range apexes {
			if g.IntN(2+2*k) == 0 {
				v.Zones = append(v.Zones, network.Zone{Apex: apex, Names: g.zone(v.ID, apex)})
			}
		}
	}
}

// zone has records by chance, of every kind, and chains of aliases among them.
func (g *generator) zone(vpc, apex string) (list []network.Name) {
	for _, name := range zoneNames {
		if g.IntN(3) == 0 {
			continue
		}
		one := network.Name{Text: name + apex}
		switch kind := g.IntN(8); {
		case name != "" && (kind < 4 || strings.HasPrefix(name, "c")): // the apex of a zone is never an alias
			one.CNAME = pick(g, asked...)
			if name == "c1." || name == "c2." {
				one.CNAME = map[string]string{"c1.": "c2.", "c2.": "c3."}[name] + apex
			}
		case kind == 4:
			one.TXT = []string{"hello"}
		case kind == 5: // an alias that Route 53 resolves itself: the addresses of an endpoint
			one.Addresses = g.addressesOf(pick(g, "vpce-1a", "vpce-1b", "vpce-2c") + ".example.com")
		default:
			one.Addresses = g.someAddresses(vpc)
		}
		list = append(list, one)
	}
	return list
}

func (g *generator) addressesOf(public string) (at []netip.Addr) {
	for _, n := range g.n.Internet.Names {
		if n.Text == public {
			at = append(at, n.Addresses...)
		}
	}
	return at
}

// someAddresses are of interfaces of a VPC, or of nobody.
func (g *generator) someAddresses(vpc string) (at []netip.Addr) {
	for _, i := range g.n.Interfaces {
		if i.VPC == vpc && g.IntN(5) == 0 {
			at = append(at, i.Address)
		}
	}
	if len(at) == 0 {
		at = addresses("10.0.1.77")
	}
	return at
}
