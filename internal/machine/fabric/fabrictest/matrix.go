package fabrictest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloister/internal/engine/reach"
	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// Matrix has a fabric go through small networks made by chance. In each it tries every namespace
// against every address, looks names up and calls what they stand for, and demands what engine/reach,
// which is written from AWS's rules and knows nothing of any fabric, says.
func Matrix(t *testing.T, open func(t *testing.T) Fabric, features Features, networks int) {
	const walks = 4 // side by side: most of a walk's time is waiting for what must not answer
	var mu sync.Mutex
	seen := map[string]int{}
	var done sync.WaitGroup
	for k := range walks {
		done.Go(func() {
			t.Run(fmt.Sprint(k), func(t *testing.T) {
				counts := newWorld(t, open(t)).walk(features, (networks+walks-1)/walks)
				mu.Lock()
				defer mu.Unlock()
				for k, n := range counts {
					seen[k] += n
				}
			})
		})
	}
	done.Wait()
	t.Logf("seen: %v", seen)
	for outcome, of := range outcomes {
		if t.Failed() {
			break
		}
		if strings.HasPrefix(outcome, "udp: ") && seen["delivered by udp"] == 0 {
			continue // a fabric without datagrams
		}
		if features.Has(of) && seen[outcome] == 0 {
			t.Errorf("no connection of %d networks was %q: the matrix proves too little", networks, outcome)
		}
	}
}

// outcomes are what must have been seen at least once, by the features that it needs.
var outcomes = map[string]Features{
	"dropped": 0, "delivered": 0, "accepted": 0, "looked up": 0,
	"a zone's name": Zones, "a zone's wildcard": Zones, "a zone's alias": Zones, "through three aliases": Zones, "aliases that loop": Zones,
	"not in its zone": Zones, "hidden by a zone": Zones,
	"answered": Resolvers, "unanswered": ACLs, "by a list, to an endpoint": 0,
	"between hosts": Hosts, "to an elastic address": Gateways, "from an elastic address": Gateways, "at a door, from a VPC": Gateways,
	"through NAT": NATs | Gateways, "over a peering": Peerings, "at an endpoint, over a peering": Peerings,
	"forwarded": Forwarders, "udp: sent for others": Forwarders, "udp: sent for others, answered": Forwarders, "tunnelled": VPNs, "from a tunnel": VPNs, "told": Informed, "not told": Informed, "balanced": Balancers, "balanced to nobody": Balancers,
}

func testWalk(t *testing.T, w *world) {
	counts := w.walk(Landed, 12)
	for _, k := range []string{"dropped", "delivered", "accepted"} {
		if counts[k] == 0 {
			t.Errorf("the walk met no connection that was %s: it proves too little", k)
		}
	}
	t.Logf("seen: %v", counts)
}

// assumer is a fabric in which a namespace can be told to take all it is given for its own.
type assumer interface{ Assume(id string) error }

// walk goes through networks and compares each with the law; it tells what it met.
func (w *world) walk(features Features, networks int) map[string]int {
	t := w.t
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	w.serving = map[string]net.Listener{}
	counts := map[string]int{}
	for k := range networks {
		n := RandomOf(r, features)
		w.apply(n)
		index, err := reach.NewIndex(n)
		if err != nil {
			t.Fatal(err)
		}
		w.serveAll(n)
		m := &matrix{world: w, n: n, index: index, counts: counts}
		m.try(r)
		if t.Failed() {
			text, _ := json.MarshalIndent(n, "", " ")
			t.Fatalf("seed %d, network %d:\n%s", seed, k, text)
		}
	}
	return counts
}

