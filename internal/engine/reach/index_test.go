package reach

import (
	"net/netip"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

func address(s string) netip.Addr { return netip.MustParseAddr(s) }

func sample() *network.Network {
	return &network.Network{
		VPCs: []network.VPC{{
			ID: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, Resolve: true,
			Subnets: []network.Subnet{{ID: "subnet-1", Table: "rtb-1", CIDR: netip.MustParsePrefix("10.0.1.0/24")}},
			Tables: []network.RouteTable{{ID: "rtb-1", Routes: []network.Route{
				{Destinations: []netip.Prefix{netip.MustParsePrefix("52.0.0.0/8"), netip.MustParsePrefix("52.9.0.0/16")}, Target: network.Target{Kind: network.ToEndpoint, ID: "vpce-s3"}},
				{Destinations: []netip.Prefix{netip.MustParsePrefix("52.9.0.0/16")}},
				{Destinations: []netip.Prefix{netip.MustParsePrefix("52.8.0.0/16")}},
				{Destinations: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Target: network.Target{Kind: network.ToEndpoint, ID: "vpce-s3"}},
			}}},
		}},
		Interfaces: []network.Interface{
			{ID: "eni-1", VPC: "vpc-1", Subnet: "subnet-1", Address: address("10.0.1.5")},
			{ID: "eni-e", VPC: "vpc-1", Subnet: "subnet-1", Address: address("10.0.1.10"), Endpoint: "vpce-sts"},
		},
		Endpoints: []network.Endpoint{
			{ID: "vpce-sts", VPC: "vpc-1", Service: "sts"},
			{ID: "vpce-s3", VPC: "vpc-1", Service: "s3", Gateway: true},
		},
		Internet: network.Internet{Doors: []netip.Addr{address("203.0.113.1")}},
	}
}

func TestOrigin(t *testing.T) {
	x, err := NewIndex(sample())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ vpc, source, target, endpoint, through string }{
		{"vpc-1", "10.0.1.5", "10.0.1.10", "vpce-sts", "eni-e"},
		{"vpc-1", "10.0.1.5", "52.1.2.3", "vpce-s3", ""},
		{"vpc-1", "10.0.1.5", "52.9.2.3", "vpce-s3", ""}, // of two routes the one that leads somewhere
		{"vpc-1", "10.0.1.5", "52.8.2.3", "", ""},        // the longer prefix is a black hole
		{"vpc-1", "10.0.1.5", "10.0.9.9", "", ""},        // the VPC's own range always wins
		{"vpc-1", "10.0.1.5", "10.1.9.9", "vpce-s3", ""},
		{"vpc-1", "10.0.1.5", "10.0.1.5", "", ""}, // an interface that is no endpoint's
		{"vpc-1", "10.0.1.6", "10.0.1.10", "", ""},
		{"vpc-1", "10.0.1.6", "52.1.2.3", "", ""},
		{"vpc-2", "10.0.1.5", "10.0.1.10", "", ""},
		{"", "10.0.1.5", "10.0.1.10", "", ""},
	} {
		o, ok := x.Origin(c.vpc, address(c.source), netip.AddrPortFrom(address(c.target), 443))
		if ok != (c.endpoint != "") || ok && (o.EndpointID != c.endpoint || o.EndpointInterface != c.through || o.Place != caller.Endpoint) {
			t.Errorf("%+v: %v %+v", c, ok, o)
		}
		if ok && !x.Stands(&o) {
			t.Errorf("%+v does not stand in its own index", c)
		}
	}
	if o, ok := x.Origin("", address("198.51.100.1"), netip.MustParseAddrPort("203.0.113.1:443")); !ok || o.Place != caller.Internet {
		t.Errorf("a door: %v %+v", ok, o)
	}
}

func TestStands(t *testing.T) {
	x, err := NewIndex(sample())
	if err != nil {
		t.Fatal(err)
	}
	o, _ := x.Origin("vpc-1", address("10.0.1.5"), netip.MustParseAddrPort("10.0.1.10:443"))
	for name, change := range map[string]func(*network.Network){
		"the caller is gone":             func(n *network.Network) { n.Interfaces = n.Interfaces[1:] },
		"the caller has another address": func(n *network.Network) { n.Interfaces[0].Address = address("10.0.1.6") },
		"the address has another owner":  func(n *network.Network) { n.Interfaces[0].ID = "eni-2" },
		"the endpoint's ENI is gone":     func(n *network.Network) { n.Interfaces = n.Interfaces[:1] },
		"the endpoint has another ENI":   func(n *network.Network) { n.Interfaces[1].ID = "eni-f" },
		"the ENI has another endpoint": func(n *network.Network) {
			n.Endpoints = append(n.Endpoints, network.Endpoint{ID: "vpce-2", VPC: "vpc-1"})
			n.Interfaces[1].Endpoint = "vpce-2"
		},
		"all is gone": func(n *network.Network) { *n = network.Network{} },
	} {
		n := sample()
		change(n)
		after, err := NewIndex(n)
		if err != nil {
			t.Fatal(name, err)
		}
		if after.Stands(&o) {
			t.Errorf("stands although %s", name)
		}
	}
}
