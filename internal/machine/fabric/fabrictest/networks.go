package fabrictest

import (
	"net/netip"

	"cloister/internal/value/network"
)

// Rules, short enough for tables.

func from(cidr string, protocol, low, high int) network.Rule {
	return network.Rule{Protocol: protocol, From: low, To: high, CIDR: netip.MustParsePrefix(cidr)}
}

func tcpFrom(cidr string, low, high int) network.Rule { return from(cidr, 6, low, high) }

func member(group string, low, high int) network.Rule {
	return network.Rule{Protocol: 6, From: low, To: high, Group: group}
}

var anything = network.Rule{Protocol: -1, From: -1, To: -1, CIDR: netip.MustParsePrefix("0.0.0.0/0")}

func open(id string) network.Group {
	return network.Group{ID: id, Ingress: []network.Rule{anything}, Egress: []network.Rule{anything}}
}

func group(id string, ingress ...network.Rule) network.Group {
	return network.Group{ID: id, Ingress: ingress, Egress: []network.Rule{anything}}
}

// vpc is a VPC 10.0.0.0/16 with two subnets, 10.0.1.0/24 whose table is rtb-1, 10.0.2.0/24 whose
// table is rtb-2; both are empty. Its ids end in suffix.
func vpc(suffix string, groups ...network.Group) network.VPC {
	return network.VPC{
		ID:      "vpc-" + suffix,
		CIDRs:   prefixes("10.0.0.0/16"),
		Resolve: true,
		Subnets: []network.Subnet{
			{ID: "subnet-1" + suffix, Table: "rtb-1" + suffix, CIDR: netip.MustParsePrefix("10.0.1.0/24")},
			{ID: "subnet-2" + suffix, Table: "rtb-2" + suffix, CIDR: netip.MustParsePrefix("10.0.2.0/24")},
		},
		Tables: []network.RouteTable{{ID: "rtb-1" + suffix}, {ID: "rtb-2" + suffix}},
		Groups: groups,
	}
}

// eni is an interface in the subnet that its address is in.
func eni(suffix, id, address string, groups ...string) network.Interface {
	a := netip.MustParseAddr(address)
	subnet := "subnet-1"
	if a.As4()[2] == 2 {
		subnet = "subnet-2"
	}
	return network.Interface{ID: id, VPC: "vpc-" + suffix, Subnet: subnet + suffix, Address: a, Groups: groups}
}

func endpointENI(suffix, id, address, endpoint string, groups ...string) network.Interface {
	i := eni(suffix, id, address, groups...)
	i.Endpoint = endpoint
	return i
}

const (
	sts = "com.amazonaws.us-east-1.sts"
	s3  = "com.amazonaws.us-east-1.s3"
)

func gatewayEndpoint(suffix, id string) network.Endpoint {
	return network.Endpoint{ID: id, VPC: "vpc-" + suffix, Service: s3, Gateway: true, Prefixes: prefixes("52.216.0.0/15 54.231.0.0/17")}
}

func toGateway(endpoint string) network.Route {
	return network.Route{Destinations: prefixes("52.216.0.0/15 54.231.0.0/17"), Target: network.Target{Kind: network.ToEndpoint, ID: endpoint}}
}
