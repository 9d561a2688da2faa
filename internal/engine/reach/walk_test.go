package reach

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

func ranges(texts ...string) (list []netip.Prefix) {
	for _, s := range texts {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

func route(kind network.TargetKind, id string, to ...string) network.Route {
	return network.Route{Destinations: ranges(to...), Target: network.Target{Kind: kind, ID: id}}
}

var everything = network.Rule{Protocol: -1, From: -1, To: -1, CIDR: netip.MustParsePrefix("0.0.0.0/0")}

func entry(allow bool, protocol, from, to int, cidr string) network.ACLEntry {
	return network.ACLEntry{Allow: allow, Protocol: protocol, From: from, To: to, CIDR: netip.MustParsePrefix(cidr)}
}

var passAll = entry(true, -1, -1, -1, "0.0.0.0/0")

// estate is a network with one of everything. vpc-a (10.0) has a public subnet, a private one that
// leads to a NAT gateway, and one with a network ACL; vpc-b (10.1) is peered with it, and vpc-c (10.0
// again) with vpc-b. A customer's network 192.168.0.0/16 is behind vpc-a's VPN gateway.
func estate() *network.Network {
	n := &network.Network{
		VPCs: []network.VPC{
			{ID: "vpc-a", CIDRs: ranges("10.0.0.0/16", "10.7.0.0/16"), Resolve: true, InternetGateway: "igw-a",
				Subnets: []network.Subnet{
					{ID: "pub", Table: "rtb-pub", Zone: "1", CIDR: netip.MustParsePrefix("10.0.1.0/24")},
					{ID: "priv", Table: "rtb-priv", Zone: "2", CIDR: netip.MustParsePrefix("10.0.2.0/24")},
					{ID: "acl", Table: "rtb-pub", ACL: "acl-1", CIDR: netip.MustParsePrefix("10.0.3.0/24")},
					{ID: "bare", Table: "rtb-none", CIDR: netip.MustParsePrefix("10.7.0.0/24")},
				},
				Tables: []network.RouteTable{
					{ID: "rtb-pub", Routes: []network.Route{
						route(network.ToInternetGateway, "igw-a", "0.0.0.0/0"), route(network.ToPeering, "pcx-ab", "10.1.0.0/16"),
						route(network.ToVPN, "vgw-a", "192.168.0.0/16"), route(network.ToEndpoint, "vpce-s3", "52.216.0.0/15"),
						route(network.ToInterface, "eni-fw", "100.64.0.0/16"), route(network.ToInternetGateway, "igw-gone", "198.51.100.9/32"),
						route(network.ToInterface, "eni-plain", "100.65.0.0/16"), route(network.ToPeering, "pcx-gone", "100.66.0.0/16"),
						route(network.ToInterface, "eni-b", "100.67.0.0/16"), route(network.ToPeering, "pcx-half", "100.68.0.0/16"),
						route(network.ToVPN, "vgw-b", "100.69.0.0/16"), route(network.ToEndpoint, "vpce-sts", "100.70.0.0/16"),
						route(network.Blackhole, "", "203.0.113.2/32"), route(network.ToInternetGateway, "igw-a", "203.0.113.2/32"),
						route(network.ToInterface, "eni-nat", "100.71.0.0/16"), route(network.ToVPN, "vgw-a", "100.72.0.0/16"),
					}},
					{ID: "rtb-priv", Routes: []network.Route{
						route(network.ToInterface, "eni-nat", "0.0.0.0/0"), route(network.ToInterface, "eni-nat", "10.1.0.0/16"),
						route(network.ToInternetGateway, "igw-a", "198.51.100.8/32"), route(network.ToInterface, "eni-fw", "100.64.0.0/16"),
					}},
				},
				Groups: []network.Group{
					{ID: "sg-open", Ingress: []network.Rule{everything}, Egress: []network.Rule{everything}},
					{ID: "sg-web", Ingress: []network.Rule{{Protocol: TCP, From: 80, To: 443, Group: "sg-open"}}},
					{ID: "sg-peer", Ingress: []network.Rule{{Protocol: TCP, From: 443, To: 443, Group: "sg-b"}}, Egress: []network.Rule{{Protocol: TCP, From: 443, To: 443, Group: "sg-b"}}},
					{ID: "sg-echo", Ingress: []network.Rule{{Protocol: ICMP, From: 8, To: -1, Prefixes: ranges("10.0.0.0/16")}}},
				},
				ACLs: []network.ACL{{ID: "acl-1",
					Ingress: []network.ACLEntry{entry(false, TCP, 443, 443, "10.0.2.0/24"), entry(true, TCP, 443, 443, "0.0.0.0/0"), entry(true, TCP, 50000, 65535, "0.0.0.0/0"), entry(true, ICMP, 8, 0, "0.0.0.0/0"), entry(true, 47, 0, 0, "0.0.0.0/0")},
					Egress:  []network.ACLEntry{entry(true, TCP, 0, 49999, "10.0.0.0/16"), entry(true, -1, -1, -1, "10.0.2.0/24"), entry(true, TCP, 443, 443, "0.0.0.0/0")}}},
				VPN: &network.VPN{ID: "vgw-a", Port: 51820, Tunnels: []network.Tunnel{{ID: "vpn-1", Networks: ranges("192.168.0.0/17")}, {ID: "vpn-2", Networks: ranges("192.168.128.0/17")}}},
			},
			{ID: "vpc-b", CIDRs: ranges("10.1.0.0/16"), InternetGateway: "igw-b",
				Subnets: []network.Subnet{{ID: "b", Table: "rtb-b", CIDR: netip.MustParsePrefix("10.1.1.0/24")}, {ID: "b2", Table: "rtb-b2", CIDR: netip.MustParsePrefix("10.1.2.0/24")}},
				Tables: []network.RouteTable{{ID: "rtb-b", Routes: []network.Route{route(network.ToPeering, "pcx-ab", "10.0.0.0/16", "203.0.113.0/24", "52.216.0.0/15")}},
					{ID: "rtb-b2", Routes: []network.Route{route(network.ToPeering, "pcx-bc", "10.0.0.0/16")}}},
				Groups: []network.Group{{ID: "sg-b", Ingress: []network.Rule{everything}, Egress: []network.Rule{everything}}},
			},
			{ID: "vpc-c", CIDRs: ranges("10.0.0.0/16"),
				Subnets: []network.Subnet{{ID: "c", Table: "rtb-c", CIDR: netip.MustParsePrefix("10.0.1.0/24")}},
				Tables:  []network.RouteTable{{ID: "rtb-c", Routes: []network.Route{route(network.ToPeering, "pcx-bc", "10.1.0.0/16")}}},
				Groups:  []network.Group{{ID: "sg-open", Ingress: []network.Rule{everything}, Egress: []network.Rule{everything}}},
			},
		},
		Endpoints: []network.Endpoint{
			{ID: "vpce-sts", VPC: "vpc-a", Service: "sts"}, {ID: "vpce-s3", VPC: "vpc-a", Service: "s3", Gateway: true},
			{ID: "vpce-svc", VPC: "vpc-b", Service: "own", Balancer: "nlb-1"}, {ID: "vpce-lost", VPC: "vpc-b", Service: "lost", Balancer: "nlb-gone"},
			{ID: "vpce-b", VPC: "vpc-b", Service: "sts"},
		},
		Peerings: []network.Peering{{ID: "pcx-ab", VPCs: [2]string{"vpc-a", "vpc-b"}}, {ID: "pcx-bc", VPCs: [2]string{"vpc-b", "vpc-c"}}, {ID: "pcx-half", VPCs: [2]string{"vpc-a", "vpc-gone"}}},
		Balancers: []network.Balancer{{ID: "nlb-1", VPC: "vpc-a", Interfaces: []string{"eni-lb"}, Listeners: []network.Listener{
			{Port: 80, Targets: []netip.AddrPort{netip.MustParseAddrPort("10.0.1.5:8080"), netip.MustParseAddrPort("10.0.1.6:8080"), netip.MustParseAddrPort("10.0.1.20:80"), netip.MustParseAddrPort("10.0.9.9:80"), netip.MustParseAddrPort("10.0.1.30:443")}},
			{Port: 81}}},
			{ID: "nlb-2", VPC: "vpc-a", Interfaces: []string{"eni-lb1", "eni-lb2"}, Zonal: true, Listeners: []network.Listener{
				{Port: 80, Targets: []netip.AddrPort{netip.MustParseAddrPort("10.0.1.5:8080"), netip.MustParseAddrPort("10.0.1.20:80")}}}}},
		Isolated: []string{"job"},
		Internet: network.Internet{Doors: []netip.Addr{address("203.0.113.1"), address("203.0.113.2")},
			Hosts: []network.Host{{ID: "host-1", Address: address("198.51.100.7")}, {ID: "host-2", Address: address("198.51.100.8")}, {ID: "host-3", Address: address("198.51.100.9")}}},
	}
	add := func(id, vpc, subnet, at, groups string, change ...func(*network.Interface)) {
		i := network.Interface{ID: id, VPC: vpc, Subnet: subnet, Address: address(at), Groups: strings.Fields(groups)}
		for _, c := range change {
			c(&i)
		}
		n.Interfaces = append(n.Interfaces, i)
	}
	public := func(a string) func(*network.Interface) { return func(i *network.Interface) { i.Public = address(a) } }
	of := func(e string) func(*network.Interface) { return func(i *network.Interface) { i.Endpoint = e } }
	add("eni-pub", "vpc-a", "pub", "10.0.1.5", "sg-open", public("198.18.0.5"))
	add("eni-plain", "vpc-a", "pub", "10.0.1.6", "sg-web")
	add("eni-peer", "vpc-a", "pub", "10.0.1.7", "sg-peer")
	add("eni-echo", "vpc-a", "pub", "10.0.1.8", "sg-echo")
	add("eni-lb", "vpc-a", "pub", "10.0.1.20", "", func(i *network.Interface) { i.Open = true })
	add("eni-nat", "vpc-a", "pub", "10.0.1.21", "", public("198.18.0.21"), func(i *network.Interface) { i.NAT = true })
	add("eni-fw", "vpc-a", "pub", "10.0.1.22", "sg-open", func(i *network.Interface) { i.Forwards = true })
	add("eni-in", "vpc-a", "pub", "10.0.1.23", "sg-open", func(i *network.Interface) { i.Resolver = true })
	add("eni-sts", "vpc-a", "pub", "10.0.1.30", "sg-open", of("vpce-sts"))
	add("eni-priv", "vpc-a", "priv", "10.0.2.5", "sg-open", public("198.18.0.25"))
	add("eni-acl", "vpc-a", "acl", "10.0.3.5", "sg-open", public("198.18.0.35"))
	add("eni-acl2", "vpc-a", "acl", "10.0.3.6", "sg-open")
	add("eni-stsacl", "vpc-a", "acl", "10.0.3.30", "sg-open", of("vpce-sts"))
	add("eni-bare", "vpc-a", "bare", "10.7.0.5", "sg-open", public("198.18.0.75"))
	add("eni-b", "vpc-b", "b", "10.1.1.5", "sg-b", public("198.18.1.5"))
	add("eni-b2", "vpc-b", "b2", "10.1.2.5", "sg-b")
	add("eni-svc", "vpc-b", "b", "10.1.1.30", "sg-b", of("vpce-svc"))
	add("eni-lost", "vpc-b", "b", "10.1.1.31", "sg-b", of("vpce-lost"))
	add("eni-ep", "vpc-b", "b2", "10.1.2.30", "sg-b", of("vpce-b"))
	add("eni-c", "vpc-c", "c", "10.0.1.5", "sg-open")
	add("eni-c7", "vpc-c", "c", "10.0.1.9", "sg-open")
	add("eni-lb1", "vpc-a", "pub", "10.0.1.28", "", func(i *network.Interface) { i.Open = true })
	add("eni-lb2", "vpc-a", "priv", "10.0.2.28", "", func(i *network.Interface) { i.Open = true })
	return n
}

func TestWalk(t *testing.T) {
	x, err := NewIndex(estate())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		source string // where the rule is written
		probe  string // from, perhaps @source, the protocol if not TCP, to
		want   string // kind, interface or endpoint, source; for a drop a part of the reason
	}{
		{"groups are stateful; egress and ingress (VPC guide, security groups)", "eni-pub 10.0.1.6:443", "delivered eni-plain 10.0.1.5"},
		{"groups allow ports only as listed", "eni-pub 10.0.1.6:444", "dropped no group has a rule for packets from"},
		{"a group without egress rules sends nothing", "eni-plain 10.0.1.5:443", "dropped eni-plain: no group has a rule for packets to"},
		{"a group is its members, not an address range", "eni-echo 10.0.1.6:443", "dropped"},
		{"ICMP types", "eni-pub icmp 10.0.1.8:0", "delivered eni-echo 10.0.1.5"},
		{"ICMP is not TCP", "eni-pub 10.0.1.8:8", "dropped"},
		{"itself", "eni-plain 10.0.1.6:1", "delivered eni-plain 10.0.1.6"},
		{"loopback", "eni-plain 127.0.0.1:1", "delivered eni-plain 127.0.0.1"},
		{"loopback of an isolated one", "job 127.0.0.1:1", "delivered job 127.0.0.1"},
		{"isolation", "job 10.0.1.5:443", "dropped nothing else"},
		{"a VPC has no broadcast, multicast or link-local neighbours", "eni-pub 169.254.169.254:80", "dropped is not routed"},
		{"nobody", "eni-pub 10.0.1.99:443", "dropped nobody has"},
		{"who is not there", "eni-none 10.0.1.5:443", "dropped nobody can send"},
		{"an endpoint's interface sends nothing of itself", "eni-sts 10.0.1.5:443", "dropped nobody can send"},
		{"nor does a NAT gateway", "eni-nat 10.0.1.5:443", "dropped nobody can send"},
		{"equal ranges do not meet", "eni-c 10.0.1.6:443", "dropped nobody has"},

		{"resolver at base+2; no group hides it (sheet 4.1)", "eni-plain udp 10.0.0.2:53", "answered  10.0.1.6"},
		{"and its link-local address", "eni-plain 169.254.169.253:53", "answered  10.0.1.6"},
		{"nothing else is there", "eni-pub 10.0.0.2:443", "dropped port 53 only"},
		{"enableDnsSupport off", "eni-b udp 10.1.0.2:53", "dropped"},
		{"base+2 is not there for peers", "eni-b udp 10.0.0.2:53", "dropped"},
		{"inbound endpoints are (sheet 4.2)", "eni-b udp 10.0.1.23:53", "answered eni-in 10.1.1.5"},
		{"inbound endpoints, from on-premises", "vpn-1@192.168.0.9 10.0.1.23:53", "answered eni-in 192.168.0.9"},
		{"with port 53 only", "eni-b udp 10.0.1.23:54", "dropped port 53 only"},
		{"not by echo", "eni-pub icmp 10.0.1.23:53", "dropped"},

		{"network ACL: the first entry that matches (sheet 7.1)", "eni-priv 10.0.3.5:443", "dropped acl-1: refuses the packet entering acl"},
		{"network ACL: what no entry matches is refused", "eni-pub 10.0.3.5:80", "dropped acl-1: refuses the packet entering"},
		{"network ACL: stateless, the answer's port", "eni-pub 10.0.3.5:443", "delivered eni-acl 10.0.1.5"},
		{"network ACL: another caller's port", "eni-pub#51000 10.0.3.5:443", "dropped <- acl-1: refuses the answer leaving acl"},
		{"network ACL: the answer's port on the way in", "eni-acl 10.0.1.5:443", "dropped <- acl-1: refuses the answer entering acl"},
		{"network ACL: a caller whose port is open", "eni-acl#50001 10.0.1.5:443", "delivered eni-pub 10.0.3.5"},
		{"network ACL: not within a subnet", "eni-acl 10.0.3.6:80", "delivered eni-acl2 10.0.3.5"},
		{"network ACL: an endpoint's subnet has one too", "eni-priv 10.0.3.30:443", "dropped acl-1: refuses the packet"},
		{"network ACL: nor between a caller and an endpoint in one subnet", "eni-acl 10.0.3.30:443", "accepted vpce-sts 10.0.3.5"},
		{"network ACL: on the way to a gateway endpoint", "eni-acl 52.216.0.1:443", "dropped <- acl-1: refuses the answer"},
		{"network ACL: on the way to a gateway endpoint, caller's port open", "eni-acl#50001 52.216.0.1:443", "accepted vpce-s3 10.0.3.5"},
		{"network ACL: ICMP type and code", "eni-priv icmp 10.0.3.5:0", "delivered eni-acl 10.0.2.5"},
		{"network ACL: the echo's answer", "eni-pub icmp 10.0.3.5:0", "dropped <- acl-1: refuses the answer leaving"},
		{"network ACL: on the way to the internet", "eni-acl#50001 203.0.113.1:443", "accepted  198.18.0.35"},
		{"network ACL: on the way to the internet, the answer", "eni-acl 203.0.113.1:443", "dropped <- acl-1: refuses the answer entering"},
		{"network ACL: not for the resolver (sheet 4.1)", "eni-acl udp 10.0.0.2:53", "answered  10.0.3.5"},

		{"interface endpoint (sheet 3)", "eni-pub 10.0.1.30:443", "accepted vpce-sts 10.0.1.5"},
		{"one port", "eni-pub 10.0.1.30:80", "dropped port 443 only"},
		{"no echo (sheet 3)", "eni-pub icmp 10.0.1.30:0", "dropped TCP connections only"},
		{"gateway endpoint (sheet 5.2)", "eni-pub 52.216.0.1:443", "accepted vpce-s3 10.0.1.5"},
		{"gateway endpoint, one port", "eni-pub 52.216.0.1:80", "dropped port 443"},
		{"gateway endpoint, TCP", "eni-pub udp 52.216.0.1:443", "dropped"},
		{"gateway endpoint, through a NAT gateway whose table has it", "eni-priv 52.217.0.1:443", "accepted vpce-s3 10.0.1.21"},
		{"gateway endpoint not over peering (sheet 5.2)", "eni-b 52.216.0.1:443", "dropped nobody has 52.216.0.1 at the other side"},
		{"gateway endpoint not over VPN (sheet 5.2)", "vpn-1@192.168.0.9 52.216.0.1:443", "dropped nobody in vpc-a"},
		{"a table that does not exist routes nothing", "eni-bare 52.216.0.1:443", "dropped no route"},

		{"internet gateway: the elastic address is shown (sheet 7.1)", "eni-pub 203.0.113.1:443", "accepted  198.18.0.5"},
		{"of equal routes the one that leads somewhere", "eni-pub 203.0.113.2:443", "accepted  198.18.0.5"},
		{"a door has one port", "eni-pub 203.0.113.1:80", "dropped port 443"},
		{"no elastic address, no internet", "eni-fw 203.0.113.1:443", "dropped eni-fw has no public address"},
		{"hosts out there", "eni-pub udp 198.51.100.7:53", "delivered host-1 198.18.0.5"},
		{"a gateway that is gone is a blackhole", "eni-pub 198.51.100.9:443", "dropped 198.51.100.9/32 is a blackhole igw-gone"},
		{"the public resolver", "eni-pub udp 192.0.2.53:53", "answered  198.18.0.5"},
		{"the public resolver's port", "eni-pub udp 192.0.2.53:54", "dropped"},
		{"nobody out there", "eni-pub 8.8.8.8:443", "dropped internet: nobody has"},
		{"inbound to an elastic address", "host-1 198.18.0.5:80", "delivered eni-pub 198.51.100.7"},
		{"inbound, answer by another way", "host-1 198.18.0.25:80", "dropped <- eni-nat: does not forward"},
		{"inbound, answer by the gateway", "host-2 198.18.0.25:80", "delivered eni-priv 198.51.100.8"},
		{"inbound, no way back", "host-1 198.18.0.75:80", "dropped <- bare: route table"},
		{"inbound, a blackhole back", "host-3 198.18.0.5:80", "dropped <- rtb-pub: 198.51.100.9/32 is a blackhole"},
		{"inbound, network ACL", "host-1 198.18.0.35:80", "dropped acl-1: refuses the packet entering"},
		{"elastic address of one's neighbour: the public path, the public source", "eni-pub 198.18.0.35:443", "dropped <- acl-1: refuses the answer leaving"},
		{"elastic address of another VPC without a way back", "eni-pub 198.18.1.5:443", "dropped <- b: route table"},
		{"no group has public addresses as members", "host-1 198.18.0.6:443", "dropped nobody has"},
		{"hosts reach each other", "host-1 198.51.100.8:81", "delivered host-2 198.51.100.7"},
		{"hosts reach themselves", "host-1 198.51.100.7:81", "delivered host-1 198.51.100.7"},
		{"hosts reach doors", "host-1 203.0.113.2:443", "accepted  198.51.100.7"},
		{"hosts do not reach private addresses", "host-1 10.0.1.5:80", "dropped"},

		{"NAT gateway: its elastic address is shown (sheet 7.1)", "eni-priv 203.0.113.1:443", "accepted  198.18.0.21"},
		{"NAT gateway: UDP", "eni-priv udp 198.51.100.7:9", "delivered host-1 198.18.0.21"},
		{"NAT gateway: echo", "eni-priv icmp 198.51.100.7:0", "delivered host-1 198.18.0.21"},
		{"NAT gateway: nothing unasked from outside", "host-1 198.18.0.21:80", "dropped takes nothing unasked"},
		{"NAT gateway: nothing unasked from inside", "eni-pub 10.0.1.21:80", "dropped takes nothing unasked"},
		{"NAT gateway: over a peering its private address is shown", "eni-priv 10.1.1.5:80", "delivered eni-b 10.0.1.21"},
		{"NAT gateway: a route of its own subnet that leads back to it", "eni-pub 100.71.0.1:80", "dropped leads back to itself"},

		{"a forwarding interface is given packets (source/destination check)", "eni-pub 100.64.0.1:80", "forwarded eni-fw 10.0.1.5"},
		{"an interface that does not forward is a blackhole", "eni-pub 100.65.0.1:80", "dropped is a blackhole eni-plain"},
		{"an interface of another VPC is a blackhole", "eni-pub 100.67.0.1:80", "dropped is a blackhole eni-b"},
		{"it sends for others, whose answers are routed to it", "eni-fw@100.64.0.9 udp 10.0.1.5:80", "delivered eni-pub 100.64.0.9"},
		{"answers that are routed elsewhere", "eni-fw@100.99.0.9 udp 10.0.1.5:80", "dropped <- igw-a"},
		{"it sends for nobody of the VPC", "eni-fw@10.0.1.6 udp 10.0.1.5:80", "dropped may not send as"},
		{"with the check on it sends for nobody", "eni-plain@100.64.0.9 udp 10.0.1.5:80", "dropped may not send as"},
		{"a peering carries what is between interfaces only", "eni-fw@100.64.0.9 udp 10.1.1.5:80", "dropped is not the address of"},
		{"its own route leads back to it", "eni-fw 100.64.0.1:80", "forwarded eni-fw 10.0.1.22"},

		{"peering: both routes", "eni-pub 10.1.1.5:80", "delivered eni-b 10.0.1.5"},
		{"peering: no way back", "eni-pub 10.1.2.5:80", "dropped <- eni-c: has no such connection"},
		{"peering: no way there", "eni-bare 10.1.1.5:80", "dropped no route"},
		{"peering: no transit to a third VPC (sheet 7.1)", "eni-c 10.0.1.5:80", "delivered eni-c 10.0.1.5"},
		{"peering: groups by reference", "eni-b 10.0.1.7:443", "delivered eni-peer 10.1.1.5"},
		{"peering: groups by reference, egress", "eni-peer 10.1.1.5:443", "delivered eni-b 10.0.1.7"},
		{"peering: groups by reference name no others", "eni-pub 10.0.1.7:443", "dropped"},
		{"peering: no edge to the other's internet gateway (sheet 7.1)", "eni-b 203.0.113.1:443", "dropped pcx-ab: nobody has"},
		{"peering: interface endpoints (sheet 7.1)", "eni-b 10.0.1.30:443", "accepted vpce-sts 10.1.1.5"},
		{"peering: interface endpoints answer by their own subnet's table", "eni-fw 10.1.2.30:443", "dropped has no way back"},
		{"peering: nobody over there", "eni-pub 10.1.1.99:80", "dropped pcx-ab: nobody has"},
		{"peering: gone", "eni-pub 100.66.0.1:80", "dropped is a blackhole pcx-gone"},
		{"peering: the other VPC is gone", "eni-pub 100.68.0.1:80", "dropped is a blackhole pcx-half"},

		{"VPN: there", "eni-pub 192.168.0.9:22", "tunnelled vpn-1 10.0.1.5"},
		{"VPN: the other tunnel", "eni-pub 192.168.200.9:22", "tunnelled vpn-2 10.0.1.5"},
		{"VPN: another VPC's gateway is a blackhole", "eni-pub 100.69.0.1:22", "dropped is a blackhole vgw-b"},
		{"VPN: behind no tunnel", "eni-pub 100.72.0.1:22", "dropped behind no tunnel"},
		{"VPN: here", "vpn-1@192.168.0.9 10.0.1.5:22", "delivered eni-pub 192.168.0.9"},
		{"VPN: its addresses only", "vpn-1@192.168.200.9 10.0.1.5:22", "dropped is not behind it"},
		{"VPN: no route back", "vpn-1@192.168.0.9 10.0.2.5:22", "dropped <- eni-nat"},
		{"VPN: interface endpoints", "vpn-1@192.168.0.9 10.0.1.30:443", "accepted vpce-sts 192.168.0.9"},
		{"VPN: no peered VPC (edge to edge)", "vpn-1@192.168.0.9 10.1.1.5:80", "dropped nobody in vpc-a"},
		{"VPN: no resolver at base+2", "vpn-1@192.168.0.9 udp 10.0.0.2:53", "dropped nobody in vpc-a"},
		{"VPN: no internet", "vpn-1@192.168.0.9 203.0.113.1:443", "dropped nobody in vpc-a"},
		{"a gateway endpoint only is a target", "eni-pub 100.70.0.1:443", "dropped is a blackhole vpce-sts"},

		{"balancer", "eni-priv 10.0.1.20:80", "balanced eni-lb 10.0.2.5 to eni-pub 10.0.1.20 to eni-sts 10.0.1.20"},
		{"balancer without targets", "eni-priv 10.0.1.20:81", "balanced eni-lb 10.0.2.5"},
		{"balancer's other ports", "eni-priv 10.0.1.20:82", "dropped nlb-1 has no listener"},
		{"balancer that keeps to zones", "eni-priv 10.0.1.28:80", "balanced eni-lb1 10.0.2.5 to eni-pub 10.0.1.28"},
		{"balancer that keeps to zones, in one without targets", "eni-priv 10.0.2.28:80", "balanced eni-lb2 10.0.2.5"},
		{"an endpoint in front of a balancer in a third VPC (sheet 2)", "eni-b 10.1.1.30:80", "balanced eni-svc 10.1.1.5 to eni-pub 10.0.1.20 to eni-sts 10.0.1.20"},
		{"an endpoint in front of a balancer, other ports", "eni-b 10.1.1.30:443", "dropped no listener"},
		{"an endpoint whose balancer is gone", "eni-b 10.1.1.31:80", "dropped no listener"},
	} {
		got, p := walked(x, c.probe), x.Walk(probe(c.probe))
		kind, reason, _ := strings.Cut(c.want, " ")
		if kind == "dropped" {
			if p.Kind != Dropped || !strings.Contains(fmt.Sprint(p.Hops), reason) {
				t.Errorf("%s: %s is %s\n\t%v", c.source, c.probe, got, p.Hops)
			}
		} else if got != c.want {
			t.Errorf("%s: %s is %q, not %q\n\t%v", c.source, c.probe, got, c.want, p.Hops)
		}
		if p.Kind == Accepted && (p.Origin.Source != p.Source.Addr() || !x.Stands(&p.Origin)) {
			t.Errorf("%s: %s is accepted as %+v, which does not stand", c.source, c.probe, p.Origin)
		}
	}
}

// probe reads "from@source#port protocol to".
func probe(text string) Probe {
	words := strings.Fields(text)
	p := Probe{From: words[0], To: netip.MustParseAddrPort(words[len(words)-1])}
	if from, port, ok := strings.Cut(p.From, "#"); ok {
		fmt.Sscan(port, &p.Port)
		p.From = from
	}
	if from, source, ok := strings.Cut(p.From, "@"); ok {
		p.From, p.Source = from, address(source)
	}
	if len(words) == 3 {
		p.Protocol = map[string]int{"udp": UDP, "icmp": ICMP, "gre": 47}[words[1]]
	}
	return p
}

func walked(x *Index, text string) string {
	p := x.Walk(probe(text))
	who := p.Interface
	if p.Kind == Accepted {
		who = p.Origin.EndpointID
	}
	s := fmt.Sprintf("%v %s %v", p.Kind, who, p.Source.Addr())
	for _, o := range p.Onward {
		s += fmt.Sprintf(" to %s %v", o.Interface, o.Source.Addr())
	}
	return s
}

func TestOriginFromElsewhere(t *testing.T) {
	x, err := NewIndex(estate())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]caller.Origin{
		"eni-b 10.0.1.30:443": {Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-sts", EndpointInterface: "eni-sts", Service: "sts",
			Subnet: "b", Interface: "eni-b", Source: address("10.1.1.5")},
		"vpn-1@192.168.0.9 10.0.1.30:443": {Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-sts", EndpointInterface: "eni-sts", Service: "sts",
			Source: address("192.168.0.9")},
		"eni-priv 203.0.113.1:443": {Place: caller.Internet, Source: address("198.18.0.21")},
		"eni-priv 52.217.0.1:443": {Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-s3", Service: "s3",
			Subnet: "pub", Interface: "eni-nat", Source: address("10.0.1.21")},
	} {
		want.Target = probe(text).To
		if got := x.Walk(probe(text)).Origin; got != want {
			t.Errorf("%s is %+v\nnot %+v", text, got, want)
		}
	}
	// The same addresses without a way back, or without an owner, are nobody.
	for _, c := range [][2]string{{"10.1.2.5", "10.1.2.30"}, {"10.0.1.5", "10.1.1.99"}, {"10.9.0.1", "10.0.1.30"}, {"10.1.1.99", "10.0.1.30"}, {"192.168.0.9", "52.216.0.1"}} {
		if o, ok := x.Origin("vpc-a", address(c[0]), netip.AddrPortFrom(address(c[1]), 443)); ok {
			t.Errorf("%v is %+v", c, o)
		}
	}
	o := x.Walk(probe("eni-pub 203.0.113.1:443")).Origin
	n := estate()
	n.Interfaces[0].Public = netip.Addr{}
	if x, err := NewIndex(n); err != nil || x.Stands(&o) {
		t.Errorf("a connection from an elastic address that was taken away stands (%v)", err)
	}
}