// serveAll has a server on three ports of every namespace that has an address and is nobody's station.
func (w *world) serveAll(n *network.Network) {
	have := map[string]bool{}
	for _, i := range n.Interfaces {
		have[i.ID] = inhabited(n, &i)
	}
	for _, h := range n.Internet.Hosts {
		have[h.ID] = true
	}
	behind := w.tunnels(n)
	for id := range behind {
		have[id] = true
	}
	for key, l := range w.serving {
		if id, _, _ := strings.Cut(key, ":"); !have[id] {
			l.Close()
			delete(w.serving, key)
		}
	}
	for _, i := range n.Interfaces {
		if a, can := w.Fabric.(assumer); i.Forwards && can {
			if err := a.Assume(i.ID); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	for id, yes := range have {
		for _, port := range []string{"443", "808", "53"} {
			key := id + ":" + port
			if !yes || w.serving[key] != nil {
				continue
			}
			if at, is := behind[id]; is {
				w.serving[key] = w.serveBehind(id, at.String()+":"+port)
			} else {
				w.serving[key] = w.serve(id, "0.0.0.0:"+port)
				w.serveUDP(id, "0.0.0.0:"+port)
			}
		}
	}
}

// inhabited says whether an interface's namespace is a customer's, and not a gateway's or a balancer's.
func inhabited(n *network.Network, i *network.Interface) bool {
	return i.Own() && !i.NAT && !slices.ContainsFunc(n.Balancers, func(b network.Balancer) bool { return slices.Contains(b.Interfaces, i.ID) })
}

// matrix is one network under test.
type matrix struct {
	*world
	n      *network.Network
	index  *reach.Index
	counts map[string]int
}

// try connects from everywhere to everything, on one of the ports each.
func (m *matrix) try(r *rand.Rand) {
	var done sync.WaitGroup
	room := make(chan struct{}, 256)
	clients, targets := m.clients(), m.targets()
	for id, at := range m.tunnels(m.n) {
		for _, to := range targets {
			if netip.PrefixFrom(at, 24).Contains(to) {
				continue // does not come out of that network at all
			}
			m.one(&done, room, reach.Probe{From: id, Source: at, To: netip.AddrPortFrom(to, []uint16{443, 808, 53}[r.IntN(3)])})
		}
	}
	m.sendForOthers(r, &done, room, targets)
	for _, id := range clients {
		for _, to := range targets {
			at := netip.AddrPortFrom(to, []uint16{443, 443, 443, 808, 808, 53}[r.IntN(6)])
			m.one(&done, room, reach.Probe{From: id, To: at, Protocol: reach.TCP})
			if _, can := m.Fabric.(Datagrams); can && r.IntN(4) == 0 {
				m.one(&done, room, reach.Probe{From: id, To: at, Protocol: []int{reach.UDP, reach.UDP, reach.ICMP}[r.IntN(3)]})
			}
		}
		for _, to := range m.n.Internet.Hosts { // what is outside is one way for all, and the longest
			m.one(&done, room, reach.Probe{From: id, To: netip.AddrPortFrom(to.Address, 443)})
		}
		for _, to := range m.n.Internet.Doors {
			m.one(&done, room, reach.Probe{From: id, To: netip.AddrPortFrom(to, 443)})
		}
		m.one(&done, room, reach.Probe{From: id, To: m.resolver(id)})
		for _, at := range []netip.Addr{reach.ContainerMetadata, reach.InstanceMetadata} {
			m.one(&done, room, reach.Probe{From: id, To: netip.AddrPortFrom(at, 80)})
		}
		for _, at := range m.lookups(id) {
			if r.IntN(4) == 0 {
				m.one(&done, room, reach.Probe{From: id, To: netip.AddrPortFrom(at[r.IntN(len(at))], 443)})
			}
		}
	}
	done.Wait()
}

// resolver is where a namespace asks for names.
func (m *matrix) resolver(id string) netip.AddrPort {
	return netip.AddrPortFrom(m.index.Resolver(id).Servers[0], 53)
}

func same(a, b []netip.Addr) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, netip.Addr.Compare)
	slices.SortFunc(b, netip.Addr.Compare)
	return slices.Equal(a, b)
}

func (m *matrix) clients() (ids []string) {
	for _, i := range m.n.Interfaces {
		if inhabited(m.n, &i) {
			ids = append(ids, i.ID)
		}
	}
	for _, h := range m.n.Internet.Hosts {
		ids = append(ids, h.ID)
	}
	return ids
}

