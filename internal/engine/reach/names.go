package reach

import (
	"net/netip"
	"strings"

	"cloister/internal/value/network"
)

// zone is a set of names; a wildcard's key keeps its "*.".
type zone map[string]*network.Name

func newZone(names []network.Name) zone {
	z := make(zone, len(names))
	for i := range names {
		n := &names[i]
		key := Canonical(n.Text)
		if old := z[key]; old != nil {
			n = &network.Name{Text: key, TTL: old.TTL, Addresses: append(append([]netip.Addr{}, old.Addresses...), n.Addresses...)}
		}
		z[key] = n
	}
	return z
}

// find gives the record of a name: its own, else the nearest wildcard above it.
func (z zone) find(name string) *network.Name {
	if n := z[name]; n != nil {
		return n
	}
	for rest := name; ; {
		_, parent, more := strings.Cut(rest, ".")
		if !more {
			return nil
		}
		if n := z["*."+parent]; n != nil {
			return n
		}
		rest = parent
	}
}

// Canonical is a name as a Network spells it: lower case, no final dot.
func Canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// Name answers a question put to the resolver of a VPC (or, for the empty id, of the internet). It is
// nil for a name that does not exist; silent is true when that resolver does not answer at all.
func (x *Index) Name(vpc, name string) (found *network.Name, silent bool) {
	name = Canonical(name)
	if vpc != "" {
		v := x.vpcs[vpc]
		if v == nil || !v.Resolve {
			return nil, true
		}
		if n := v.private.find(name); n != nil {
			return n, false
		}
	}
	return x.public.find(name), false
}

// Lookup answers as the resolver of a namespace would; turn rotates the answer.
func (x *Index) Lookup(id, name string, turn uint32) []netip.Addr {
	vpc := ""
	if i := x.interfaces[id]; i != nil {
		vpc = i.VPC
	} else if _, ok := x.hosts[id]; !ok {
		return nil
	}
	n, _ := x.Name(vpc, name)
	if n == nil {
		return nil
	}
	return Rotate(n.Addresses, turn)
}

// Rotate gives the addresses beginning with another one at each turn.
func Rotate(addresses []netip.Addr, turn uint32) []netip.Addr {
	if len(addresses) == 0 {
		return nil
	}
	at := int(turn % uint32(len(addresses)))
	return append(append(make([]netip.Addr, 0, len(addresses)), addresses[at:]...), addresses[:at]...)
}
