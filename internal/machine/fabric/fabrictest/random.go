package fabrictest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"cloister/internal/value/network"
)

// Features are parts of a Network that a fabric may do without for a time.
type Features uint

const (
	ACLs       Features = 1 << iota
	Resolvers           // inbound resolvers' interfaces
	Hosts               // hosts on the internet reach each other
	Gateways            // internet gateways and elastic addresses
	NATs                // NAT gateways
	Peerings            // and groups by reference across them
	Forwarders          // interfaces that forward, as targets of routes
	VPNs                // tunnels
	Balancers           // network load balancers, and endpoints in front of them
	Zones               // private hosted zones
	Informed            // interfaces that are told their credentials

	// All is everything that a Network can say.
	All Features = 1<<iota - 1
	// Landed is what every fabric here does, and what Random makes.
	Landed = All
)

// Has says whether all of some features are among these.
func (f Features) Has(some Features) bool { return f&some == some }

// Random makes a small network by chance. Two networks of one generator overlap much, so that going
// from one to the other adds, changes and removes.
func Random(r *rand.Rand) *network.Network { return RandomOf(r, Landed) }

// RandomOf makes a small network of some features only.
func RandomOf(r *rand.Rand, features Features) *network.Network {
	g := &generator{Rand: r, Features: features, n: &network.Network{}, bases: map[string]string{}}
	for _, s := range []string{"a", "b", "c"} {
		if s == "a" && g.often() || g.IntN(3) > 0 {
			g.bases[s] = []string{"10.0", "10.0", map[string]string{"a": "10.0", "b": "10.1", "c": "10.2"}[s]}[g.IntN(3)]
		}
	}
	if g.Has(Peerings) {
		g.peer()
	}
	g.internet()
	for _, s := range []string{"a", "b", "c"} {
		if g.bases[s] != "" {
			g.vpc(s)
		}
	}
	for _, id := range []string{"job-1", "job-2"} {
		if g.IntN(2) == 0 {
			g.n.Isolated = append(g.n.Isolated, id)
		}
	}
	g.names()
	g.zones()
	return g.n
}

type generator struct {
	*rand.Rand
	Features
	n     *network.Network
	bases map[string]string // the first two bytes of each VPC's range
}

func (g *generator) often() bool  { return g.IntN(5) > 0 }
func (g *generator) seldom() bool { return g.IntN(5) == 0 }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// cidr is a range that begins with a VPC's two bytes.
func (g *generator) cidr(s, rest string) netip.Prefix {
	return netip.MustParsePrefix(g.bases[s] + rest)
}

// others are the VPCs with which one is peered, and the peerings.
func (g *generator) others(s string) (letters, ids []string) {
	for _, p := range g.n.Peerings {
		for k := range 2 {
			if p.VPCs[k] == "vpc-"+s {
				letters, ids = append(letters, p.VPCs[1-k][len("vpc-"):]), append(ids, p.ID)
			}
		}
	}
	return letters, ids
}

func (g *generator) peer() {
	for _, pair := range []string{"ab", "bc", "ac"} {
		one, two := pair[:1], pair[1:]
		if g.bases[one] != "" && g.bases[two] != "" && !g.seldom() {
			if g.bases[one] == g.bases[two] { // two ranges that overlap cannot be peered
				g.bases[two] = map[string]string{"b": "10.1", "c": "10.2"}[two]
				if g.bases[one] == g.bases[two] {
					continue
				}
			}
			g.n.Peerings = append(g.n.Peerings, network.Peering{ID: "pcx-" + pair, VPCs: [2]string{"vpc-" + one, "vpc-" + two}})
		}
	}
	g.n.Peerings = slices.DeleteFunc(g.n.Peerings, func(p network.Peering) bool { // a later pair may have moved a range
		return g.bases[p.VPCs[0][4:]] == g.bases[p.VPCs[1][4:]]
	})
	if g.often() {
		g.n.Peerings = append(g.n.Peerings, network.Peering{ID: "pcx-gone", VPCs: [2]string{"vpc-a", "vpc-gone"}})
	}
	if g.bases["a"] == "" {
		g.n.Peerings = nil
	}
}

func (g *generator) internet() {
	for i, d := range addresses("203.0.113.10", "203.0.113.11", "52.216.0.9") {
		if g.IntN(3) > 0 {
			g.n.Internet.Doors = append(g.n.Internet.Doors, d)
		}
		if g.IntN(3) > 0 && (g.Has(Hosts) || len(g.n.Internet.Hosts) == 0) {
			g.n.Internet.Hosts = append(g.n.Internet.Hosts, network.Host{ID: fmt.Sprintf("host-%d", i), Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(7 + i)})})
		}
	}
}

