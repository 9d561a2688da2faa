package reach

import (
	"net/netip"
	"testing"

	"cloister/internal/value/network"
)

func TestContradictions(t *testing.T) {
	if _, err := NewIndex(estate()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*network.Network){
		"a VPC twice":                        func(n *network.Network) { n.VPCs = append(n.VPCs, n.VPCs[0]) },
		"no range":                           func(n *network.Network) { n.VPCs[0].CIDRs = nil },
		"an IPv6 range":                      func(n *network.Network) { n.VPCs[0].CIDRs[0] = netip.MustParsePrefix("fd00::/56") },
		"ranges of one VPC that overlap":     func(n *network.Network) { n.VPCs[0].CIDRs[1] = netip.MustParsePrefix("10.0.8.0/24") },
		"a table twice":                      func(n *network.Network) { n.VPCs[0].Tables = append(n.VPCs[0].Tables, n.VPCs[0].Tables[0]) },
		"a group twice":                      func(n *network.Network) { n.VPCs[0].Groups = append(n.VPCs[0].Groups, n.VPCs[0].Groups[0]) },
		"a rule with two peers":              func(n *network.Network) { n.VPCs[0].Groups[0].Ingress[0].Group = "sg-web" },
		"an ACL twice":                       func(n *network.Network) { n.VPCs[0].ACLs = append(n.VPCs[0].ACLs, n.VPCs[0].ACLs[0]) },
		"an ACL entry without a range":       func(n *network.Network) { n.VPCs[0].ACLs[0].Egress[0].CIDR = netip.Prefix{} },
		"a subnet twice":                     func(n *network.Network) { n.VPCs[0].Subnets[1].ID = "pub" },
		"subnets that overlap":               func(n *network.Network) { n.VPCs[0].Subnets[1].CIDR = netip.MustParsePrefix("10.0.1.128/25") },
		"a subnet larger than its VPC":       func(n *network.Network) { n.VPCs[1].Subnets[0].CIDR = netip.MustParsePrefix("10.0.0.0/15") },
		"a subnet elsewhere":                 func(n *network.Network) { n.VPCs[1].Subnets[0].CIDR = netip.MustParsePrefix("10.9.1.0/24") },
		"an endpoint twice":                  func(n *network.Network) { n.Endpoints = append(n.Endpoints, n.Endpoints[0]) },
		"an endpoint nowhere":                func(n *network.Network) { n.Endpoints[0].VPC = "vpc-z" },
		"a gateway endpoint with a balancer": func(n *network.Network) { n.Endpoints[1].Balancer = "nlb-1" },
		"an interface twice":                 func(n *network.Network) { n.Interfaces[1].ID = "eni-pub" },
		"an interface nowhere":               func(n *network.Network) { n.Interfaces[1].VPC = "vpc-z" },
		"an address outside the subnet":      func(n *network.Network) { n.Interfaces[1].Address = address("10.0.2.77") },
		"the router's address":               func(n *network.Network) { n.Interfaces[1].Address = address("10.0.1.1") },
		"an address twice":                   func(n *network.Network) { n.Interfaces[1].Address = n.Interfaces[0].Address },
		"an endpoint that is a gateway":      func(n *network.Network) { n.Interfaces[1].Endpoint = "vpce-s3" },
		"an endpoint and a resolver":         func(n *network.Network) { n.Interfaces[8].Resolver = true },
		"an endpoint that translates":        func(n *network.Network) { n.Interfaces[8].NAT = true },
		"an endpoint with a public address":  func(n *network.Network) { n.Interfaces[8].Public = address("198.18.0.99") },
		"a public address twice":             func(n *network.Network) { n.Interfaces[1].Public = n.Interfaces[0].Public },
		"the resolver's public address":      func(n *network.Network) { n.Interfaces[1].Public = PublicResolver },
		"a door's public address":            func(n *network.Network) { n.Interfaces[1].Public = n.Internet.Doors[0] },
		"a host's public address":            func(n *network.Network) { n.Interfaces[1].Public = n.Internet.Hosts[0].Address },
		"a host twice":                       func(n *network.Network) { n.Internet.Hosts[1].ID = "host-1" },
		"two hosts at one address":           func(n *network.Network) { n.Internet.Hosts[1].Address = n.Internet.Hosts[0].Address },
		"an isolated one twice":              func(n *network.Network) { n.Isolated = append(n.Isolated, "eni-pub") },
		"a peering twice":                    func(n *network.Network) { n.Peerings[1].ID = "pcx-ab" },
		"a peering with itself":              func(n *network.Network) { n.Peerings[1].VPCs[1] = "vpc-b" },
		"two peerings of one pair":           func(n *network.Network) { n.Peerings[2].VPCs = [2]string{"vpc-b", "vpc-a"} },
		"a peering of equal ranges":          func(n *network.Network) { n.Peerings[2].VPCs[1] = "vpc-c" },
		"a balancer twice":                   func(n *network.Network) { n.Balancers = append(n.Balancers, n.Balancers[0]) },
		"a balancer nowhere":                 func(n *network.Network) { n.Balancers[0].VPC = "vpc-z" },
		"a balancer with groups":             func(n *network.Network) { n.Balancers[0].Interfaces[0] = "eni-pub" },
		"a listener twice":                   func(n *network.Network) { n.Balancers[0].Listeners[1].Port = 80 },
		"a listener without a port":          func(n *network.Network) { n.Balancers[0].Listeners[1].Port = 0 },
		"an internet gateway twice":          func(n *network.Network) { n.VPCs[1].InternetGateway = "igw-a" },
		"a VPN gateway twice":                func(n *network.Network) { n.VPCs[1].VPN = &network.VPN{ID: "vgw-a"} },
		"a VPN port twice":                   func(n *network.Network) { n.VPCs[1].VPN = &network.VPN{ID: "vgw-b", Port: 51820} },
		"a tunnel twice":                     func(n *network.Network) { n.VPCs[0].VPN.Tunnels[1].ID = "vpn-1" },
		"a network behind two tunnels":       func(n *network.Network) { n.VPCs[0].VPN.Tunnels[1].Networks = ranges("192.168.1.0/24") },
	} {
		n := estate()
		spoil(n)
		if _, err := NewIndex(n); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
