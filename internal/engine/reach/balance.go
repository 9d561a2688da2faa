package reach

import (
	"net/netip"

	"cloister/internal/value/network"
)

// onward are a balancer's ways to the targets of the listener that took the connection.
func (w *walker) onward(e *end) (list []Path) {
	b := w.x.fronts[e.id]
	if b == nil {
		b = w.x.balancers[w.x.endpoints[e.at.Endpoint].Balancer]
	}
	from, to := w.x.Onward(b.ID, int(e.packet.target.Port()), e.at.ID)
	for _, id := range from {
		for _, target := range to {
			if p, ok := w.x.Reaches(id, target); ok {
				list = append(list, p)
			}
		}
	}
	return list
}

// Reaches walks from an interface of a balancer to a target and says whether the law lets it get there.
func (x *Index) Reaches(id string, target netip.AddrPort) (Path, bool) {
	i := x.interfaces[id]
	if i == nil || x.Owner(i.VPC, target.Addr()) == "" {
		return Path{}, false
	}
	p := x.Walk(Probe{From: id, To: target})
	return p, p.Kind == Delivered || p.Kind == Accepted
}

// Onward says from which of its interfaces to which targets a balancer may go on with a connection that
// arrived at a port of an interface, its own or an endpoint's. A target is no balancer: two could hand a
// connection to each other for ever.
func (x *Index) Onward(balancer string, port int, at string) (from []string, to []netip.AddrPort) {
	b := x.balancers[balancer]
	if b == nil {
		return nil, nil
	}
	l := listener(b, port)
	if l == nil {
		return nil, nil
	}
	in := x.zoneOf(at)
	for _, id := range b.Interfaces {
		if !b.Zonal || x.zoneOf(id) == in {
			from = append(from, id)
		}
	}
	for _, t := range l.Targets {
		if x.fronts[x.Owner(b.VPC, t.Addr())] == nil && (!b.Zonal || x.vpcs[b.VPC].zoneAt(t.Addr()) == in) {
			to = append(to, t)
		}
	}
	return from, to
}

// Front is how a connection came to a balancer.
type Front struct {
	Balancer, Endpoint, Interface string // Endpoint is empty for a connection to the balancer's own address
	Port                          int
}

// FrontOf is the front of a path that ended as Balanced.
func (x *Index) FrontOf(p *Path) Front {
	f := Front{Interface: p.Interface, Port: int(p.Target.Port())}
	if b := x.fronts[p.Interface]; b != nil {
		f.Balancer = b.ID
	} else if i := x.interfaces[p.Interface]; i != nil && x.endpoints[i.Endpoint] != nil {
		f.Endpoint, f.Balancer = i.Endpoint, x.endpoints[i.Endpoint].Balancer
	}
	return f
}

// Carries says whether a connection that came so may go on: the balancer listens still, and it is still
// the one there.
func (x *Index) Carries(f Front) bool {
	b, i := x.balancers[f.Balancer], x.interfaces[f.Interface]
	if b == nil || i == nil || i.Endpoint != f.Endpoint || listener(b, f.Port) == nil {
		return false
	}
	if f.Endpoint != "" {
		return x.endpoints[f.Endpoint] != nil && x.endpoints[f.Endpoint].Balancer == f.Balancer
	}
	return x.fronts[f.Interface] == b
}

// zoneOf is the zone that an interface is in.
func (x *Index) zoneOf(id string) string {
	i := x.interfaces[id]
	if i == nil {
		return ""
	}
	return x.vpcs[i.VPC].subnets[i.Subnet].Zone
}

// zoneAt is the zone that an address of a VPC is in; none is the zone of what is in no subnet.
func (v *vpcIndex) zoneAt(a netip.Addr) string {
	for _, s := range v.subnets {
		if s.CIDR.Contains(a) {
			return s.Zone
		}
	}
	return "none"
}

// listener is a balancer's listener on a port, if it has one.
func listener(b *network.Balancer, port int) *network.Listener {
	for i := range b.Listeners {
		if b.Listeners[i].Port == port {
			return &b.Listeners[i]
		}
	}
	return nil
}
