package reach

import (
	"net/netip"
	"slices"

	"cloister/internal/value/network"
)

// Protocols by their IANA numbers.
const (
	ICMP = 1
	TCP  = 6
	UDP  = 17
)

// packet is the first packet of a connection, or its answer. For ICMP, which has no ports, the target's
// port is the type: an echo request or its reply, both with code 0.
type packet struct {
	protocol       int
	source, target netip.AddrPort
}

const (
	echoReply   = 0
	echoRequest = 8
)

// fits says whether a rule or entry for these ports covers the packet.
func (p *packet) fits(protocol, from, to int) bool {
	port := int(p.target.Port())
	switch {
	case protocol == -1:
		return true
	case protocol != p.protocol:
		return false
	case protocol == ICMP: // type and code
		return from < 0 || from == port && to <= 0
	case protocol == TCP || protocol == UDP:
		return from < 0 || from <= port && port <= to
	}
	return true
}

// passes says whether one of an interface's groups has a rule for a packet with this peer. who is the
// interface that has the peer's address, if one has.
func (x *Index) passes(i *network.Interface, p *packet, peer netip.Addr, who *network.Interface, egress bool) bool {
	v := x.vpcs[i.VPC]
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
			if p.fits(rules[k].Protocol, rules[k].From, rules[k].To) && x.matches(v, &rules[k], peer, who) {
				return true
			}
		}
	}
	return false
}

// matches says whether a rule's peer is this one. A group's members are interfaces of its own VPC, be
// that the rule's or one peered with it; an address that another owner has elsewhere is no member.
func (x *Index) matches(v *vpcIndex, r *network.Rule, peer netip.Addr, who *network.Interface) bool {
	switch {
	case r.Group != "":
		home := v
		if v.groups[r.Group] == nil && who != nil {
			home = x.vpcs[who.VPC]
		}
		return who != nil && home.ID == who.VPC && home.groups[r.Group] != nil && slices.Contains(who.Groups, r.Group)
	case len(r.Prefixes) > 0:
		return slices.ContainsFunc(r.Prefixes, func(p netip.Prefix) bool { return p.Contains(peer) })
	}
	return r.CIDR.IsValid() && r.CIDR.Contains(peer)
}

// permits says whether the first of an ACL's entries that covers a packet allows it.
func permits(entries []network.ACLEntry, p *packet, peer netip.Addr) bool {
	for k := range entries {
		e := &entries[k]
		if e.CIDR.Contains(peer) && p.fits(e.Protocol, e.From, e.To) {
			return e.Allow
		}
	}
	return false
}