func (g *generator) vpc(s string) {
	v := network.VPC{ID: "vpc-" + s, CIDRs: []netip.Prefix{g.cidr(s, ".0.0/16")}, Resolve: g.often()}
	if g.IntN(3) == 0 {
		v.CIDRs = append(v.CIDRs, netip.MustParsePrefix(map[string]string{"a": "10.7", "b": "10.8", "c": "10.9"}[s]+".0.0/16"))
	}
	if g.Has(Gateways) && g.often() {
		v.InternetGateway = "igw-" + s
	}
	if g.Has(VPNs) && g.IntN(2) == 0 {
		v.VPN = g.vpn(s)
	}
	for i := range 4 {
		if g.IntN(8) > 0 {
			v.Groups = append(v.Groups, g.group(s, i))
		}
	}
	v.ACLs = g.acls(s)
	for i := range 3 {
		v.Subnets = append(v.Subnets, network.Subnet{ID: fmt.Sprintf("subnet-%d%s", i+1, s), CIDR: g.cidr(s, fmt.Sprintf(".%d.0/24", i+1)), Zone: fmt.Sprint(i),
			Table: fmt.Sprintf("rtb-%d%s", pick(g, i, i, i, 0, 1, 2)+1, s)})
		if len(v.ACLs) > 0 && g.IntN(3) > 0 {
			v.Subnets[i].ACL = pick(g, v.ACLs...).ID
		}
	}
	g.interfaces(s)
	g.endpoints(s)
	for i := range 3 {
		if g.IntN(12) > 0 {
			v.Tables = append(v.Tables, network.RouteTable{ID: fmt.Sprintf("rtb-%d%s", i+1, s), Routes: g.routes(s, i)})
		}
	}
	g.n.VPCs = append(g.n.VPCs, v)
}

// address is in one of a VPC's subnets; number tells interfaces of one VPC apart.
func (g *generator) add(s, id string, number int, change func(*network.Interface)) {
	subnet := 1 + g.IntN(3)
	if strings.HasPrefix(id, "eni-n") && g.IntN(3) > 0 {
		subnet = 1 // the public one
	}
	i := network.Interface{ID: id, VPC: "vpc-" + s, Subnet: fmt.Sprintf("subnet-%d%s", subnet, s), Address: netip.MustParseAddr(fmt.Sprintf("%s.%d.%d", g.bases[s], subnet, number))}
	for k := range 4 {
		if g.IntN(2) == 0 {
			i.Groups = append(i.Groups, fmt.Sprintf("sg-%d%s", k+1, s))
		}
	}
	change(&i)
	g.n.Interfaces = append(g.n.Interfaces, i)
}

// elastic is the address that may stand for an interface; it says where from, for who reads a failure.
func elastic(s string, number int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, s[0] - 'a', byte(number)})
}

func (g *generator) interfaces(s string) {
	for i := range 4 {
		if g.seldom() {
			continue
		}
		g.add(s, fmt.Sprintf("eni-%d%s", i, s), 10+i, func(e *network.Interface) {
			if g.Has(Gateways) && g.IntN(2) == 0 {
				e.Public = elastic(s, 10+i)
			}
			e.Open = g.Has(Balancers) && g.IntN(8) == 0
		})
	}
	for i := range 2 {
		if g.Has(NATs) && g.IntN(3) > 0 {
			g.add(s, fmt.Sprintf("eni-n%d%s", i, s), 20+i, func(e *network.Interface) {
				e.NAT, e.Groups = true, nil
				if g.Has(Gateways) && g.often() {
					e.Public = elastic(s, 20+i)
				}
			})
		}
	}
	if g.Has(Forwarders) && g.often() {
		g.add(s, "eni-f"+s, 25, func(e *network.Interface) { e.Forwards = true })
	}
	for i := range g.n.Interfaces {
		if e := &g.n.Interfaces[i]; e.VPC == "vpc-"+s && g.Has(Informed) && !e.NAT {
			e.Metadata = g.IntN(3) == 0
		}
	}
	if g.Has(Resolvers) && g.IntN(2) == 0 {
		g.add(s, "eni-r"+s, 26, func(e *network.Interface) { e.Resolver = true })
	}
	if g.Has(Balancers) && g.often() {
		g.balancer(s)
	}
}

func (g *generator) endpoints(s string) {
	for i := range 3 {
		if g.seldom() {
			continue
		}
		e := network.Endpoint{ID: fmt.Sprintf("vpce-%d%s", i, s), VPC: "vpc-" + s, Service: sts}
		if i == 0 {
			e = gatewayEndpoint(s, e.ID)
		} else if i == 2 && g.Has(Balancers) {
			e.Balancer = "nlb-" + pick(g, "a", "b", "c", "gone")
		}
		g.n.Endpoints = append(g.n.Endpoints, e)
		for k := 1; i > 0 && k <= 2; k++ {
			if g.IntN(3) > 0 {
				g.add(s, fmt.Sprintf("eni-e%d%d%s", i, k, s), 30+2*i+k, func(n *network.Interface) { n.Endpoint = e.ID })
			}
		}
	}
}

// names has a service's name in public, and in some VPCs for what endpoints they have.
func (g *generator) names() {
	n := g.n
	n.Internet.Names = []network.Name{{Text: serviceName, Addresses: n.Internet.Doors}}
	for i := range n.VPCs {
		v := &n.VPCs[i]
		var at []netip.Addr
		for _, e := range n.Interfaces {
			if e.VPC == v.ID && e.Endpoint != "" {
				at = append(at, e.Address)
			}
		}
		if len(at) > 0 && g.often() {
			v.Names = []network.Name{{Text: serviceName, Addresses: at}}
		}
		for _, e := range n.Interfaces { // the name that an endpoint has of itself is public
			if e.VPC == v.ID && e.Endpoint != "" {
				n.Internet.Names = append(n.Internet.Names, network.Name{Text: e.Endpoint + ".example.com", Addresses: []netip.Addr{e.Address}})
			}
		}
	}
}

const serviceName = "sts.us-east-1.amazonaws.com"
