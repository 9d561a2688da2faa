package reach

import (
	"net/netip"

	"cloister/internal/value/network"
)

// The steps of a packet. Each takes it from one place to the next and gives the end of the whole way.

// leave sends a packet off from an interface into its VPC, and out of it if its route leads there.
func (w *walker) leave(i *network.Interface, p packet) end {
	x, to := w.x, p.target.Addr()
	v := x.vpcs[i.VPC]
	if to == v.resolver() || to == LinkLocalResolver {
		return w.ownResolver(v, p)
	}
	if metadata(to) && informed(i) {
		return w.told(v, i, p)
	}
	if !w.sends(v, i, &p) {
		return end{}
	}
	if to.IsLinkLocalUnicast() || to.IsMulticast() || to.IsLoopback() || to.IsUnspecified() {
		return w.drop(v.ID, "%s is not routed", to)
	}
	if v.holds(to) {
		target := v.byAddress[to]
		if target == nil {
			w.misses(LackOwner, v.ID, i.Subnet, &p)
			return w.drop(v.ID, "nobody has %s", to)
		}
		if !w.crosses(i, target, &p) {
			return end{}
		}
		return w.arrive(target, p, i)
	}
	r := x.route(v, i.Subnet, to)
	switch {
	case !r.Destination.IsValid():
		w.misses(LackRoute, v.subnets[i.Subnet].Table, i.Subnet, &p)
		return w.drop(i.Subnet, "route table %q has no route to %s", v.subnets[i.Subnet].Table, to)
	case r.Target.Kind == network.Blackhole:
		w.misses(LackTarget, r.Table, i.Subnet, &p).Target = r.dead.ID
		return w.drop(r.Table, "%s is a blackhole %s", r.Destination, r.dead.ID)
	}
	w.say(r.Table, "%s leads to %s", r.Destination, r.Target.ID)
	return w.follow(v, i, r.Target, p)
}

// sends asks the sender's groups. An answer, what a NAT gateway forwards and what comes from an open
// interface is not theirs to judge.
func (w *walker) sends(v *vpcIndex, i *network.Interface, p *packet) bool {
	if w.back || i.NAT || i.Open {
		return true
	}
	to := p.target.Addr()
	who := v.byAddress[to]
	if !v.holds(to) {
		who, _ = w.x.beyond(v, i.Subnet, to)
	}
	if w.x.passes(i, p, to, who, true) {
		return true
	}
	w.missesRule(i, p, to, who, true)
	w.say(i.ID, "no group has a rule for packets to %s", p.target)
	return false
}

// crosses asks the network ACLs of both ends' subnets; nil is an end outside all subnets.
func (w *walker) crosses(from, to *network.Interface, p *packet) bool {
	if from != nil && to != nil && from.VPC == to.VPC && from.Subnet == to.Subnet {
		return true
	}
	return (from == nil || w.judge(from, p, true)) && (to == nil || w.judge(to, p, false))
}

// judge asks the network ACL of an interface's subnet; one that does not exist refuses everything.
func (w *walker) judge(i *network.Interface, p *packet, egress bool) bool {
	v := w.x.vpcs[i.VPC]
	id := v.subnets[i.Subnet].ACL
	if id == "" {
		return true
	}
	var entries []network.ACLEntry
	peer, how := p.source, "entering"
	acl := v.acls[id]
	if egress {
		peer, how = p.target, "leaving"
	}
	switch {
	case acl != nil && egress:
		entries = acl.Egress
	case acl != nil:
		entries = acl.Ingress
	}
	if permits(entries, p, peer.Addr()) {
		return true
	}
	what := "packet"
	if w.back {
		what = "answer"
	}
	l := w.misses(LackEntry, id, i.Subnet, p)
	l.Egress, l.Peer = egress, peer.Addr()
	w.say(id, "refuses the %s %s %s, from %s to %s", what, how, i.Subnet, p.source, p.target)
	return false
}

// follow takes a packet to the target of its route.
func (w *walker) follow(v *vpcIndex, i *network.Interface, t network.Target, p packet) end {
	x, to := w.x, p.target.Addr()
	if t.Kind == network.ToInterface {
		return w.hand(i, x.interfaces[t.ID], p)
	}
	if p.source.Addr() != i.Address {
		return w.drop(t.ID, "%s is not the address of %s", p.source.Addr(), i.ID)
	}
	if t.Kind == network.ToPeering {
		target := x.across(v, t.ID).byAddress[to]
		if target == nil {
			return w.drop(t.ID, "nobody has %s at the other side", to)
		}
		if !w.crosses(i, target, &p) {
			return end{}
		}
		return w.arrive(target, p, i)
	}
	if !w.crosses(i, nil, &p) {
		return end{}
	}
	switch t.Kind {
	case network.ToInternetGateway:
		if !i.Public.IsValid() {
			w.misses(LackPublic, i.ID, i.Subnet, &p)
			return w.drop(t.ID, "%s has no public address", i.ID)
		}
		p.source = netip.AddrPortFrom(i.Public, p.source.Port())
		w.say(t.ID, "shows %s as %s", i.Address, i.Public)
		return w.outside(p)
	case network.ToVPN:
		tunnel := v.tunnelTo(to)
		if tunnel == nil {
			return w.drop(t.ID, "%s is behind no tunnel", to)
		}
		if w.back {
			return w.homecoming(tunnel.ID, p)
		}
		return end{kind: Tunnelled, id: tunnel.ID, tunnel: tunnel, packet: p}
	}
	return w.service(v, i, p)
}

