package linux

import (
	"encoding/json"
	"net/netip"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

func route(to string, kind network.TargetKind, id string) network.Route {
	return network.Route{Destinations: []netip.Prefix{netip.MustParsePrefix(to)}, Target: network.Target{Kind: kind, ID: id}}
}

// roads is two VPCs: a with a public subnet (an internet gateway, an elastic address, a NAT gateway) and
// a private one that leaves by the NAT gateway, b peered with a; and a third, c, with b's ranges, peered
// with nobody.
func roads() *network.Network {
	anything := network.Rule{Protocol: -1, From: -1, To: -1, CIDR: everywhere}
	at := netip.MustParseAddr
	group := func(id string) network.Group {
		return network.Group{ID: id, Egress: []network.Rule{anything}, Ingress: []network.Rule{anything}}
	}
	vpc := func(s, cidr, one, two string) network.VPC {
		return network.VPC{ID: "vpc-" + s, CIDRs: []netip.Prefix{netip.MustParsePrefix(cidr)}, Resolve: true,
			Subnets: []network.Subnet{{ID: "subnet-1" + s, Table: "rtb-1" + s, CIDR: netip.MustParsePrefix(one)}, {ID: "subnet-2" + s, Table: "rtb-2" + s, CIDR: netip.MustParsePrefix(two)}},
			Tables:  []network.RouteTable{{ID: "rtb-1" + s}, {ID: "rtb-2" + s}},
			Groups:  []network.Group{group("sg-" + s)}}
	}
	a, b, c := vpc("a", "10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24"), vpc("b", "10.1.0.0/16", "10.1.1.0/24", "10.1.2.0/24"), vpc("c", "10.1.0.0/16", "10.1.1.0/24", "10.1.2.0/24")
	a.InternetGateway = "igw-a"
	a.Tables[0].Routes = []network.Route{route("0.0.0.0/0", network.ToInternetGateway, "igw-a"), route("10.1.0.0/16", network.ToPeering, "pcx-1")}
	a.Tables[1].Routes = []network.Route{route("0.0.0.0/0", network.ToInterface, "nat")}
	b.Tables[0].Routes = []network.Route{route("10.0.0.0/16", network.ToPeering, "pcx-1"), route("0.0.0.0/0", network.ToPeering, "pcx-1")}
	eni := func(id, s, subnet, address string) network.Interface {
		return network.Interface{ID: id, VPC: "vpc-" + s, Subnet: "subnet-" + subnet + s, Address: at(address), Groups: []string{"sg-" + s}}
	}
	public, nat := eni("public", "a", "1", "10.0.1.5"), eni("nat", "a", "1", "10.0.1.9")
	public.Public, nat.Public, nat.NAT, nat.Groups = at("198.18.0.5"), at("198.18.0.9"), true, nil
	endpoint := eni("e", "a", "1", "10.0.1.10")
	endpoint.Endpoint = "vpce-1"
	return &network.Network{
		VPCs:       []network.VPC{a, b, c},
		Interfaces: []network.Interface{public, nat, endpoint, eni("plain", "a", "1", "10.0.1.6"), eni("private", "a", "2", "10.0.2.5"), eni("b1", "b", "1", "10.1.1.5"), eni("b2", "b", "2", "10.1.2.5"), eni("c1", "c", "1", "10.1.1.5")},
		Endpoints:  []network.Endpoint{{ID: "vpce-1", VPC: "vpc-a", Service: "sts"}},
		Peerings:   []network.Peering{{ID: "pcx-1", VPCs: [2]string{"vpc-a", "vpc-b"}}},
		Internet:   network.Internet{Doors: []netip.Addr{at("203.0.113.10")}, Hosts: []network.Host{{ID: "host", Address: at("198.51.100.10")}, {ID: "host-2", Address: at("198.51.100.11")}}},
	}
}

// greeted serves what the fabric accepts with the caller's origin.
func greeted(t *testing.T, f *Fabric) {
	t.Helper()
	go func() {
		for {
			c, err := f.Listener().Accept()
			if err != nil {
				return
			}
			o := c.(*conn).Origin()
			json.NewEncoder(c).Encode(o) //nolint:errcheck // the client may be gone
			c.Close()
		}
	}()
}

// seenAs dials and gives the origin that the other side saw.
func seenAs(t *testing.T, f *Fabric, namespace, to, why string) (o caller.Origin) {
	t.Helper()
	c, err := connect(t, f.directory, namespace, to, prompt)
	if err != nil {
		t.Fatalf("%s: %s does not reach %s: %v", why, namespace, to, err)
	}
	defer c.Close()
	if err := json.NewDecoder(c).Decode(&o); err != nil {
		t.Fatalf("%s: %v", why, err)
	}
	return o
}

func TestRoads(t *testing.T) {
	f := start(t)
	apply(t, f, roads())
	greeted(t, f)
	for _, id := range []string{"public", "plain", "private", "b1", "b2", "c1"} {
		echo(t, f.directory, "cl.eni."+id, "0.0.0.0:8080")
	}
	echo(t, f.directory, "cl.host.host", "0.0.0.0:8080")
	const door = "203.0.113.10:443"

	// The internet gateway, and who has an address beyond it.
	if o := seenAs(t, f, "cl.eni.public", door, "elastic address"); o.Place != caller.Internet || o.Source.String() != "198.18.0.5" {
		t.Errorf("the elastic address is seen as %+v", o)
	}
	reaches(t, f, "plain", door, false, "no public address")
	reaches(t, f, "public", "198.51.100.10:8080", true, "a host on the internet")
	from(t, f, "cl.host.host", "198.18.0.5:8080", true, "inbound to the elastic address")
	from(t, f, "cl.host.host", "198.18.0.9:8080", false, "inbound to the NAT gateway")
	from(t, f, "cl.host.host", "10.0.1.5:8080", false, "a private address from the internet")
	from(t, f, "cl.host.host-2", "198.51.100.10:8080", true, "host to host")

	// The NAT gateway.
	if o := seenAs(t, f, "cl.eni.private", door, "NAT"); o.Place != caller.Internet || o.Source.String() != "198.18.0.9" {
		t.Errorf("behind the NAT gateway one is seen as %+v", o)
	}
	reaches(t, f, "private", "198.51.100.10:8080", true, "NAT to a host")
	reaches(t, f, "private", "10.0.1.5:8080", true, "inside the VPC")
	reaches(t, f, "private", "10.0.1.9:8080", false, "the NAT gateway itself")
	reaches(t, f, "private", "198.18.0.5:8080", true, "by the NAT gateway to a neighbour's elastic address")

	// The peering.
	reaches(t, f, "public", "10.1.1.5:8080", true, "peering, there")
	reaches(t, f, "b1", "10.0.1.5:8080", true, "peering, back")
	reaches(t, f, "b2", "10.0.1.5:8080", false, "a subnet without the route")
	reaches(t, f, "private", "10.1.1.5:8080", true, "the peer, through the NAT gateway, whose subnet has the route")
}

func TestNothingTransits(t *testing.T) {
	f := start(t)
	apply(t, f, roads())
	greeted(t, f)
	echo(t, f.directory, "cl.host.host", "0.0.0.0:8080")
	echo(t, f.directory, "cl.eni.c1", "0.0.0.0:8080")
	reaches(t, f, "b1", "203.0.113.10:443", false, "the peer's internet gateway")
	reaches(t, f, "b1", "198.51.100.10:8080", false, "the peer's internet gateway")
	reaches(t, f, "b1", "10.0.0.2:53", false, "the peer's resolver")
	reaches(t, f, "c1", "10.0.1.5:8080", false, "a VPC with the ranges of the peer")
	if o := seenAs(t, f, "cl.eni.b1", "10.0.1.10:443", "endpoint over the peering"); o.EndpointID != "vpce-1" || o.VPC != "vpc-a" || o.Source.String() != "10.1.1.5" || o.Interface != "b1" {
		t.Errorf("over the peering one is seen as %+v", o)
	}
}

// from is reaches for any namespace.
func from(t *testing.T, f *Fabric, namespace, to string, want bool, why string) {
	t.Helper()
	wait := quiet
	if want {
		wait = prompt
	}
	c, err := connect(t, f.directory, namespace, to, wait)
	if want != (err == nil) {
		t.Errorf("%s: %s to %s: %v", why, namespace, to, err)
	}
	if err == nil {
		alive(t, c, why)
	}
}
