package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/value/catalogue"
	"cloister/internal/value/network"
)

// What can be changed of an estate. Each method chooses, asks the API and notes what follows from it.

var (
	everywhere = netip.MustParsePrefix("0.0.0.0/0")
	everything = network.Rule{Protocol: -1, From: -1, To: -1, CIDR: everywhere}
)

func https(r network.Rule) network.Rule {
	r.Protocol, r.From, r.To = 6, 443, 443
	return r
}

// rules are those that a group of a VPC may have.
func (e *estate) rules(v *network.VPC, egress bool) (list []network.Rule) {
	pool := []network.Rule{
		everything, https(network.Rule{CIDR: everywhere}), https(network.Rule{CIDR: v.CIDRs[0]}), https(network.Rule{CIDR: v.Subnets[0].CIDR}),
		https(network.Rule{Group: v.Groups[0].ID}), https(network.Rule{Group: v.Groups[1].ID}), https(network.Rule{Group: v.Groups[2].ID}),
		{Protocol: 6, From: 80, To: 100, CIDR: everywhere}, {Protocol: 17, From: 443, To: 443, CIDR: everywhere}, {Protocol: 6, From: 400, To: 500, CIDR: v.CIDRs[0]},
	}
	if e.peering != "" {
		other := &e.n.VPCs[0]
		if other.ID == v.ID {
			other = &e.n.VPCs[1]
		}
		pool = append(pool, https(network.Rule{CIDR: other.CIDRs[0]}), https(network.Rule{Group: other.Groups[0].ID}), https(network.Rule{Group: other.Groups[2].ID}))
	}
	if egress {
		pool = append(pool, https(network.Rule{Prefixes: storage().Prefixes}), https(network.Rule{Prefixes: storage().Prefixes}))
	}
	if egress && e.IntN(4) > 0 || e.IntN(6) == 0 {
		return pool[:1]
	}
	for range e.IntN(4) {
		r := one(e.Rand, pool...)
		if !slices.ContainsFunc(list, func(o network.Rule) bool { return spelt(1, o)[1] == spelt(1, r)[1] && fmt.Sprint(o) == fmt.Sprint(r) }) {
			list = append(list, r)
		}
	}
	return list
}

func storage() *catalogue.Service { row, _ := catalogue.ByID("s3"); return row }

// spelt is a rule as EC2's parameters.
func spelt(n int, r network.Rule) []string {
	p := fmt.Sprintf("IpPermissions.%d.", n)
	list := []string{p + "IpProtocol", map[int]string{-1: "-1", 6: "tcp", 17: "udp"}[r.Protocol]}
	if r.Protocol != -1 {
		list = append(list, p+"FromPort", fmt.Sprint(r.From), p+"ToPort", fmt.Sprint(r.To))
	}
	switch {
	case r.Group != "":
		return append(list, p+"Groups.1.GroupId", r.Group)
	case r.Prefixes != nil:
		return append(list, p+"PrefixListIds.1.PrefixListId", storage().PrefixList("us-east-1"))
	}
	return append(list, p+"IpRanges.1.CidrIp", r.CIDR.String())
}

// setRules gives a group other rules.
func (e *estate) setRules(v *network.VPC, g *network.Group) {
	for _, way := range []struct {
		name  string
		rules *[]network.Rule
	}{{"Ingress", &g.Ingress}, {"Egress", &g.Egress}} {
		now := e.rules(v, way.name == "Egress")
		for _, change := range []struct {
			name string
			list []network.Rule
		}{{"RevokeSecurityGroup", *way.rules}, {"AuthorizeSecurityGroup", now}} {
			pairs := []string{"GroupId", g.ID}
			for n, r := range change.list {
				pairs = append(pairs, spelt(n+1, r)...)
			}
			if len(change.list) > 0 {
				e.api("ec2", change.name+way.name, pairs...)
			}
		}
		*way.rules = now
	}
}

// setDNS sets both attributes of a VPC.
func (e *estate) setDNS(vpc string, support, hostnames bool) {
	e.api("ec2", "ModifyVpcAttribute", "VpcId", vpc, "EnableDnsSupport.Value", fmt.Sprint(support))
	e.api("ec2", "ModifyVpcAttribute", "VpcId", vpc, "EnableDnsHostnames.Value", fmt.Sprint(hostnames))
	*e.dns[vpc] = [2]bool{support, hostnames}
}

