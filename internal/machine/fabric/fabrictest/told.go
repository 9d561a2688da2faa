package fabrictest

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"cloister/internal/value/network"
)

// told is what a resolver must say of a name. It is read off the Network by looking through all of it,
// without engine/reach, by which the fabrics themselves answer: two readings of one law.
type told struct {
	code                   int
	addresses              []netip.Addr
	aliases                int
	zone, wildcard, hidden bool
}

// tell reads what the resolver of a VPC, or for the empty id the internet's, says.
func tell(n *network.Network, vpc, name string) (t told) {
	var v network.VPC
	for _, other := range n.VPCs {
		if other.ID == vpc && vpc != "" {
			v = other
		}
	}
	for t.aliases = 0; t.aliases <= 10; t.aliases++ {
		records, found := t.records(n, &v, name)
		if !found {
			t.code = dns.RcodeNameError
			return t
		}
		alias := ""
		for _, r := range records {
			t.addresses, alias = append(t.addresses, r.Addresses...), alias+r.CNAME
		}
		if alias == "" {
			return t
		}
		name = alias
	}
	t.code = dns.RcodeServerFailure
	return t
}

// records are those of one name: an endpoint's private one first, then the nearest zone's alone, then
// the public ones.
func (t *told) records(n *network.Network, v *network.VPC, name string) ([]network.Name, bool) {
	if list := t.named(v.Names, name); list != nil {
		return list, true
	}
	var zone *network.Zone
	for i := range v.Zones {
		if z := &v.Zones[i]; (name == z.Apex || strings.HasSuffix(name, "."+z.Apex)) && (zone == nil || len(z.Apex) > len(zone.Apex)) {
			zone = z
		}
	}
	public := t.named(n.Internet.Names, name)
	if zone == nil {
		return public, public != nil
	}
	t.zone, t.hidden = true, t.hidden || public != nil
	return t.zoned(zone, name)
}

// named looks among names that are open: what is not there may be elsewhere.
func (t *told) named(names []network.Name, name string) []network.Name {
	list := exactly(names, name)
	for rest := name; list == nil && strings.Contains(rest, "."); {
		_, rest, _ = strings.Cut(rest, ".")
		list = exactly(names, "*."+rest)
	}
	return list
}

// zoned looks in a zone as RFC 4592 says: a wildcard covers what has no closer name above it that
// exists, be it only for the sake of names below.
func (t *told) zoned(z *network.Zone, name string) ([]network.Name, bool) {
	exists := func(name string) bool {
		for _, r := range z.Names {
			if r.Text == name || strings.HasSuffix(r.Text, "."+name) {
				return true
			}
		}
		return name == z.Apex
	}
	if exists(name) {
		return exactly(z.Names, name), true
	}
	for !exists(name) {
		_, name, _ = strings.Cut(name, ".")
	}
	list := exactly(z.Names, "*."+name)
	t.wildcard = t.wildcard || list != nil
	return list, list != nil
}

func exactly(names []network.Name, name string) (list []network.Name) {
	for _, n := range names {
		if n.Text == name {
			list = append(list, n)
		}
	}
	return list
}
