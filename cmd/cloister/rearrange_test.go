package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/value/catalogue"
	"cloister/internal/value/network"
)

// More that can be changed of an estate: who belongs to what, and what comes and goes.

// setHostGroups gives a host some of its VPC's groups.
func (e *estate) setHostGroups(v *network.VPC, id string) {
	i := e.iface(id)
	i.Groups = nil
	pairs := []string{"NetworkInterfaceId", id}
	for _, k := range e.Perm(3)[:1+e.IntN(2)] {
		i.Groups = append(i.Groups, v.Groups[k].ID)
		pairs = append(pairs, fmt.Sprintf("SecurityGroupId.%d", len(i.Groups)), v.Groups[k].ID)
	}
	e.api("ec2", "ModifyNetworkInterfaceAttribute", pairs...)
}

// setEndpointGroups adds or removes one of an interface endpoint's groups.
func (e *estate) setEndpointGroups(p *ownEndpoint) {
	if p.gateway {
		return
	}
	groups := e.iface(p.interfaces[0]).Groups
	group := e.vpc(p.vpc).Groups[2*e.IntN(2)].ID
	action, now := "AddSecurityGroupId.1", append(slices.Clone(groups), group)
	if slices.Contains(groups, group) {
		action, now = "RemoveSecurityGroupId.1", slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return g == group })
	}
	if len(now) == 0 {
		return
	}
	e.api("ec2", "ModifyVpcEndpoint", "VpcEndpointId", p.id, action, group)
	for _, id := range p.interfaces {
		e.iface(id).Groups = now
	}
}

// setTables adds a gateway endpoint to a route table, or takes it from there.
func (e *estate) setTables(p *ownEndpoint, t *network.RouteTable) {
	leads := func(r network.Route) bool { return r.Target.ID == p.id }
	if slices.ContainsFunc(t.Routes, leads) {
		e.api("ec2", "ModifyVpcEndpoint", "VpcEndpointId", p.id, "RemoveRouteTableId.1", t.ID)
		t.Routes = slices.DeleteFunc(t.Routes, leads)
		return
	}
	e.api("ec2", "ModifyVpcEndpoint", "VpcEndpointId", p.id, "AddRouteTableId.1", t.ID)
	t.Routes = append(t.Routes, network.Route{Destinations: p.row.Prefixes, Target: network.Target{Kind: network.ToEndpoint, ID: p.id}})
}

// setSubnets gives an interface endpoint an interface in one subnet more, or takes one away.
func (e *estate) setSubnets(p *ownEndpoint, s *network.Subnet) {
	if p.gateway {
		return
	}
	at := slices.IndexFunc(p.interfaces, func(id string) bool { return e.iface(id).Subnet == s.ID })
	if at < 0 {
		e.api("ec2", "ModifyVpcEndpoint", "VpcEndpointId", p.id, "AddSubnetId.1", s.ID,
			"SubnetConfiguration.1.SubnetId", s.ID, "SubnetConfiguration.1.Ipv4", p.address(s).String())
		e.stand(p, s, e.iface(p.interfaces[0]).Groups)
		return
	}
	if len(p.interfaces) == 1 {
		return
	}
	e.api("ec2", "ModifyVpcEndpoint", "VpcEndpointId", p.id, "RemoveSubnetId.1", s.ID)
	gone := p.interfaces[at]
	p.interfaces = slices.Delete(p.interfaces, at, at+1)
	e.n.Interfaces = slices.DeleteFunc(e.n.Interfaces, func(i network.Interface) bool { return i.ID == gone })
}

// add makes an endpoint of a service that its VPC has none of; its policy is the default one.
func (e *estate) add(v *network.VPC) {
	service := one(e.Rand, "sagemaker", "ec2", "logs")
	if !slices.ContainsFunc(e.endpoints, func(p *ownEndpoint) bool { return p.vpc == v.ID && p.row.ID == service }) {
		e.endpoint(v, service, false)
	}
}

// unpeer deletes the peering connection; what leads there is a black hole then.
func (e *estate) unpeer() {
	if e.peering != "" {
		e.api("ec2", "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", e.peering)
		e.peering, e.n.Peerings = "", nil
	}
}

// untranslate deletes a VPC's NAT gateway.
func (e *estate) untranslate(v *network.VPC) {
	for id, gateway := range e.nats {
		if e.iface(id).VPC == v.ID {
			e.api("ec2", "DeleteNatGateway", "NatGatewayId", gateway)
			delete(e.nats, id)
			e.n.Interfaces = slices.DeleteFunc(e.n.Interfaces, func(i network.Interface) bool { return i.ID == id })
		}
	}
}

// setZone shows a zone to a VPC, or hides it.
func (e *estate) setZone(z *ownZone, v *network.VPC) {
	if at := slices.Index(z.vpcs, v.ID); at >= 0 {
		if len(z.vpcs) > 1 { // the last one stays
			e.associate(z, v.ID, "disassociatevpc", "DisassociateVPCFromHostedZoneRequest")
			z.vpcs = slices.Delete(z.vpcs, at, at+1)
		}
		return
	}
	if e.free(v.ID, z.apex) {
		e.associate(z, v.ID, "associatevpc", "AssociateVPCWithHostedZoneRequest")
		z.vpcs = append(z.vpcs, v.ID)
	}
}

// free says whether nothing else answers for a name in a VPC, an endpoint or a zone.
func (e *estate) free(vpc, name string) bool {
	return !slices.ContainsFunc(e.zones, func(z *ownZone) bool { return z.apex == name && slices.Contains(z.vpcs, vpc) }) &&
		!slices.ContainsFunc(e.endpoints, func(p *ownEndpoint) bool {
			return p.vpc == vpc && p.private && catalogue.In(e.conf.Region, p.row.Hosts[0]) == name
		})
}

// setAlias has a zone's alias stand for another endpoint of the same service.
func (e *estate) setAlias(z *ownZone) {
	name, now := z.alias()
	for _, p := range e.endpoints {
		if p.row == e.known(now).row && p.id != now && !p.gateway {
			e.record(z, "UPSERT", name, p)
			z.aliases[name] = p.id
			return
		}
	}
}

func (e *estate) known(id string) *ownEndpoint {
	return e.endpoints[slices.IndexFunc(e.endpoints, func(p *ownEndpoint) bool { return p.id == id })]
}

// again restarts the Cloister.
func (e *estate) again() {
	e.http.CloseIdleConnections()
	e.restart()
	e.said = append(e.said, "(a restart)")
}

// address is where an endpoint stands in a subnet.
func (p *ownEndpoint) address(s *network.Subnet) netip.Addr { return at(s.CIDR, 30+p.number) }

// zonal is an endpoint's name in a zone, made of its regional one.
func (p *ownEndpoint) zonal(zone string) string {
	own := p.regional[strings.Index(p.regional, "vpce-"):]
	label, _, _ := strings.Cut(own, ".")
	return strings.Replace(p.regional, label, label+"-"+zone, 1)
}
