package fabrictest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// Random makes a small network by chance. Two networks of one generator overlap much, so that going
// from one to the other adds, changes and removes.
func Random(r *rand.Rand) *network.Network {
	n := &network.Network{}
	for _, s := range []string{"a", "b"} {
		if r.IntN(5) > 0 {
			addRandomVPC(r, n, s)
		}
	}
	for _, id := range []string{"job-1", "job-2"} {
		if r.IntN(2) == 0 {
			n.Isolated = append(n.Isolated, id)
		}
	}
	for i, d := range addresses("203.0.113.10", "203.0.113.11", "52.216.0.9") {
		if r.IntN(3) > 0 {
			n.Internet.Doors = append(n.Internet.Doors, d)
		}
		if r.IntN(3) > 0 {
			n.Internet.Hosts = append(n.Internet.Hosts, network.Host{ID: fmt.Sprintf("host-%d", i), Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(7 + i)})})
		}
	}
	return n
}

func addRandomVPC(r *rand.Rand, n *network.Network, s string) {
	v := vpc(s)
	if r.IntN(3) == 0 {
		v.CIDRs = append(v.CIDRs, prefixes("10.7.0.0/16")...)
	}
	groups := []string{"sg-1", "sg-2", "sg-3", "sg-4"}
	for _, id := range groups {
		if r.IntN(6) > 0 {
			v.Groups = append(v.Groups, network.Group{ID: id, Ingress: randomRules(r, groups), Egress: append(randomRules(r, groups), randomRules(r, groups)...)})
		}
	}
	some := func() []string {
		return slices.DeleteFunc(slices.Clone(groups), func(string) bool { return r.IntN(2) == 0 })
	}
	for i := range 5 {
		if r.IntN(4) == 0 {
			continue
		}
		address := fmt.Sprintf("10.0.%d.%d", 1+r.IntN(2), 10+i)
		n.Interfaces = append(n.Interfaces, eni(s, fmt.Sprintf("eni-%d%s", i, s), address, some()...))
	}
	for i := range 3 {
		id := fmt.Sprintf("vpce-%d%s", i, s)
		if r.IntN(3) == 0 {
			continue
		}
		if i == 0 {
			n.Endpoints = append(n.Endpoints, gatewayEndpoint(s, id))
			continue
		}
		n.Endpoints = append(n.Endpoints, network.Endpoint{ID: id, VPC: v.ID, Service: sts})
		for k := 1; k <= 2; k++ {
			if r.IntN(3) > 0 {
				n.Interfaces = append(n.Interfaces, endpointENI(s, fmt.Sprintf("eni-e%d%d%s", i, k, s), fmt.Sprintf("10.0.%d.%d", k, 30+i), id, some()...))
			}
		}
	}
	for i := range v.Tables {
		switch r.IntN(4) {
		case 0:
			v.Tables[i].Routes = append(v.Tables[i].Routes, network.Route{Destinations: prefixes("52.217.0.0/16")})
			fallthrough
		case 1, 2:
			v.Tables[i].Routes = append(v.Tables[i].Routes, toGateway("vpce-0"+s))
		}
	}
	if r.IntN(4) == 0 {
		v.Subnets[1].Table = v.Subnets[0].Table
	}
	n.VPCs = append(n.VPCs, v)
}

func randomRules(r *rand.Rand, groups []string) []network.Rule {
	var rules []network.Rule
	for range 1 + r.IntN(4) {
		rule := network.Rule{Protocol: 6, From: 443, To: 443}
		switch r.IntN(4) {
		case 0:
			rule.From, rule.To = 400, 8080
		case 1:
			rule.Protocol, rule.From, rule.To = -1, -1, -1
		case 2:
			rule.From, rule.To = 8080, 8080
		}
		switch r.IntN(4) {
		case 0:
			rule.Group = groups[r.IntN(len(groups))]
		case 1:
			rule.Prefixes = prefixes("52.216.0.0/15 10.0.1.8/29")
		case 2:
			rule.CIDR = netip.MustParsePrefix("10.0.1.0/24")
		default:
			rule.CIDR = netip.MustParsePrefix("0.0.0.0/0")
		}
		rules = append(rules, rule)
	}
	return rules
}

func testWalk(t *testing.T, w *world) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	w.serving = map[string]net.Listener{}
	counts := map[reach.ReachKind]int{}
	for range 12 {
		n := Random(r)
		w.apply(n)
		w.serveAll(n)
		index, err := reach.NewIndex(n)
		if err != nil {
			t.Fatal(err)
		}
		var done sync.WaitGroup
		for _, p := range randomProbes(r, n, 120) {
			found := index.Reach(p.id, netip.MustParseAddrPort(p.to))
			counts[found.Kind]++
			done.Go(func() { w.try(p, found) })
		}
		done.Wait()
		if t.Failed() {
			t.Fatalf("failed at %+v", n)
		}
	}
	for _, k := range []reach.ReachKind{reach.Dropped, reach.Delivered, reach.Accepted} {
		if counts[k] == 0 {
			t.Errorf("the walk met no connection of kind %d: it proves too little", k)
		}
	}
	t.Logf("dropped, delivered, accepted: %v", counts)
}

func (w *world) try(p step, found reach.Reach) {
	switch found.Kind {
	case reach.Delivered:
		w.reach(p.id, p.to, found.Interface)
	case reach.Accepted:
		w.enter(p.id, p.to, found.Origin)
	default:
		w.silent(p.id, p.to)
	}
}

// serveAll has a server on two ports of every namespace that has an address.
func (w *world) serveAll(n *network.Network) {
	have := map[string]bool{}
	for _, i := range n.Interfaces {
		if i.Endpoint == "" {
			have[i.ID] = true
		}
	}
	for _, h := range n.Internet.Hosts {
		have[h.ID] = true
	}
	for key, l := range w.serving {
		if id := key[:len(key)-len("443")-1]; !have[id] {
			l.Close()
			delete(w.serving, key)
		}
	}
	for id := range have {
		for _, port := range []string{"443", "808"} {
			key := id + ":" + port
			if w.serving[key] == nil {
				w.serving[key] = w.serve(id, "0.0.0.0:"+port)
			}
		}
	}
}

func randomProbes(r *rand.Rand, n *network.Network, count int) []step {
	var clients, targets []string
	for _, i := range n.Interfaces {
		targets = append(targets, i.Address.String())
		if i.Endpoint == "" {
			clients = append(clients, i.ID)
		}
	}
	for _, h := range n.Internet.Hosts {
		clients, targets = append(clients, h.ID), append(targets, h.Address.String())
	}
	for _, d := range n.Internet.Doors {
		targets = append(targets, d.String())
	}
	targets = append(targets, "52.216.3.4", "52.217.3.4", "54.231.0.1", "10.0.1.77", "10.0.0.2")
	if len(clients) == 0 {
		return nil
	}
	var probes []step
	for range count {
		port := []string{"443", "443", "808"}[r.IntN(3)]
		probes = append(probes, step{id: clients[r.IntN(len(clients))], to: targets[r.IntN(len(targets))] + ":" + port})
	}
	return probes
}