// setElastic gives an interface an elastic address, or takes it away.
func (e *estate) setElastic(id string) {
	i := e.iface(id)
	if i.Public.IsValid() {
		e.api("ec2", "DisassociateAddress", "AssociationId", e.elastics[id][1])
		e.api("ec2", "ReleaseAddress", "AllocationId", e.elastics[id][0])
		i.Public = netip.Addr{}
		return
	}
	made := e.api("ec2", "AllocateAddress", "Domain", "vpc")
	associated := e.api("ec2", "AssociateAddress", "AllocationId", made.one("allocationId"), "NetworkInterfaceId", id)
	e.elastics[id] = [2]string{made.one("allocationId"), associated.one("associationId")}
	i.Public = netip.MustParseAddr(made.one("publicIp"))
}

// addACL makes a network ACL that lets most things pass.
func (e *estate) addACL(v *network.VPC) {
	a := network.ACL{ID: e.api("ec2", "CreateNetworkAcl", "VpcId", v.ID).one("networkAclId")}
	for _, egress := range []bool{false, true} {
		var list []network.ACLEntry
		for range e.IntN(3) {
			list = append(list, network.ACLEntry{Allow: e.half(), Protocol: 6, From: one(e.Rand, 443, 1024), To: one(e.Rand, 1024, 65535),
				CIDR: one(e.Rand, everywhere, v.Subnets[0].CIDR, v.Subnets[1].CIDR, storage().Prefixes[0], netip.MustParsePrefix("203.0.113.0/24"))})
		}
		if e.often() {
			list = append(list, network.ACLEntry{Allow: true, Protocol: -1, From: -1, To: -1, CIDR: everywhere})
		}
		for n, r := range list {
			pairs := []string{"NetworkAclId", a.ID, "RuleNumber", fmt.Sprint(100 + n), "Protocol", fmt.Sprint(r.Protocol), "Egress", fmt.Sprint(egress),
				"RuleAction", map[bool]string{true: "allow", false: "deny"}[r.Allow], "CidrBlock", r.CIDR.String()}
			if r.Protocol == 6 {
				pairs = append(pairs, "PortRange.From", fmt.Sprint(r.From), "PortRange.To", fmt.Sprint(r.To))
			}
			e.api("ec2", "CreateNetworkAclEntry", pairs...)
		}
		if egress {
			a.Egress = list
		} else {
			a.Ingress = list
		}
	}
	v.ACLs, e.acls[v.ID] = append(v.ACLs, a), append(e.acls[v.ID], a.ID)
}