// targets are all addresses there are, and some that nobody has.
func (m *matrix) targets() (list []netip.Addr) {
	for _, i := range m.n.Interfaces {
		list = append(list, i.Address)
		if i.Public.IsValid() {
			list = append(list, i.Public)
		}
	}
	for _, h := range m.n.Internet.Hosts {
		list = append(list, h.Address)
	}
	list = append(list, m.n.Internet.Doors...)
	for _, v := range m.n.VPCs {
		list = append(list, reach.VPCResolver(&v), reach.Gateway(&v.Subnets[0]))
	}
	list = append(list, reach.LinkLocalResolver, reach.PublicResolver)
	list = append(list, addresses("52.216.3.4", "52.217.3.4", "54.231.0.1", "10.0.1.77", "10.9.0.1", "192.168.0.9", "192.168.1.9", "192.168.2.9", "198.18.0.200", "198.51.100.200", "169.254.169.254", "169.254.170.2", "8.8.8.8")...)
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

// one tries one connection.
func (m *matrix) one(done *sync.WaitGroup, room chan struct{}, p reach.Probe) {
	path := m.index.Walk(p)
	if path.Kind == reach.Forwarded && path.Interface == p.From && !p.Source.IsValid() {
		return // nobody believes a packet from himself
	}
	m.count(p, &path)
	room <- struct{}{}
	done.Go(func() {
		defer func() { <-room }()
		if err := m.agree(p, &path); err != nil {
			var way []string
			for _, h := range path.Hops {
				way = append(way, h.String())
			}
			m.t.Errorf("%s to %s (protocol %d) should be %v: %v\n\t%s", p.From, p.To, p.Protocol, path.Kind, err, strings.Join(way, "\n\t"))
		}
	})
}

// agree demands what the law says of a connection.
func (m *matrix) agree(p reach.Probe, path *reach.Path) error {
	switch {
	case path.Kind == reach.Answered:
		return m.ask(p, path)
	case p.Protocol == reach.UDP:
		return m.datagram(p, path)
	case p.Protocol == reach.ICMP:
		return m.echo(p.From, p.To.Addr(), path)
	}
	wait := patience
	want := m.greetings(path)
	if len(want) == 0 && path.Kind != reach.Balanced {
		wait = silence
	}
	c, err := greeted(wait, func(ctx context.Context) (net.Conn, error) { return m.dialTo(ctx, p) })
	if err != nil {
		if wait == silence && isSilence(err) || path.Kind == reach.Balanced && !m.served(path) {
			return nil
		}
		return fmt.Errorf("no greeting: %w", err)
	}
	defer c.Close()
	if !slices.Contains(want, c.greeting) {
		return fmt.Errorf("greeted %q, not one of %q", c.greeting, want)
	}
	return nil
}

// greetings are what the servers say of which one is at the end of a path; there is none where nobody
// answers.
func (m *matrix) greetings(path *reach.Path) (list []string) {
	switch path.Kind {
	case reach.Accepted:
		return []string{originText(path.Origin)}
	case reach.Forwarded:
		if !m.assumes() {
			return nil
		}
	case reach.Tunnelled:
		if path.Target.Addr() != m.tunnels(m.n)[path.Interface] {
			return nil
		}
	case reach.Balanced:
		for i := range path.Onward {
			list = append(list, m.greetings(&path.Onward[i])...)
		}
		return list
	case reach.Dropped:
		return nil
	}
	return []string{path.Interface + " " + path.Source.Addr().String() + " " + path.Target.Addr().String()}
}

func (m *matrix) assumes() bool { _, can := m.Fabric.(assumer); return can }

// served says whether one of a balancer's targets has a server.
func (m *matrix) served(path *reach.Path) bool {
	return slices.ContainsFunc(path.Onward, func(p reach.Path) bool {
		return p.Kind == reach.Accepted || m.serving[fmt.Sprintf("%s:%d", p.Interface, p.Target.Port())] != nil
	})
}

func originText(o caller.Origin) string {
	text, _ := json.Marshal(o)
	return string(text)
}

// count notes what kinds of paths there were.
func (m *matrix) count(probe reach.Probe, p *reach.Path) {
	note := func(is bool, what string) {
		if is {
			m.counts[what]++
		}
	}
	id := probe.From
	if p.Kind == reach.Delivered || p.Kind == reach.Answered {
		m.counts[fmt.Sprintf("%v by %s", p.Kind, map[int]string{0: "tcp", reach.TCP: "tcp", reach.UDP: "udp", reach.ICMP: "icmp"}[probe.Protocol])]++
	}
	own, vpc := m.index.Address(id), m.index.VPC(id)
	note(probe.Source.IsValid() && vpc == "" && p.Kind != reach.Dropped, "from a tunnel")
	note(probe.Source.IsValid() && vpc != "" && p.Arrived, "udp: sent for others")
	note(probe.Source.IsValid() && vpc != "" && p.Kind != reach.Dropped, "udp: sent for others, answered")
	m.counts[p.Kind.String()]++
	note(p.Kind == reach.Dropped && p.Arrived, "unanswered")
	note(p.Kind == reach.Delivered && vpc == "" && m.index.VPC(p.Interface) == "" && p.Interface != id, "between hosts")
	note(p.Kind == reach.Delivered && vpc == "" && m.index.VPC(p.Interface) != "", "to an elastic address")
	note(p.Kind == reach.Delivered && vpc != "" && m.index.VPC(p.Interface) == "" && p.Source.Addr() != own, "from an elastic address")
	note(p.Kind == reach.Accepted && vpc != "" && p.Origin.Place == caller.Internet, "at a door, from a VPC")
	note(p.Kind == reach.Accepted && p.Origin.Place == caller.Endpoint && p.Origin.EndpointInterface == "", "by a list, to an endpoint")
	note(p.Kind != reach.Dropped && strings.Count(fmt.Sprint(p.Hops), "-> eni-n") > 0 && vpc != "", "through NAT")
	note(p.Kind == reach.Delivered && vpc != "" && p.Source.Addr() == own && m.index.VPC(p.Interface) != vpc && m.index.VPC(p.Interface) != "", "over a peering")
	note(p.Kind == reach.Accepted && p.Origin.Interface == id && p.Origin.VPC != vpc, "at an endpoint, over a peering")
	asks := probe.To.Addr() == reach.ContainerMetadata && probe.To.Port() == 80
	note(asks && p.Kind == reach.Accepted && p.Origin.Place == caller.Metadata && p.Origin.Interface == id, "told")
	note(asks && p.Kind == reach.Dropped && vpc != "", "not told")
	note(p.Kind == reach.Balanced && !m.served(p), "balanced to nobody")
}
