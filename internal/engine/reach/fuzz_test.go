package reach

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// FuzzWalk walks networks of any shape: a contradiction is refused, and everything else has an answer
// that holds together.
func FuzzWalk(f *testing.F) {
	var texts [][]byte
	for _, change := range []func(*network.Network){
		func(*network.Network) {},
		func(n *network.Network) { n.Peerings = nil },
		func(n *network.Network) { n.Balancers[0].Interfaces = nil },
		func(n *network.Network) {
			n.VPCs = n.VPCs[:1]
			n.Interfaces = n.Interfaces[:14]
			n.Endpoints = n.Endpoints[:2]
		},
		func(n *network.Network) { n.VPCs[0].InternetGateway, n.VPCs[0].VPN = "", nil },
		func(n *network.Network) { // two NAT gateways whose tables lead to each other
			n.Interfaces[9].NAT = true
			n.VPCs[0].Tables[0].Routes[0].Target = network.Target{Kind: network.ToInterface, ID: "eni-priv"}
		},
	} {
		n := estate()
		change(n)
		text, err := json.Marshal(n)
		if err != nil {
			f.Fatal(err)
		}
		texts = append(texts, text)
	}
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		n := new(network.Network)
		if json.Unmarshal(shift(texts, seed), n) != nil {
			return
		}
		x, err := NewIndex(n)
		if err != nil {
			return
		}
		for _, p := range allProbes(n) {
			got := x.Walk(p)
			switch {
			case got.Kind == Dropped && (len(got.Hops) == 0 || got.Origin != caller.Origin{}):
				t.Errorf("%+v is dropped without a reason or with an origin: %+v", p, got)
			case got.Kind == Accepted && (got.Origin.Target != got.Target || !x.Stands(&got.Origin)):
				t.Errorf("%+v is accepted as %+v, which does not stand", p, got.Origin)
			case got.Kind != Dropped && (!got.Arrived || !got.Source.IsValid() || !got.Target.IsValid()):
				t.Errorf("%+v ends nowhere: %+v", p, got)
			}
		}
	})
}

// shift changes a few digits of one of the texts: an address, a port, an id, a number of bits.
func shift(texts [][]byte, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	text := bytes.Clone(texts[r.IntN(len(texts))])
	for changes := r.IntN(6); changes > 0; {
		if at := r.IntN(len(text)); text[at] >= '0' && text[at] <= '9' {
			text[at] = '0' + byte(r.IntN(10))
			changes--
		}
	}
	return text
}

// allProbes are from everywhere to everything.
func allProbes(n *network.Network) (list []Probe) {
	from := []Probe{{From: "vpn-1", Source: address("192.168.0.9")}, {From: ""}, {From: "job"}}
	to := []netip.Addr{{}, address("8.8.8.8"), address("52.216.0.9"), address("192.168.0.9"), PublicResolver, LinkLocalResolver}
	for _, i := range n.Interfaces {
		from, to = append(from, Probe{From: i.ID}), append(to, i.Address, i.Public)
	}
	for _, h := range n.Internet.Hosts {
		from, to = append(from, Probe{From: h.ID}), append(to, h.Address)
	}
	to = append(to, n.Internet.Doors...)
	for i, p := range from {
		for k, at := range to {
			p.Protocol = []int{TCP, UDP, ICMP, 47}[(i+k)%4]
			p.To = netip.AddrPortFrom(at, []uint16{443, 80, 53}[(i*k)%3])
			list = append(list, p)
		}
	}
	return list
}
