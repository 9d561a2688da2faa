package reach

import (
	"fmt"
	"net/netip"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// Probe is a connection that somebody might try: TCP, UDP (one packet and its answer) or an ICMP echo.
type Probe struct {
	// From is the caller: an interface, an isolated namespace, an internet host, or a VPN tunnel; for a
	// tunnel Source says which address behind it. For an interface that forwards Source may be an
	// address outside its VPC, for which it sends.
	From   string
	Source netip.Addr
	// Port is the caller's own; 0 is any ephemeral one, of which 49152 stands for all. It matters where
	// a network ACL lets only some of them pass.
	Port uint16
	// Protocol is an IANA number; 0 is TCP. For ICMP the port of To is not looked at.
	Protocol int
	To       netip.AddrPort
}

const ephemeral = 49152

// Path is what becomes of a Probe.
type Path struct {
	// Kind is the end as the caller sees it: Dropped too when the packet arrives and its answer is lost.
	Kind ReachKind
	// Interface is who gets the packet: an interface (none at a gateway endpoint, a door or the VPC's own
	// resolver), an internet host, an isolated namespace or a VPN tunnel.
	Interface string
	// Origin is how the connection is known, for Accepted.
	Origin caller.Origin
	// Source and Target are what the receiver sees: an elastic address instead of the caller's own, its
	// own instead of the elastic one that was dialled.
	Source, Target netip.AddrPort
	// Arrived says whether the packet got to Interface, be it answered or not.
	Arrived bool
	// Onward are the connections that a balancer can make to its targets for this one, for Balanced;
	// with none of them the caller is let in and then cut off.
	Onward []Path
	// Hops tell the way, and why it ended.
	Hops []Hop
	// Lack is what was missing, for Dropped; nil where it is nothing that one could add.
	Lack *Lack
}

// Hop is one thing that decided about a packet.
type Hop struct {
	Back bool   // on the way of the answer
	At   string // an id, or "internet"
	Said string // "0.0.0.0/0 leads to igw-1"
}

func (h Hop) String() string {
	way := "->"
	if h.Back {
		way = "<-"
	}
	return fmt.Sprintf("%s %s: %s", way, h.At, h.Said)
}

// Walk takes a connection's first packet to where it ends, and the answer back.
func (x *Index) Walk(p Probe) Path {
	if p.Protocol == 0 {
		p.Protocol = TCP
	}
	if p.Port == 0 {
		p.Port = ephemeral
	}
	if p.Protocol == ICMP {
		p.Port, p.To = echoReply, netip.AddrPortFrom(p.To.Addr(), echoRequest)
	}
	w := &walker{x: x, client: p.From}
	e := w.begin(p)
	path := Path{Kind: e.kind, Interface: e.id, Source: e.packet.source, Target: e.packet.target, Arrived: e.kind != Dropped}
	switch {
	case e.kind == Dropped:
		path = Path{}
	case e.kind == Accepted:
		path.Origin = e.origin
		path.Interface = e.origin.EndpointInterface
	case e.kind == Balanced:
		path.Onward = w.onward(&e)
	}
	if path.Arrived && !w.returns(&e) {
		path.Kind, path.Origin, path.Onward = Dropped, caller.Origin{}, nil
	}
	path.Hops = w.hops
	if path.Kind == Dropped {
		path.Lack = w.lack
	}
	return path
}

// walker follows one connection.
type walker struct {
	x      *Index
	client string // who began it
	first  packet // as the client sent it
	back   bool   // the answer is on its way
	nats   []translation
	hops   []Hop
	lack   *Lack
}

// translation is what a NAT gateway remembers of a connection.
type translation struct {
	nat    *network.Interface
	source netip.AddrPort // before
	seen   packet         // after
}

// end is where a packet is when it goes no further.
type end struct {
	kind   ReachKind
	id     string
	at     *network.Interface // nil on the internet, in a tunnel and at a gateway endpoint
	tunnel *network.Tunnel
	local  bool // nothing between the caller and here can refuse an answer
	home   bool // the answer is back
	origin caller.Origin
	packet packet
}

func (w *walker) say(at, format string, values ...any) {
	w.hops = append(w.hops, Hop{w.back, at, fmt.Sprintf(format, values...)})
}

// drop ends a packet; the reason is for who asks why.
func (w *walker) drop(at, format string, values ...any) end {
	w.say(at, format, values...)
	return end{}
}

// begin sends the first packet off.
func (w *walker) begin(p Probe) end {
	x, to := w.x, p.To.Addr()
	out := func(source netip.Addr) packet {
		w.first = packet{p.Protocol, netip.AddrPortFrom(source, p.Port), p.To}
		return w.first
	}
	if t, ok := x.tunnels[p.From]; ok {
		return w.fromTunnel(t.vpc, t.Tunnel, out(p.Source))
	}
	host, isHost := x.hosts[p.From]
	i := x.interfaces[p.From]
	switch {
	case i == nil && !isHost && !x.isolated[p.From], i != nil && (!i.Own() || i.NAT):
		return w.drop(p.From, "nobody can send from there")
	case to.IsLoopback():
		return end{kind: Delivered, id: p.From, local: true, packet: out(to)}
	case x.isolated[p.From]:
		return w.drop(p.From, "has a loopback device and nothing else")
	case isHost && to == host || i != nil && to == i.Address:
		return end{kind: Delivered, id: p.From, local: true, packet: out(to)}
	case isHost:
		return w.outside(out(host))
	}
	if !p.Source.IsValid() || p.Source == i.Address {
		return w.leave(i, out(i.Address))
	}
	if !i.Forwards || x.vpcs[i.VPC].holds(p.Source) {
		return w.drop(i.ID, "may not send as %s", p.Source)
	}
	return w.leave(i, out(p.Source))
}

// returns sends the answer of the packet at e, and says whether it gets back to the client.
func (w *walker) returns(e *end) bool {
	if e.local {
		return true
	}
	w.back = true
	p := packet{e.packet.protocol, e.packet.target, e.packet.source}
	if p.protocol == ICMP {
		p.target, p.source = netip.AddrPortFrom(p.target.Addr(), echoReply), netip.AddrPortFrom(p.source.Addr(), echoRequest)
	}
	switch {
	case e.at != nil:
		return w.leave(e.at, p).home
	case e.tunnel != nil:
		return w.fromTunnel(w.x.tunnels[e.tunnel.ID].vpc, e.tunnel, p).home
	case e.origin.EndpointID != "": // a gateway endpoint, whose packets come back by the way they went
		return w.fromService(e, p).home
	}
	return w.outside(p).home
}

// homecoming ends an answer at whoever sent its question.
func (w *walker) homecoming(id string, p packet) end {
	if id != w.client || p.target != w.first.source || p.source.Addr() != w.first.target.Addr() ||
		p.protocol != ICMP && p.source != w.first.target {
		return w.drop(id, "has no such connection")
	}
	return end{kind: Delivered, id: id, home: true, packet: p}
}
