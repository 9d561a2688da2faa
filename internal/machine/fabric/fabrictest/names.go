package fabrictest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

func deadline(after time.Duration) time.Time { return time.Now().Add(after) }

func named() *network.Network {
	n := &network.Network{
		VPCs: []network.VPC{vpc("a", open("sg-1")), vpc("b", open("sg-1"))},
		Interfaces: []network.Interface{
			eni("a", "eni-a", "10.0.1.5", "sg-1"), eni("b", "eni-b", "10.0.1.5", "sg-1")},
		Isolated: []string{"job-1"},
		Internet: network.Internet{
			Doors: addresses("203.0.113.10", "203.0.113.11"),
			Hosts: []network.Host{{ID: "host-1", Address: netip.MustParseAddr("198.51.100.7")}, {ID: "host-2", Address: netip.MustParseAddr("198.51.100.8")}},
			Names: []network.Name{
				{Text: "sts.us-east-1.amazonaws.com", Addresses: addresses("203.0.113.10")},
				{Text: "s3.us-east-1.amazonaws.com", Addresses: addresses("203.0.113.11")},
				{Text: "*.s3.us-east-1.amazonaws.com", Addresses: addresses("203.0.113.11")},
				{Text: "taken.s3.us-east-1.amazonaws.com", Addresses: addresses("203.0.113.10")},
			}},
	}
	n.VPCs[0].Names = []network.Name{
		{Text: "sts.us-east-1.amazonaws.com", Addresses: addresses("10.0.1.10")},
		{Text: "*.inner.s3.us-east-1.amazonaws.com", Addresses: addresses("10.0.1.11")},
		{Text: "empty.us-east-1.amazonaws.com"},
	}
	return n
}

// answers demands what a resolver says; an empty text is no address.
func (w *world) answers(id, name, want string) {
	w.t.Helper()
	got := ""
	for _, a := range w.Lookup(id, name) {
		got += a.String()
	}
	if got != want {
		w.t.Errorf("%s asks for %s and gets %q, not %q", id, name, got, want)
	}
}

func testNames(t *testing.T, w *world) {
	w.apply(named())
	for id, want := range map[string]string{"eni-a": "10.0.1.10", "eni-b": "203.0.113.10", "host-1": "203.0.113.10", "job-1": "", "nobody": ""} {
		w.answers(id, "sts.us-east-1.amazonaws.com", want)
		w.answers(id, "STS.US-EAST-1.amazonaws.com.", want)
	}
	for id, want := range map[string]string{"eni-a": "nameserver 10.0.0.2\n", "eni-b": "nameserver 10.0.0.2\n", "host-1": "nameserver 192.0.2.53\n", "job-1": "", "nobody": ""} {
		if got := w.Resolver(id).Conf(); got != want {
			t.Errorf("%s uses resolver %s, not %s", id, got, want)
		}
	}
	w.answers("host-1", "bucket.s3.us-east-1.amazonaws.com", "203.0.113.11")
	w.answers("host-1", "a.b.s3.us-east-1.amazonaws.com", "203.0.113.11")
	w.answers("host-1", "taken.s3.us-east-1.amazonaws.com", "203.0.113.10")
	w.answers("eni-a", "x.inner.s3.us-east-1.amazonaws.com", "10.0.1.11")
	w.answers("eni-a", "inner.s3.us-east-1.amazonaws.com", "203.0.113.11")
	w.answers("eni-b", "x.inner.s3.us-east-1.amazonaws.com", "203.0.113.11")
	w.answers("eni-a", "empty.us-east-1.amazonaws.com", "")
	w.answers("eni-a", "amazonaws.com", "")
	w.answers("eni-a", "", "")

	n := named()
	n.VPCs[0].Names = nil
	w.apply(n)
	w.answers("eni-a", "sts.us-east-1.amazonaws.com", "203.0.113.10")
	n = named()
	n.VPCs[0].Resolve = false
	w.apply(n)
	w.answers("eni-a", "sts.us-east-1.amazonaws.com", "")
	w.answers("eni-b", "sts.us-east-1.amazonaws.com", "203.0.113.10")
}

func testRotation(t *testing.T, w *world) {
	n := named()
	n.VPCs[0].Names = []network.Name{{Text: "two.example", Addresses: addresses("10.0.1.10", "10.0.2.10")}}
	w.apply(n)
	first := map[netip.Addr]int{}
	for range 10 {
		got := w.Lookup("eni-a", "two.example")
		if len(got) != 2 || !slices.Contains(got, netip.MustParseAddr("10.0.1.10")) {
			t.Fatalf("two.example is %v", got)
		}
		first[got[0]]++
	}
	if len(first) != 2 || first[netip.MustParseAddr("10.0.1.10")] != 5 {
		t.Errorf("first addresses: %v", first)
	}
}

func testLoopback(t *testing.T, w *world) {
	w.apply(named())
	for _, id := range []string{"eni-a", "eni-b", "host-1", "job-1"} {
		w.serve(id, "127.0.0.1:8080")
	}
	for _, id := range []string{"eni-a", "eni-b", "host-1", "job-1"} {
		w.reach(id, "127.0.0.1:8080", id)
		if c, err := w.dial(patience, id, "127.0.0.1:8081"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a closed port of %s answers %v %v", id, c, err)
		}
	}
	w.serve("eni-a", "10.0.1.5:9000")
	w.reach("eni-a", "10.0.1.5:9000", "eni-a")
	if _, err := w.dial(silence, "nobody", "127.0.0.1:8080"); err == nil {
		t.Error("an unknown namespace can dial")
	}
	if _, err := w.ListenIn("eni-a", netip.MustParseAddrPort("10.0.1.6:80")); err == nil {
		t.Error("a namespace may listen on another's address")
	}
}