// service enters a gateway endpoint.
func (w *walker) service(v *vpcIndex, i *network.Interface, p packet) end {
	o, ok := w.x.Origin(v.ID, i.Address, p.target)
	if w.back || !ok || p.protocol != TCP || p.target.Port() != 443 {
		return w.drop(v.ID, "a gateway endpoint takes TCP connections to port 443")
	}
	return end{kind: Accepted, origin: o, packet: p}
}

// fromService brings the answer of a gateway endpoint back.
func (w *walker) fromService(e *end, p packet) end {
	i := w.x.interfaces[e.origin.Interface]
	if !w.crosses(nil, i, &p) {
		return end{}
	}
	return w.arrive(i, p, nil)
}

// hand gives a packet to an interface of the same VPC that is no more than a station on its way.
func (w *walker) hand(from, to *network.Interface, p packet) end {
	if from == to && to.NAT {
		return w.drop(to.ID, "leads back to itself")
	}
	if !w.crosses(from, to, &p) {
		return end{}
	}
	if !to.NAT {
		if w.back && to.ID == w.client {
			return w.homecoming(to.ID, p) // to an address for which it sent
		}
		if !to.Open && !w.x.passes(to, &p, p.source.Addr(), w.sender(from, &p), false) {
			w.missesRule(to, &p, p.source.Addr(), w.sender(from, &p), false)
			return w.drop(to.ID, "no group has a rule for packets from %s", p.source)
		}
		if w.back {
			return w.drop(to.ID, "is not where the connection came from")
		}
		return end{kind: Forwarded, id: to.ID, at: to, packet: p}
	}
	if w.back || len(w.nats) > 8 || p.protocol != TCP && p.protocol != UDP && p.protocol != ICMP {
		return w.drop(to.ID, "does not forward this")
	}
	before := p.source
	p.source = netip.AddrPortFrom(to.Address, before.Port())
	w.nats = append(w.nats, translation{to, before, p})
	w.say(to.ID, "shows %s as %s", before.Addr(), to.Address)
	return w.leave(to, p)
}

// sender is the interface whose address a packet bears, if it is the one that sent it.
func (w *walker) sender(from *network.Interface, p *packet) *network.Interface {
	if from != nil && from.Address == p.source.Addr() {
		return from
	}
	return nil
}

// arrive ends a packet at an interface's own address; from is who sent it, where that is one of ours.
func (w *walker) arrive(i *network.Interface, p packet, from *network.Interface) end {
	if w.back {
		if i.NAT {
			return w.untranslate(i, p)
		}
		return w.homecoming(i.ID, p)
	}
	if i.NAT {
		return w.drop(i.ID, "a NAT gateway takes nothing unasked")
	}
	if !i.Open && !w.x.passes(i, &p, p.source.Addr(), w.sender(from, &p), false) {
		w.missesRule(i, &p, p.source.Addr(), w.sender(from, &p), false)
		return w.drop(i.ID, "no group has a rule for packets from %s to %s", p.source, p.target)
	}
	e := end{kind: Delivered, id: i.ID, at: i, packet: p}
	switch b := w.x.fronts[i.ID]; {
	case i.Endpoint != "":
		return w.enter(e)
	case i.Resolver:
		if e.kind = Answered; !asks(&p) || !w.x.vpcs[i.VPC].Resolve {
			return w.drop(i.ID, "a resolver answers on port 53 only, and where the VPC has one")
		}
	case b != nil:
		if e.kind = Balanced; p.protocol != TCP || listener(b, int(p.target.Port())) == nil {
			return w.drop(i.ID, "%s has no listener there", b.ID)
		}
	}
	return e
}

