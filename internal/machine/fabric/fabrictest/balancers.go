package fabrictest

import (
	"net/netip"
	"testing"

	"cloister/internal/value/network"
)

// supplied has a balancer with an interface in both zones of one VPC, targets in both, and an endpoint in
// front of it in another VPC, of the same range.
func supplied() *network.Network {
	n := &network.Network{}
	for _, s := range []string{"a", "b"} {
		v := vpc(s, open("sg-1"))
		for i := range v.Subnets {
			v.Subnets[i].Zone = string('1' + byte(i))
		}
		n.VPCs = append(n.VPCs, v)
	}
	front := func(id, address string) network.Interface {
		i := eni("a", id, address)
		i.Open = true
		return i
	}
	n.Interfaces = []network.Interface{
		front("front-1", "10.0.1.20"), front("front-2", "10.0.2.20"), eni("a", "target-1", "10.0.1.5", "sg-1"), eni("a", "target-2", "10.0.2.5", "sg-1"), eni("a", "near", "10.0.1.6", "sg-1"),
		endpointENI("b", "door-1", "10.0.1.5", "vpce-1", "sg-1"), endpointENI("b", "door-2", "10.0.2.5", "vpce-1", "sg-1"), eni("b", "far", "10.0.1.20", "sg-1"),
	}
	n.Endpoints = []network.Endpoint{{ID: "vpce-1", VPC: "vpc-b", Service: "com.amazonaws.vpce.us-east-1.vpce-svc-1", Balancer: "lb"}}
	targets := []netip.AddrPort{netip.MustParseAddrPort("10.0.1.5:8080"), netip.MustParseAddrPort("10.0.2.5:8080"), netip.MustParseAddrPort("10.0.1.99:8080"), netip.MustParseAddrPort("10.0.1.20:80")}
	n.Balancers = []network.Balancer{{ID: "lb", VPC: "vpc-a", Interfaces: []string{"front-1", "front-2"}, Zonal: true,
		Listeners: []network.Listener{{Port: 443, Targets: targets}, {Port: 80, Targets: targets}}}}
	return n
}

func testBalancer(t *testing.T, w *world) {
	w.apply(supplied())
	w.serve("target-1", "0.0.0.0:8080")
	w.serve("target-2", "0.0.0.0:8080")
	for range 3 { // in turn, and each stays in its zone
		w.reach("near", "10.0.1.20:80", "target-1")
		w.reach("near", "10.0.2.20:80", "target-2")
		w.reach("far", "10.0.1.5:443", "target-1")
		w.reach("far", "10.0.2.5:80", "target-2")
	}
	w.silent("near", "10.0.1.20:8080")
	w.silent("far", "10.0.1.5:8080")
	n := supplied()
	n.Balancers[0].Zonal = false
	w.apply(n)
	c, err := w.dial(patience, "far", "10.0.1.5:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// What the target's groups refuse is not reached; another target is.
	n = supplied()
	n.Balancers[0].Zonal = false
	n.VPCs[0].Groups = append(n.VPCs[0].Groups, group("sg-shut"))
	n.Interfaces[2].Groups = []string{"sg-shut"}
	w.apply(n)
	for range 3 {
		w.reach("far", "10.0.1.5:80", "target-2")
	}
}

func testBalancerRemoved(t *testing.T, w *world) {
	for _, c := range []struct {
		what      string
		change    func(*network.Network)
		near, far bool // whether a connection to the balancer, and one to the endpoint, lives on
	}{
		{"nothing", func(*network.Network) {}, true, true},
		{"other targets", func(n *network.Network) { n.Balancers[0].Listeners[1].Targets = nil }, true, true},
		{"the endpoint leads elsewhere", func(n *network.Network) { n.Endpoints[0].Balancer = "other" }, true, false},
		{"the listener is gone", func(n *network.Network) { n.Balancers[0].Listeners = n.Balancers[0].Listeners[:1] }, false, false},
		{"the balancer is gone", func(n *network.Network) { n.Balancers = nil }, false, false},
		{"the endpoint is gone", func(n *network.Network) {
			n.Endpoints, n.Interfaces = nil, append(n.Interfaces[:5:5], n.Interfaces[7:]...)
		}, true, false},
	} {
		w.apply(supplied())
		server := w.serve("target-1", "0.0.0.0:8080")
		near, far := w.reach("near", "10.0.1.20:80", "target-1"), w.reach("far", "10.0.1.5:80", "target-1")
		n := supplied()
		c.change(n)
		w.apply(n)
		for call, lives := range map[*call]bool{near: c.near, far: c.far} {
			if lives {
				w.alive(call)
			} else {
				w.dead(call)
			}
		}
		if t.Failed() {
			t.Fatal(c.what)
		}
		server.Close()
		if err := w.Apply(t.Context(), &network.Network{}); err != nil {
			t.Fatal(err)
		}
	}
}