func testIsolated(t *testing.T, w *world) {
	w.apply(named())
	w.serve("eni-a", "0.0.0.0:80")
	for _, to := range []string{"10.0.1.5:80", "203.0.113.10:443", "10.0.0.2:53", "169.254.169.253:53", "192.0.2.53:53"} {
		if c, err := w.dial(silence, "job-1", to); err == nil {
			t.Errorf("the isolated job reached %s (%s)", to, c.greeting)
			c.Close()
		}
	}
	n := named()
	n.Isolated = nil
	w.apply(n)
	if w.Namespace("job-1") != "" {
		t.Error("a removed job has a namespace")
	}
}

func testHosts(t *testing.T, w *world) {
	w.apply(named())
	w.serve("host-2", "0.0.0.0:80")
	w.serve("host-2", "0.0.0.0:443")
	w.serve("eni-a", "0.0.0.0:443")
	w.enter("host-1", "203.0.113.10:443", caller.Origin{Place: caller.Internet, Source: netip.MustParseAddr("198.51.100.7")})
	c := w.enter("host-2", "203.0.113.11:443", caller.Origin{Place: caller.Internet, Source: netip.MustParseAddr("198.51.100.8")})
	w.all([]step{
		{"host-1", "198.51.100.8:80", "host-2"}, {"host-1", "198.51.100.8:443", "host-2"},
		{"host-1", "203.0.113.10:80", ""}, {"host-1", "203.0.113.12:443", ""}, {"host-1", "10.0.1.5:443", ""}, {"host-1", "8.8.8.8:443", ""},
		{"host-1", "10.0.0.2:443", ""},
		{"eni-a", "203.0.113.10:443", ""}, {"eni-a", "198.51.100.8:443", ""}, {"eni-a", "192.0.2.53:443", ""},
	})
	n := named()
	n.Internet.Doors = addresses("203.0.113.10")
	w.apply(n)
	w.dead(c)
	w.silent("host-1", "203.0.113.11:443")
	w.enter("host-1", "203.0.113.10:443", caller.Origin{Place: caller.Internet})
}

func testRefused(t *testing.T, w *world) {
	w.apply(named())
	w.serve("eni-a", "0.0.0.0:80")
	for name, spoil := range map[string]func(*network.Network){
		"two interfaces with one address": func(n *network.Network) {
			n.Interfaces = append(n.Interfaces, eni("a", "eni-c", "10.0.1.5"))
		},
		"an address outside the subnet": func(n *network.Network) { n.Interfaces[0].Address = netip.MustParseAddr("10.9.9.9") },
		"the resolver's address":        func(n *network.Network) { n.Interfaces[0].Address = netip.MustParseAddr("10.0.0.2") },
		"the router's address":          func(n *network.Network) { n.Interfaces[0].Address = netip.MustParseAddr("10.0.1.1") },
		"an unknown VPC":                func(n *network.Network) { n.Interfaces[0].VPC = "vpc-z" },
		"an unknown endpoint":           func(n *network.Network) { n.Interfaces[0].Endpoint = "vpce-z" },
		"one id twice":                  func(n *network.Network) { n.Isolated = append(n.Isolated, "eni-a") },
		"a VPC without a range":         func(n *network.Network) { n.VPCs[0].CIDRs = nil },
		"an IPv6 range":                 func(n *network.Network) { n.VPCs[0].CIDRs = prefixes("fd00::/56") },
		"a host with a door's address":  func(n *network.Network) { n.Internet.Hosts[0].Address = n.Internet.Doors[0] },
	} {
		n := named()
		spoil(n)
		if w.Apply(context.Background(), n) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	w.reach("eni-a", "10.0.1.5:80", "eni-a")
	w.enter("host-1", "203.0.113.10:443", caller.Origin{Place: caller.Internet})
}

func testConcurrent(t *testing.T, w *world) {
	n := twoEndpoints()
	w.apply(n)
	var done sync.WaitGroup
	for k := range 4 {
		done.Go(func() {
			for i := range 5 {
				more := twoEndpoints()
				more.Interfaces = append(more.Interfaces, eni("a", fmt.Sprintf("eni-x%d", k), fmt.Sprintf("10.0.1.%d", 100+k*10+i), "sg-1"))
				if err := w.Apply(context.Background(), more); err != nil {
					t.Error(err)
				}
			}
		})
		done.Go(func() {
			for range 10 {
				c, err := w.dial(patience, "eni-1b", "10.0.1.10:443")
				if err != nil {
					t.Error(err)
					return
				}
				c.Close()
			}
		})
	}
	done.Wait()
	w.apply(n)
	if w.Namespace("eni-x0") != "" {
		t.Error("an interface is left over")
	}
}

func testClose(t *testing.T, w *world) {
	w.apply(named())
	if w.Listener() != w.Listener() {
		t.Error("there are two listeners")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := w.Listener().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener gives %v", err)
	}
	if w.Apply(context.Background(), named()) == nil {
		t.Error("a closed fabric can be changed")
	}
	if err := w.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}
