package fabrictest

import (
	"net/netip"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// twoEndpoints has an interface endpoint with an ENI in both subnets, in both of two VPCs.
func twoEndpoints() *network.Network {
	n := &network.Network{}
	for _, s := range []string{"a", "b"} {
		n.VPCs = append(n.VPCs, vpc(s, open("sg-1")))
		n.Interfaces = append(n.Interfaces,
			eni(s, "eni-1"+s, "10.0.1.5", "sg-1"), eni(s, "eni-2"+s, "10.0.2.5", "sg-1"),
			endpointENI(s, "eni-e1"+s, "10.0.1.10", "vpce-"+s, "sg-1"), endpointENI(s, "eni-e2"+s, "10.0.2.10", "vpce-"+s, "sg-1"))
		n.Endpoints = append(n.Endpoints, network.Endpoint{ID: "vpce-" + s, VPC: "vpc-" + s, Service: sts})
	}
	return n
}

func testEndpointOrigin(t *testing.T, w *world) {
	w.apply(twoEndpoints())
	for _, s := range []string{"a", "b"} {
		o := caller.Origin{Place: caller.Endpoint, VPC: "vpc-" + s, EndpointID: "vpce-" + s, EndpointInterface: "eni-e1" + s, Service: sts,
			Subnet: "subnet-1" + s, Interface: "eni-1" + s, Source: netip.MustParseAddr("10.0.1.5")}
		w.enter("eni-1"+s, "10.0.1.10:443", o)
		o.EndpointInterface = "eni-e2" + s
		w.enter("eni-1"+s, "10.0.2.10:443", o)
		o.Interface, o.Subnet, o.Source = "eni-2"+s, "subnet-2"+s, netip.MustParseAddr("10.0.2.5")
		w.enter("eni-2"+s, "10.0.2.10:443", o)
	}
	w.silent("eni-1a", "10.0.1.10:80")
	w.silent("eni-1a", "10.0.1.10:53")
	if w.Namespace("eni-e1a") != "" || w.Namespace("eni-1a") == "" {
		t.Error("an endpoint's interface has a namespace, or another has none")
	}
}

func testEndpointGroups(t *testing.T, w *world) {
	build := func(endpointGroups ...string) *network.Network {
		return &network.Network{
			VPCs: []network.VPC{vpc("a", open("sg-open"), group("sg-1", tcpFrom("10.0.1.0/24", 443, 443)),
				group("sg-member", member("sg-open", 0, 65535)),
				network.Group{ID: "sg-mute", Ingress: []network.Rule{anything}})},
			Interfaces: []network.Interface{
				eni("a", "eni-1", "10.0.1.5", "sg-open"), eni("a", "eni-2", "10.0.2.5", "sg-open"), eni("a", "eni-mute", "10.0.1.6", "sg-mute"),
				endpointENI("a", "eni-e", "10.0.1.10", "vpce-1", endpointGroups...),
			},
			Endpoints: []network.Endpoint{{ID: "vpce-1", VPC: "vpc-a", Service: sts}},
		}
	}
	known := caller.Origin{Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-1", EndpointInterface: "eni-e", Service: sts, Subnet: "subnet-1a", Interface: "eni-1"}
	w.apply(build("sg-1"))
	w.enter("eni-1", "10.0.1.10:443", known)
	w.all([]step{{"eni-2", "10.0.1.10:443", ""}, {"eni-mute", "10.0.1.10:443", ""}, {"eni-1", "10.0.1.10:80", ""}})
	w.apply(build("sg-member"))
	w.enter("eni-1", "10.0.1.10:443", known)
	w.all([]step{{"eni-mute", "10.0.1.10:443", ""}, {"eni-1", "10.0.1.10:8080", ""}})
	w.apply(build())
	w.silent("eni-1", "10.0.1.10:443")
}

// throughGateway has a gateway endpoint on the table of the first subnet.
func throughGateway(routes ...network.Route) *network.Network {
	v := vpc("a", open("sg-open"), network.Group{ID: "sg-list", Egress: []network.Rule{{Protocol: 6, From: 443, To: 443, Prefixes: prefixes("52.216.0.0/15")}}},
		network.Group{ID: "sg-mute"})
	v.Tables[0].Routes = routes
	return &network.Network{
		VPCs: []network.VPC{v, vpc("b", open("sg-open"))},
		Interfaces: []network.Interface{
			eni("a", "eni-1", "10.0.1.5", "sg-open"), eni("a", "eni-2", "10.0.2.5", "sg-open"),
			eni("a", "eni-list", "10.0.1.6", "sg-list"), eni("a", "eni-mute", "10.0.1.7", "sg-mute"),
			eni("b", "eni-b", "10.0.1.5", "sg-open"),
		},
		Endpoints: []network.Endpoint{gatewayEndpoint("a", "vpce-s3")},
	}
}

func testGateway(t *testing.T, w *world) {
	w.apply(throughGateway(toGateway("vpce-s3")))
	known := caller.Origin{Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-s3", Service: s3, Subnet: "subnet-1a", Interface: "eni-1"}
	c := w.enter("eni-1", "52.216.3.4:443", known)
	w.enter("eni-1", "54.231.0.9:443", known)
	known.Interface = "eni-list"
	w.enter("eni-list", "52.217.255.1:443", known)
	w.all([]step{
		{"eni-2", "52.216.3.4:443", ""}, {"eni-b", "52.216.3.4:443", ""}, {"eni-mute", "52.216.3.4:443", ""},
		{"eni-list", "54.231.0.9:443", ""}, {"eni-1", "52.216.3.4:80", ""}, {"eni-1", "52.218.0.1:443", ""}, {"eni-1", "54.231.128.1:443", ""},
	})
	w.alive(c)
	w.apply(throughGateway())
	w.dead(c)
	w.silent("eni-1", "52.216.3.4:443")
	w.apply(throughGateway(toGateway("vpce-s3")))
	known.Interface = "eni-1"
	w.enter("eni-1", "52.216.3.4:443", known)
}

func testBlackhole(t *testing.T, w *world) {
	n := throughGateway(toGateway("vpce-s3"), network.Route{Destinations: prefixes("52.217.0.0/16")})
	known := caller.Origin{Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-s3", Service: s3, Subnet: "subnet-1a", Interface: "eni-1"}
	w.apply(n)
	w.enter("eni-1", "52.216.3.4:443", known)
	w.silent("eni-1", "52.217.3.4:443")
	gone := throughGateway(toGateway("vpce-s3"))
	gone.Endpoints = nil
	w.apply(gone)
	w.silent("eni-1", "52.216.3.4:443")
}

func testEndpointRemoved(t *testing.T, w *world) {
	n := twoEndpoints()
	w.apply(n)
	a := caller.Origin{Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-a", EndpointInterface: "eni-e1a", Service: sts, Subnet: "subnet-1a", Interface: "eni-1a"}
	b := caller.Origin{Place: caller.Endpoint, VPC: "vpc-b", EndpointID: "vpce-b", EndpointInterface: "eni-e1b", Service: sts, Subnet: "subnet-1b", Interface: "eni-1b"}
	first, other := w.enter("eni-1a", "10.0.1.10:443", a), w.enter("eni-1b", "10.0.1.10:443", b)
	a2 := a
	a2.EndpointInterface = "eni-e2a"
	second := w.enter("eni-1a", "10.0.2.10:443", a2)
	// One of two interfaces goes, then the endpoint, then a whole VPC.
	less := twoEndpoints()
	less.Interfaces = append(less.Interfaces[:2:2], less.Interfaces[3:]...)
	w.apply(less)
	w.dead(first)
	w.alive(second)
	w.silent("eni-1a", "10.0.1.10:443")
	none := twoEndpoints()
	none.Interfaces = append(none.Interfaces[:2:2], none.Interfaces[4:]...)
	none.Endpoints = none.Endpoints[1:]
	w.apply(none)
	w.dead(second)
	w.alive(other)
	w.apply(&network.Network{})
	w.dead(other)
}

func testAddressReuse(t *testing.T, w *world) {
	build := func(id string) *network.Network {
		n := twoEndpoints()
		n.Interfaces[0].ID = id
		return n
	}
	known := caller.Origin{Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-a", EndpointInterface: "eni-e1a", Service: sts, Subnet: "subnet-1a", Interface: "eni-old"}
	w.apply(build("eni-old"))
	w.serve("eni-old", "0.0.0.0:80")
	entered := w.enter("eni-old", "10.0.1.10:443", known)
	w.reach("eni-2a", "10.0.1.5:80", "eni-old")
	w.apply(build("eni-new"))
	w.serve("eni-new", "0.0.0.0:80")
	w.reach("eni-2a", "10.0.1.5:80", "eni-new")
	known.Interface = "eni-new"
	w.enter("eni-new", "10.0.1.10:443", known)
	// The old owner's end may be silent rather than closed: its wire is cut.
	if entered != nil {
		entered.Write([]byte("hello"))
		entered.SetDeadline(deadline(silence))
		if n, err := entered.Read(make([]byte, 5)); err == nil {
			t.Errorf("the removed interface still hears %d bytes", n)
		}
	}
}

func testReaddress(t *testing.T, w *world) {
	build := func(address string) *network.Network {
		return &network.Network{VPCs: []network.VPC{vpc("a", open("sg-1"))}, Interfaces: []network.Interface{
			eni("a", "eni-1", address, "sg-1"), eni("a", "eni-2", "10.0.2.5", "sg-1")}}
	}
	w.apply(build("10.0.1.5"))
	w.serve("eni-2", "0.0.0.0:80")
	w.serve("eni-1", "0.0.0.0:80")
	w.reach("eni-1", "10.0.2.5:80", "eni-2")
	w.apply(build("10.0.2.77"))
	w.reach("eni-1", "10.0.2.5:80", "eni-2")
	w.reach("eni-2", "10.0.2.77:80", "eni-1")
	w.silent("eni-2", "10.0.1.5:80")
}
