package reach

import (
	"net/netip"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// Origin tells the path of a connection that arrived in a VPC (or, for the empty id, on the
// internet): at an endpoint, a door, or where credentials are told. It is not ok when the target is no endpoint there and no door, or when the source is
// nobody who can send there: an interface that was just removed.
//
// The source may be an interface of that VPC; or one of a peered VPC, if the endpoint's own subnet
// has a route back to it; or, likewise, an address behind a VPN tunnel, whose owner nobody knows.
func (x *Index) Origin(vpc string, source netip.Addr, target netip.AddrPort) (caller.Origin, bool) {
	o := caller.Origin{Source: source, Target: target}
	if vpc == "" {
		return o, x.doors[target.Addr()]
	}
	v := x.vpcs[vpc]
	if v == nil {
		return o, false
	}
	o.Place, o.VPC = caller.Endpoint, vpc
	from := v.byAddress[source]
	if metadata(target.Addr()) {
		if from == nil || !informed(from) || target.Port() != metadataPort {
			return o, false
		}
		o.Place, o.Interface, o.Subnet = caller.Metadata, from.ID, from.Subnet
		return o, true
	}
	var e *network.Endpoint
	if to := v.byAddress[target.Addr()]; to != nil {
		known := from != nil
		if !v.holds(source) {
			from, known = x.beyond(v, to.Subnet, source)
		}
		if !known {
			return o, false
		}
		e, o.EndpointInterface = x.endpoints[to.Endpoint], to.ID
	} else if from != nil && !v.holds(target.Addr()) {
		r := x.route(v, from.Subnet, target.Addr())
		e = x.endpoints[r.Target.ID]
		if r.Target.Kind != network.ToEndpoint {
			e = nil
		}
	}
	if e == nil {
		return o, false
	}
	if from != nil {
		o.Interface, o.Subnet = from.ID, from.Subnet
	}
	o.EndpointID, o.Service = e.ID, e.Service
	return o, true
}

// beyond finds who has an address outside a VPC, by the route that a subnet has for it: an interface
// through a peering, or somebody (nil, but known) at the other end of a tunnel.
func (x *Index) beyond(v *vpcIndex, subnet string, a netip.Addr) (who *network.Interface, known bool) {
	switch r := x.route(v, subnet, a); r.Target.Kind {
	case network.ToPeering:
		who = x.across(v, r.Target.ID).byAddress[a]
		return who, who != nil
	case network.ToVPN:
		return nil, v.tunnelTo(a) != nil
	}
	return nil, false
}

// Stands says whether the path that an Origin tells exists still: its endpoint, the interface
// that took the connection and the interface that made it; or the door, and on the internet the host
// or the elastic address that it came from.
func (x *Index) Stands(o *caller.Origin) bool {
	if o.Place == caller.Internet {
		return x.doors[o.Target.Addr()] && (x.standing[o.Source] != "" || x.elastic[o.Source] != nil)
	}
	now, ok := x.Origin(o.VPC, o.Source, o.Target)
	return ok && now == *o
}
