package reach

import (
	"net/netip"
	"slices"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// Protocols by their IANA numbers.
const (
	ICMP = 1
	TCP  = 6
	UDP  = 17
)

// Reach is where a packet from a namespace ends.
type Reach struct {
	Kind ReachKind
	// Interface is the ENI that gets the packet, for Delivered.
	Interface string
	// Origin is how a connection to an endpoint or a door is known, for Accepted.
	Origin caller.Origin
}

// ReachKind is the kind of end a packet comes to.
type ReachKind int

const (
	Dropped   ReachKind = iota // nowhere, without an answer
	Delivered                  // at an interface's namespace, the own one included
	Accepted                   // at the fabric's Listener
)

// Reach tells where the first packet of a TCP connection from the namespace of id ends. It is the
// whole law of routes and groups in one place: memory obeys it, linux is tested against it.
func (x *Index) Reach(id string, to netip.AddrPort) Reach {
	if to.Addr().IsLoopback() {
		if x.namespace(id) && id != "" {
			return Reach{Kind: Delivered, Interface: id}
		}
		return Reach{}
	}
	if address, ok := x.hosts[id]; ok {
		return x.reachFromInternet(id, address, to)
	}
	from := x.interfaces[id]
	if from == nil || !from.Own() {
		return Reach{}
	}
	if from.Address == to.Addr() {
		return Reach{Kind: Delivered, Interface: id}
	}
	v := x.vpcs[from.VPC]
	if !v.allows(from, to.Addr(), TCP, int(to.Port()), true) {
		return Reach{}
	}
	if v.holds(to.Addr()) {
		return x.reachInside(v, from, to)
	}
	if o, ok := x.Origin(v.ID, from.Address, to); ok && to.Port() == 443 {
		return Reach{Kind: Accepted, Origin: o}
	}
	return Reach{}
}

func (x *Index) reachInside(v *vpcIndex, from *network.Interface, to netip.AddrPort) Reach {
	target := v.byAddress[to.Addr()]
	if target == nil || !v.allows(target, from.Address, TCP, int(to.Port()), false) {
		return Reach{}
	}
	if target.Own() {
		return Reach{Kind: Delivered, Interface: target.ID}
	}
	if o, ok := x.Origin(v.ID, from.Address, to); ok && to.Port() == 443 {
		return Reach{Kind: Accepted, Origin: o}
	}
	return Reach{}
}

func (x *Index) reachFromInternet(id string, source netip.Addr, to netip.AddrPort) Reach {
	if source == to.Addr() {
		return Reach{Kind: Delivered, Interface: id}
	}
	if o, ok := x.Origin("", source, to); ok && to.Port() == 443 {
		return Reach{Kind: Accepted, Origin: o}
	}
	return Reach{}
}

// allows says whether one of an interface's groups has a rule for traffic with peer.
func (v *vpcIndex) allows(i *network.Interface, peer netip.Addr, protocol, port int, egress bool) bool {
	for _, id := range i.Groups {
		g := v.groups[id]
		if g == nil {
			continue
		}
		rules := g.Ingress
		if egress {
			rules = g.Egress
		}
		for k := range rules {
			if covers(&rules[k], protocol, port) && v.matches(&rules[k], peer) {
				return true
			}
		}
	}
	return false
}

func covers(r *network.Rule, protocol, port int) bool {
	if r.Protocol == -1 {
		return true
	}
	return r.Protocol == protocol && (r.From < 0 || r.From <= port && port <= r.To)
}

func (v *vpcIndex) matches(r *network.Rule, peer netip.Addr) bool {
	switch {
	case r.Group != "":
		i := v.byAddress[peer]
		return i != nil && v.groups[r.Group] != nil && slices.Contains(i.Groups, r.Group)
	case len(r.Prefixes) > 0:
		return slices.ContainsFunc(r.Prefixes, func(p netip.Prefix) bool { return p.Contains(peer) })
	}
	return r.CIDR.IsValid() && r.CIDR.Contains(peer)
}