// enter is what an interface endpoint does with a packet that its groups allow.
func (w *walker) enter(e end) end {
	known := w.x.endpoints[e.at.Endpoint]
	if e.packet.protocol != TCP {
		return w.drop(known.ID, "takes TCP connections only")
	}
	if known.Balancer != "" {
		if b := w.x.balancers[known.Balancer]; b == nil || listener(b, int(e.packet.target.Port())) == nil {
			return w.drop(known.ID, "%q has no listener there", known.Balancer)
		}
		e.kind = Balanced
		return e
	}
	if e.packet.target.Port() != 443 {
		return w.drop(known.ID, "takes connections to port 443 only")
	}
	e.kind = Accepted
	var ok bool
	if e.origin, ok = w.x.Origin(e.at.VPC, e.packet.source.Addr(), e.packet.target); !ok {
		return w.drop(known.ID, "has no way back to %s", e.packet.source.Addr())
	}
	return e
}

// untranslate takes an answer on from a NAT gateway to who asked.
func (w *walker) untranslate(i *network.Interface, p packet) end {
	last := len(w.nats) - 1
	if last < 0 || w.nats[last].nat != i || w.nats[last].seen.source.Addr() != p.target.Addr() || w.nats[last].seen.target.Addr() != p.source.Addr() {
		return w.drop(i.ID, "has no such connection")
	}
	p.target = netip.AddrPortFrom(w.nats[last].source.Addr(), p.target.Port())
	w.nats = w.nats[:last]
	return w.leave(i, p)
}

// outside is a packet on the internet.
func (w *walker) outside(p packet) end {
	x, to := w.x, p.target.Addr()
	if i := x.elastic[to]; i != nil {
		return w.inside(i, p)
	}
	if id := x.standing[to]; id != "" {
		if w.back {
			return w.homecoming(id, p)
		}
		return end{kind: Delivered, id: id, packet: p}
	}
	switch {
	case w.back:
		return w.drop(internet, "nobody has %s", to)
	case x.doors[to]:
		o, ok := x.Origin("", p.source.Addr(), p.target)
		if !ok || p.protocol != TCP || p.target.Port() != 443 {
			return w.drop(internet, "a door takes TCP connections to port 443")
		}
		return end{kind: Accepted, origin: o, packet: p}
	case to == PublicResolver:
		if !asks(&p) {
			return w.drop(internet, "a resolver answers on port 53 only")
		}
		return end{kind: Answered, packet: p}
	case x.uplink && p.protocol == TCP && to.IsGlobalUnicast() && !to.IsPrivate():
		return end{kind: Uplinked, packet: p}
	}
	return w.drop(internet, "nobody has %s", to)
}

const internet = "internet"

// inside brings a packet through the internet gateway to whom an elastic address belongs.
func (w *walker) inside(i *network.Interface, p packet) end {
	v := w.x.vpcs[i.VPC]
	if v.InternetGateway == "" {
		return w.drop(v.ID, "has no internet gateway")
	}
	w.say(v.InternetGateway, "%s is %s", p.target.Addr(), i.Address)
	p.target = netip.AddrPortFrom(i.Address, p.target.Port())
	if !w.crosses(nil, i, &p) {
		return end{}
	}
	return w.arrive(i, p, nil)
}

// fromTunnel brings a packet out of a VPN tunnel into its VPC.
func (w *walker) fromTunnel(v *vpcIndex, t *network.Tunnel, p packet) end {
	if v.tunnelTo(p.source.Addr()) != t || v.holds(p.source.Addr()) {
		return w.drop(t.ID, "%s is not behind it", p.source.Addr())
	}
	i := v.byAddress[p.target.Addr()]
	if i == nil {
		return w.drop(v.VPN.ID, "nobody in %s has %s", v.ID, p.target.Addr())
	}
	if !w.crosses(nil, i, &p) {
		return end{}
	}
	return w.arrive(i, p, nil)
}

// ownResolver is the VPC's resolver, which neither groups nor network ACLs can hide.
func (w *walker) ownResolver(v *vpcIndex, p packet) end {
	if w.back || !v.Resolve || !asks(&p) {
		return w.drop(v.ID, "the resolver answers on port 53 only, and where DNS support is on")
	}
	return end{kind: Answered, local: true, packet: p}
}

// informed says whether an interface's workload may ask for its credentials.
func informed(i *network.Interface) bool { return i.Metadata && i.Own() && !i.NAT && !i.Open }

// told is the end of a question for credentials, which neither groups nor network ACLs see. Who sends as
// somebody else is not told.
func (w *walker) told(v *vpcIndex, i *network.Interface, p packet) end {
	o, ok := w.x.Origin(v.ID, p.source.Addr(), p.target)
	if w.back || !ok || o.Interface != i.ID || p.protocol != TCP {
		return w.drop(v.ID, "credentials are told on port %d, to who sends from the address of %s", metadataPort, i.ID)
	}
	return end{kind: Accepted, local: true, origin: o, packet: p}
}

// asks says whether a packet may be a question to a resolver.
func asks(p *packet) bool {
	return (p.protocol == UDP || p.protocol == TCP) && p.target.Port() == 53
}