func TestUplink(t *testing.T) {
	n := estate()
	n.Internet.Uplink = true
	x, err := NewIndex(n)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"eni-pub 8.8.8.8:443": "uplinked  198.18.0.5", "host-1 8.8.8.8:25": "uplinked  198.51.100.7", "eni-priv 8.8.8.8:443": "uplinked  198.18.0.21",
		"eni-pub udp 8.8.8.8:53": "dropped  invalid IP", "host-1 10.9.9.9:443": "dropped  invalid IP", "host-1 169.254.169.254:80": "dropped  invalid IP",
		"eni-bare 8.8.8.8:443": "dropped  invalid IP", "host-1 203.0.113.1:80": "dropped  invalid IP",
	} {
		if got := walked(x, text); got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}

func TestReach(t *testing.T) {
	x, err := NewIndex(estate())
	if err != nil {
		t.Fatal(err)
	}
	if r := x.Reach("eni-pub", netip.MustParseAddrPort("10.0.1.6:443")); r.Kind != Delivered || r.Interface != "eni-plain" {
		t.Errorf("%+v", r)
	}
	if r := x.Reach("eni-pub", netip.MustParseAddrPort("10.0.1.30:443")); r.Kind != Accepted || r.Interface != "" || r.Origin.EndpointInterface != "eni-sts" {
		t.Errorf("%+v", r)
	}
	p := x.Walk(Probe{From: "eni-priv", To: netip.MustParseAddrPort("203.0.113.1:443")})
	want := "-> rtb-priv: 0.0.0.0/0 leads to eni-nat|-> eni-nat: shows 10.0.2.5 as 10.0.1.21|-> rtb-pub: 0.0.0.0/0 leads to igw-a|-> igw-a: shows 10.0.1.21 as 198.18.0.21|<- igw-a: 198.18.0.21 is 10.0.1.21"
	var hops []string
	for _, h := range p.Hops {
		hops = append(hops, h.String())
	}
	if got := strings.Join(hops, "|"); got != want {
		t.Errorf("the way is\n%s\nnot\n%s", got, want)
	}
}