// setACL gives a subnet the other one of its VPC's two network ACLs.
func (e *estate) setACL(v *network.VPC, s *network.Subnet) {
	shown := e.api("ec2", "DescribeNetworkAcls", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", v.ID)
	associations, subnets := shown.all("networkAclAssociationId"), shown.all("subnetId")
	to := e.acls[v.ID][1]
	if s.ACL != "" {
		to = e.acls[v.ID][0]
	}
	e.api("ec2", "ReplaceNetworkAclAssociation", "AssociationId", associations[slices.Index(subnets, s.ID)], "NetworkAclId", to)
	if s.ACL = to; to == e.acls[v.ID][0] {
		s.ACL = ""
	}
}

// route leads tables to where they may lead.
func (e *estate) route(v *network.VPC) {
	for k := range v.Tables {
		e.setRoute(v, &v.Tables[k], everywhere, e.way(v, k))
		if e.peering != "" && e.often() {
			for _, other := range e.n.VPCs {
				if other.ID != v.ID {
					e.setRoute(v, &v.Tables[k], other.CIDRs[0], network.Target{Kind: network.ToPeering, ID: e.peering})
				}
			}
		}
	}
}

// way is a target for a subnet's default route; the first one is mostly public, and some have none.
func (e *estate) way(v *network.VPC, subnet int) (t network.Target) {
	public := network.Target{Kind: network.ToInternetGateway, ID: v.InternetGateway}
	if v.InternetGateway == "" || e.IntN(5) == 0 {
		return t
	}
	if subnet == 0 || e.IntN(6) == 0 {
		return public
	}
	for id := range e.nats {
		if e.iface(id).VPC == v.ID {
			return network.Target{Kind: network.ToInterface, ID: id}
		}
	}
	return t
}

// setRoute makes, replaces or (for no target) deletes the route of a range.
func (e *estate) setRoute(v *network.VPC, t *network.RouteTable, to netip.Prefix, target network.Target) {
	has := slices.IndexFunc(t.Routes, func(r network.Route) bool { return r.Destinations[0] == to })
	action := map[bool]string{true: "ReplaceRoute", false: "CreateRoute"}[has >= 0]
	if target.ID == "" {
		if has < 0 {
			return
		}
		action = "DeleteRoute"
	}
	pairs := []string{"RouteTableId", t.ID, "DestinationCidrBlock", to.String()}
	switch target.Kind {
	case network.ToInternetGateway:
		pairs = append(pairs, "GatewayId", target.ID)
	case network.ToPeering:
		pairs = append(pairs, "VpcPeeringConnectionId", target.ID)
	case network.ToInterface:
		pairs = append(pairs, "NatGatewayId", e.nats[target.ID])
	}
	e.api("ec2", action, pairs...)
	if has >= 0 {
		t.Routes = slices.Delete(t.Routes, has, has+1)
	}
	if target.ID != "" {
		t.Routes = append(t.Routes, network.Route{Destinations: []netip.Prefix{to}, Target: target})
	}
}

// setPrivate turns an endpoint's private names on or off, where both may be.
func (e *estate) setPrivate(p *ownEndpoint) {
	if p.gateway || p.row.ID == "s3" || !p.private && !(e.both(p.vpc) && e.free(p.vpc, catalogue.In(e.conf.Region, p.row.Hosts[0]))) {
		return
	}
	p.private = !p.private
	e.api("ec2", "ModifyVpcEndpoint", "VpcEndpointId", p.id, "PrivateDnsEnabled", fmt.Sprint(p.private))
}

// remove deletes an endpoint, its interfaces, names and routes.
func (e *estate) remove(p *ownEndpoint) {
	if slices.ContainsFunc(e.zones, func(z *ownZone) bool {
		_, id := z.alias()
		return id == p.id || strings.Contains(fmt.Sprint(z.names), p.id)
	}) {
		return // a name that stands for nothing is another test's
	}
	e.api("ec2", "DeleteVpcEndpoints", "VpcEndpointId.1", p.id)
	e.endpoints = slices.DeleteFunc(e.endpoints, func(o *ownEndpoint) bool { return o == p })
	e.n.Endpoints = slices.DeleteFunc(e.n.Endpoints, func(o network.Endpoint) bool { return o.ID == p.id })
	e.n.Interfaces = slices.DeleteFunc(e.n.Interfaces, func(i network.Interface) bool { return i.Endpoint == p.id })
	v := e.vpc(p.vpc)
	for k := range v.Tables {
		v.Tables[k].Routes = slices.DeleteFunc(v.Tables[k].Routes, func(r network.Route) bool { return r.Target.ID == p.id })
	}
}

// change does some things to an estate.
func (e *estate) change() {
	for range 12 {
		v := &e.n.VPCs[e.IntN(len(e.n.VPCs))]
		k, host, p := e.IntN(2), e.hosts(v.ID)[e.IntN(3)], one(e.Rand, e.endpoints...)
		switch e.IntN(22) {
		case 0, 1:
			e.setRules(v, &v.Groups[e.IntN(3)])
		case 2:
			e.setDNS(v.ID, e.often(), e.often())
		case 3:
			if v.InternetGateway != "" {
				e.setElastic(host)
			}
		case 4:
			e.setACL(v, &v.Subnets[k])
		case 5, 6:
			e.setRoute(v, &v.Tables[k], everywhere, e.way(v, k))
		case 7:
			if len(e.endpoints) > 2 {
				e.remove(p)
			}
		case 8:
			e.setPrivate(p)
		case 9, 10:
			e.setEndpointLaw(p)
		case 11, 12:
			e.setUserLaw(one(e.Rand, e.users...))
		case 13:
			e.setBucketLaw()
		case 14:
			e.setHostGroups(v, host)
		case 15:
			e.setEndpointGroups(p)
		case 16, 17:
			if p.gateway {
				e.setTables(p, &e.vpc(p.vpc).Tables[k])
			} else {
				e.setSubnets(p, &e.vpc(p.vpc).Subnets[k])
			}
		case 18:
			e.add(v)
		case 19:
			e.seldom(v)
		default:
			if len(e.zones) > 0 && e.half() {
				e.setZone(one(e.Rand, e.zones...), v)
			} else if len(e.zones) > 0 {
				e.setAlias(one(e.Rand, e.zones...))
			}
		}
	}
}

// seldom does what cannot be done often.
func (e *estate) seldom(v *network.VPC) {
	switch e.IntN(3) {
	case 0:
		e.unpeer()
	case 1:
		e.untranslate(v)
	case 2:
		e.again()
	}
}

// hosts are the interfaces of a VPC in which somebody can be.
func (e *estate) hosts(vpc string) (ids []string) {
	for _, i := range e.n.Interfaces {
		if i.VPC == vpc && i.Endpoint == "" && !i.NAT {
			ids = append(ids, i.ID)
		}
	}
	return ids
}
