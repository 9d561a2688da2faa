package reach

import (
	"net/netip"
	"slices"

	"cloister/internal/value/network"
)

// way is the route that counts for an address. Its Target is a Blackhole when there is no route, or
// none that leads somewhere.
type way struct {
	Table       string
	Destination netip.Prefix // invalid when there is no route at all
	Target      network.Target
	dead        network.Target // what a blackhole was meant to lead to
}

// route finds the way from a subnet to an address outside the VPC: the longest prefix, and of equal
// ones the first that leads somewhere.
func (x *Index) route(v *vpcIndex, subnet string, to netip.Addr) way {
	found := way{}
	s := v.subnets[subnet]
	if s == nil || v.tables[s.Table] == nil {
		return found
	}
	found.Table = s.Table
	for _, r := range v.tables[s.Table].Routes {
		leads := x.leads(v, r.Target)
		for _, p := range r.Destinations {
			if !p.Contains(to) {
				continue
			}
			better := !found.Destination.IsValid() || p.Bits() > found.Destination.Bits()
			equal := !better && p.Bits() == found.Destination.Bits()
			switch {
			case leads && (better || equal && found.Target.Kind == network.Blackhole):
				found.Destination, found.Target = p, r.Target
			case better:
				found.Destination, found.Target, found.dead = p, network.Target{}, r.Target
			}
		}
	}
	return found
}

// leads says whether a target exists and may be led to from this VPC.
func (x *Index) leads(v *vpcIndex, t network.Target) bool {
	switch t.Kind {
	case network.ToEndpoint:
		e := x.endpoints[t.ID]
		return e != nil && e.Gateway && e.VPC == v.ID
	case network.ToInternetGateway:
		return t.ID != "" && t.ID == v.InternetGateway
	case network.ToPeering:
		return x.across(v, t.ID) != nil
	case network.ToVPN:
		return v.VPN != nil && v.VPN.ID == t.ID
	case network.ToInterface:
		i := x.interfaces[t.ID]
		return i != nil && i.VPC == v.ID && i.Own() && (i.NAT || i.Forwards)
	}
	return false
}

// across is the VPC at the other side of a peering.
func (x *Index) across(v *vpcIndex, peering string) *vpcIndex {
	p := x.peerings[peering]
	switch {
	case p == nil:
		return nil
	case p.VPCs[0] == v.ID:
		return x.vpcs[p.VPCs[1]]
	case p.VPCs[1] == v.ID:
		return x.vpcs[p.VPCs[0]]
	}
	return nil
}

// tunnelTo is the tunnel behind which an address is.
func (v *vpcIndex) tunnelTo(a netip.Addr) *network.Tunnel {
	if v.VPN == nil {
		return nil
	}
	for i := range v.VPN.Tunnels {
		if t := &v.VPN.Tunnels[i]; slices.ContainsFunc(t.Networks, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return t
		}
	}
	return nil
}
