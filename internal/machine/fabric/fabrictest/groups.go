package fabrictest

import (
	"sync"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

func testGroups(t *testing.T, w *world) {
	v := vpc("a",
		open("sg-open"),
		group("sg-web", tcpFrom("10.0.1.0/24", 443, 443)),
		group("sg-range", tcpFrom("10.0.0.0/16", 8000, 8090)),
		group("sg-one", tcpFrom("10.0.1.5/32", 8080, 8080)),
		group("sg-udp", from("0.0.0.0/0", 17, 0, 65535)),
		network.Group{ID: "sg-list", Egress: []network.Rule{anything},
			Ingress: []network.Rule{{Protocol: 6, From: 8080, To: 8080, Prefixes: prefixes("192.0.2.0/24 10.0.1.4/31 10.0.2.0/28")}}},
		network.Group{ID: "sg-mute", Ingress: []network.Rule{anything}},
		network.Group{ID: "sg-out", Ingress: []network.Rule{anything}, Egress: []network.Rule{tcpFrom("10.0.1.11/32", 443, 443)}},
	)
	n := &network.Network{VPCs: []network.VPC{v}, Interfaces: []network.Interface{
		eni("a", "eni-near", "10.0.1.5", "sg-open"), eni("a", "eni-far", "10.0.2.5", "sg-open"), eni("a", "eni-other", "10.0.2.50", "sg-open"),
		eni("a", "eni-mute", "10.0.1.6", "sg-mute"), eni("a", "eni-out", "10.0.1.7", "sg-out"),
		eni("a", "eni-none", "10.0.1.10"), eni("a", "eni-web", "10.0.1.11", "sg-web"), eni("a", "eni-range", "10.0.1.12", "sg-range"),
		eni("a", "eni-one", "10.0.1.13", "sg-one"), eni("a", "eni-list", "10.0.1.14", "sg-list"),
		eni("a", "eni-both", "10.0.2.15", "sg-web", "sg-one"), eni("a", "eni-udp", "10.0.2.16", "sg-udp"), eni("a", "eni-gone", "10.0.2.17", "sg-unknown"),
	}}
	w.apply(n)
	for _, i := range n.Interfaces {
		w.serve(i.ID, "0.0.0.0:443")
		w.serve(i.ID, "0.0.0.0:8080")
	}
	w.all([]step{
		{"eni-near", "10.0.1.11:443", "eni-web"}, {"eni-far", "10.0.1.11:443", ""}, {"eni-near", "10.0.1.11:8080", ""},
		{"eni-near", "10.0.1.12:8080", "eni-range"}, {"eni-far", "10.0.1.12:8080", "eni-range"}, {"eni-far", "10.0.1.12:443", ""},
		{"eni-near", "10.0.1.13:8080", "eni-one"}, {"eni-mute", "10.0.1.13:8080", ""}, {"eni-far", "10.0.1.13:8080", ""},
		{"eni-near", "10.0.1.14:8080", "eni-list"}, {"eni-far", "10.0.1.14:8080", "eni-list"}, {"eni-other", "10.0.1.14:8080", ""}, {"eni-near", "10.0.1.14:443", ""},
		{"eni-near", "10.0.2.15:443", "eni-both"}, {"eni-near", "10.0.2.15:8080", "eni-both"}, {"eni-far", "10.0.2.15:8080", ""},
		{"eni-near", "10.0.1.10:443", ""}, {"eni-near", "10.0.2.16:443", ""}, {"eni-near", "10.0.2.17:443", ""},
		{"eni-mute", "10.0.1.5:443", ""}, {"eni-near", "10.0.1.6:443", "eni-mute"},
		{"eni-out", "10.0.1.11:443", "eni-web"}, {"eni-out", "10.0.1.11:8080", ""}, {"eni-out", "10.0.1.5:443", ""},
		{"eni-none", "10.0.1.5:443", ""}, {"eni-near", "10.0.1.99:443", ""}, {"eni-near", "8.8.8.8:443", ""}, {"eni-near", "169.254.169.254:443", ""},
		{"eni-near", "10.0.1.1:443", ""}, {"eni-near", "10.0.0.2:443", ""}, {"eni-near", "10.0.0.2:8080", ""},
	})
}

// step is a connection that is tried, and the namespace whose server answers; none when empty.
type step struct{ id, to, server string }

// all tries steps at the same time.
func (w *world) all(steps []step) {
	w.t.Helper()
	var done sync.WaitGroup
	for _, s := range steps {
		done.Go(func() {
			if s.server == "" {
				w.silent(s.id, s.to)
			} else {
				w.reach(s.id, s.to, s.server)
			}
		})
	}
	done.Wait()
}

func testMembership(t *testing.T, w *world) {
	build := func(clientGroups ...string) *network.Network {
		server := network.Group{ID: "sg-server", Ingress: []network.Rule{member("sg-client", 443, 443), member("sg-server", 8080, 8080)}, Egress: []network.Rule{member("sg-server", 8080, 8080)}}
		return &network.Network{
			VPCs: []network.VPC{vpc("a", open("sg-plain"), open("sg-client"), server)},
			Interfaces: []network.Interface{
				eni("a", "eni-c", "10.0.1.5", clientGroups...),
				eni("a", "eni-s", "10.0.2.5", "sg-server"), eni("a", "eni-t", "10.0.2.6", "sg-server"),
			}}
	}
	w.apply(build("sg-plain"))
	for _, id := range []string{"eni-c", "eni-s", "eni-t"} {
		w.serve(id, "0.0.0.0:443")
		w.serve(id, "0.0.0.0:8080")
	}
	w.all([]step{{"eni-c", "10.0.2.5:443", ""}, {"eni-s", "10.0.2.6:8080", "eni-t"}, {"eni-s", "10.0.2.6:443", ""}, {"eni-s", "10.0.1.5:8080", ""}})
	w.apply(build("sg-plain", "sg-client"))
	w.all([]step{{"eni-c", "10.0.2.5:443", "eni-s"}, {"eni-c", "10.0.2.5:8080", ""}})
	w.apply(build("sg-plain"))
	w.all([]step{{"eni-c", "10.0.2.5:443", ""}})
	w.apply(build("sg-server"))
	w.all([]step{{"eni-c", "10.0.2.5:8080", "eni-s"}, {"eni-s", "10.0.1.5:8080", "eni-c"}})
	gone := build("sg-client")
	gone.VPCs[0].Groups = gone.VPCs[0].Groups[1:2]
	w.apply(gone)
	w.all([]step{{"eni-c", "10.0.2.5:443", ""}})
}

func testEqualRanges(t *testing.T, w *world) {
	n := &network.Network{VPCs: []network.VPC{vpc("a", open("sg-1")), vpc("b", open("sg-1"))}}
	for _, s := range []string{"a", "b"} {
		n.Interfaces = append(n.Interfaces, eni(s, "eni-1"+s, "10.0.1.5", "sg-1"), eni(s, "eni-2"+s, "10.0.1.6", "sg-1"))
	}
	n.Interfaces = append(n.Interfaces, eni("b", "eni-3b", "10.0.1.7", "sg-1"))
	w.apply(n)
	for _, i := range n.Interfaces {
		w.serve(i.ID, "0.0.0.0:80")
	}
	w.all([]step{
		{"eni-1a", "10.0.1.6:80", "eni-2a"}, {"eni-1b", "10.0.1.6:80", "eni-2b"},
		{"eni-1a", "10.0.1.7:80", ""}, {"eni-1b", "10.0.1.7:80", "eni-3b"},
	})
	n2 := *n
	n2.VPCs, n2.Interfaces = n.VPCs[1:], n.Interfaces[2:]
	w.apply(&n2)
	w.all([]step{{"eni-1b", "10.0.1.6:80", "eni-2b"}})
	if w.Namespace("eni-1a") != "" {
		t.Error("a removed interface has a namespace")
	}
}

func testRevoke(t *testing.T, w *world) {
	build := func(rules ...network.Rule) *network.Network {
		return &network.Network{
			VPCs: []network.VPC{vpc("a", open("sg-client"), group("sg-server", rules...))},
			Interfaces: []network.Interface{
				eni("a", "eni-c", "10.0.1.5", "sg-client"), eni("a", "eni-s", "10.0.2.5", "sg-server"),
				endpointENI("a", "eni-e", "10.0.2.9", "vpce-1", "sg-server"),
			},
			Endpoints: []network.Endpoint{{ID: "vpce-1", VPC: "vpc-a", Service: sts}},
		}
	}
	known := caller.Origin{Place: caller.Endpoint, VPC: "vpc-a", EndpointID: "vpce-1", EndpointInterface: "eni-e", Service: sts, Subnet: "subnet-1a", Interface: "eni-c"}
	w.apply(build(tcpFrom("10.0.1.0/24", 443, 443)))
	w.serve("eni-s", "0.0.0.0:443")
	old, entered := w.reach("eni-c", "10.0.2.5:443", "eni-s"), w.enter("eni-c", "10.0.2.9:443", known)
	w.apply(build())
	w.all([]step{{"eni-c", "10.0.2.5:443", ""}, {"eni-c", "10.0.2.9:443", ""}})
	w.alive(old)
	w.alive(entered)
	w.apply(build(tcpFrom("10.0.1.0/24", 443, 443)))
	w.reach("eni-c", "10.0.2.5:443", "eni-s")
	w.enter("eni-c", "10.0.2.9:443", known)
	w.alive(old)
	w.alive(entered)
}
