package fabrictest

import (
	"crypto/ecdh"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"

	"cloister/internal/value/network"
)

// ports of rules: 443 and 808 have servers, 53 has resolvers, and 8080 nobody.
func (g *generator) ports() (protocol, low, high int) {
	switch g.IntN(8) {
	case 0, 1:
		return -1, -1, -1
	case 2:
		return 6, 0, 65535
	case 3:
		return 6, 400, 8080
	case 4:
		return 6, 8080, 8080
	case 5:
		return pick(g, 1, 17), -1, -1
	}
	return 6, pick(g, 443, 443, 53), 443
}

// peer is a range that a rule may speak of.
func (g *generator) peers(s string) netip.Prefix {
	switch g.IntN(8) {
	case 0:
		return g.cidr(s, ".1.0/24")
	case 1:
		return g.cidr(s, ".0.0/16")
	case 2:
		return netip.MustParsePrefix(pick(g, "198.18.0.0/15", "198.51.100.0/24", "192.168.0.0/16"))
	case 3:
		if letters, _ := g.others(s); len(letters) > 0 {
			if other := pick(g, letters...); g.bases[other] != "" {
				return g.cidr(other, pick(g, ".0.0/16", ".1.0/24"))
			}
		}
	}
	return everywhere
}

var everywhere = netip.MustParsePrefix("0.0.0.0/0")

func (g *generator) rules(s string) []network.Rule {
	var rules []network.Rule
	for range 1 + g.IntN(4) {
		var rule network.Rule
		rule.Protocol, rule.From, rule.To = g.ports()
		switch g.IntN(5) {
		case 0:
			home := s
			if letters, _ := g.others(s); len(letters) > 0 && g.IntN(2) == 0 {
				home = pick(g, letters...)
			}
			rule.Group = fmt.Sprintf("sg-%d%s", 1+g.IntN(4), home)
		case 1:
			rule.Prefixes = []netip.Prefix{netip.MustParsePrefix("52.216.0.0/15"), g.cidr(s, ".1.8/29")}
		default:
			rule.CIDR = g.peers(s)
		}
		rules = append(rules, rule)
	}
	return rules
}

// group is one by chance; the first of a VPC is often one that allows everything.
func (g *generator) group(s string, i int) network.Group {
	id := fmt.Sprintf("sg-%d%s", i+1, s)
	if i == 0 && g.IntN(3) > 0 {
		return open(id)
	}
	return network.Group{ID: id, Ingress: g.rules(s), Egress: append(g.rules(s), g.rules(s)...)}
}

// acls are lists that let much pass, as most do. Of the ephemeral ports they take all or none.
func (g *generator) acls(s string) (list []network.ACL) {
	if !g.Has(ACLs) {
		return nil
	}
	for i := range 2 {
		if g.seldom() {
			continue
		}
		list = append(list, network.ACL{ID: fmt.Sprintf("acl-%d%s", i+1, s), Ingress: g.entries(s), Egress: g.entries(s)})
	}
	return list
}

func (g *generator) entries(s string) (list []network.ACLEntry) {
	for range g.IntN(4) {
		e := network.ACLEntry{Allow: g.IntN(2) == 0, Protocol: 6, CIDR: g.peers(s)}
		if e.CIDR == everywhere && g.IntN(3) > 0 {
			e.Allow = true
		}
		switch g.IntN(7) {
		case 0:
			e.From, e.To = 443, 443
		case 1:
			e.From, e.To = 32768, 65535
		case 2:
			e.From, e.To = 1024, 65535
		case 3:
			e.From, e.To = 0, 1023
		case 4:
			e.From, e.To = 0, 65535
		case 5:
			e.Protocol, e.From, e.To = pick(g, 1, 17), -1, -1
		case 6:
			e.Protocol, e.From, e.To = -1, -1, -1
		}
		list = append(list, e)
	}
	if g.often() {
		list = append(list, network.ACLEntry{Allow: true, Protocol: -1, From: -1, To: -1, CIDR: everywhere})
	}
	return list
}

// routes lead to everything that there is to lead to, things that are gone and another's included.
// The first table of a VPC is mostly a public subnet's, the last a private one's.
func (g *generator) routes(s string, table int) (list []network.Route) {
	add := func(kind network.TargetKind, id string, to ...string) {
		list = append(list, network.Route{Destinations: prefixes(to...), Target: network.Target{Kind: kind, ID: id}})
	}
	if g.seldom() {
		add(network.Blackhole, "", "52.217.0.0/16")
	}
	if g.IntN(3) > 0 {
		list = append(list, toGateway("vpce-0"+pick(g, s, s, s, "a")))
	}
	switch {
	case table == 0 && g.Has(Gateways) && g.IntN(3) > 0:
		add(network.ToInternetGateway, "igw-"+s, "0.0.0.0/0")
	case table == 2 && g.Has(NATs) && g.IntN(3) > 0:
		add(network.ToInterface, "eni-n0"+s, "0.0.0.0/0")
	}
	if g.Has(VPNs) && g.IntN(2) == 0 {
		add(network.ToVPN, "vgw-"+s, "192.168.0.0/16")
	}
	letters, ids := g.others(s)
	for i, other := range letters {
		if base := g.bases[other]; base != "" && g.often() {
			add(network.ToPeering, ids[i], base+".0.0/16")
			if g.seldom() {
				g.anywhere(s, base+".1.0/24", add)
			}
		}
	}
	for _, to := range []string{"0.0.0.0/0", "198.51.100.0/24", "198.51.100.8/32", "203.0.113.0/24", "198.18.0.0/15", "192.168.0.0/16", "192.168.1.0/24", "10.0.0.0/8"} {
		if to == "0.0.0.0/0" && g.often() || g.seldom() {
			g.anywhere(s, to, add)
		}
	}
	return list
}

// anywhere leads a range to one of the targets that a VPC may have.
func (g *generator) anywhere(s, to string, add func(network.TargetKind, string, ...string)) {
	other := pick(g, "a", "b", "c")
	switch g.IntN(9) {
	case 0, 1, 2:
		if g.Has(Gateways) {
			add(network.ToInternetGateway, "igw-"+pick(g, s, s, s, s, other), to)
		}
	case 3, 4:
		if g.Has(NATs) {
			add(network.ToInterface, fmt.Sprintf("eni-n%d%s", g.IntN(2), pick(g, s, s, s, s, other)), to)
		}
	case 5:
		if g.Has(Forwarders) {
			add(network.ToInterface, pick(g, "eni-f"+s, "eni-f"+s, "eni-f"+other, "eni-0"+s), to)
		}
	case 6:
		if _, ids := g.others(s); len(ids) > 0 {
			add(network.ToPeering, pick(g, ids...), to)
		}
	case 7:
		if g.Has(VPNs) {
			add(network.ToVPN, "vgw-"+pick(g, s, s, s, other), to)
		}
	case 8:
		add(network.Blackhole, "", to)
	}
}

// vpn is a gateway with one or two customers' networks behind it.
func (g *generator) vpn(s string) *network.VPN {
	v := &network.VPN{ID: "vgw-" + s, Port: nextPort(), Key: TunnelKey("vgw-" + s)}
	for i := range 1 + g.IntN(2) {
		id := fmt.Sprintf("vpn-%d%s", i, s)
		v.Tunnels = append(v.Tunnels, network.Tunnel{ID: id, PublicKey: publicKey(TunnelKey(id)), Networks: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("192.168.%d.0/24", i))}})
	}
	return v
}

var ports atomic.Uint32

// nextPort is one that no other network of this process has, below those that the kernel gives away
// and, most likely, apart from those of other processes.
func nextPort() int { return 10000 + int(uint32(os.Getpid())*97+ports.Add(1))%20000 }

// TunnelKey is the private key of a gateway, or of the customer's side of a tunnel, in a random network.
func TunnelKey(id string) network.Key {
	key := network.Key(sha256.Sum256([]byte(id)))
	key[0] &= 248
	key[31] = key[31]&127 | 64
	return key
}

func publicKey(private network.Key) network.Key {
	key, err := ecdh.X25519().NewPrivateKey(private[:])
	if err != nil {
		panic(err) // every key of this length is one
	}
	return network.Key(key.PublicKey().Bytes())
}

// balancer has one or two interfaces, and listeners for the interfaces of its VPC and one address of nobody.
func (g *generator) balancer(s string) {
	b := network.Balancer{ID: "nlb-" + s, VPC: "vpc-" + s, Zonal: g.IntN(3) == 0}
	for i := range 1 + g.IntN(2) {
		id := fmt.Sprintf("eni-b%d%s", i, s)
		g.add(s, id, 27+i, func(e *network.Interface) { e.Open, e.Groups = true, nil })
		b.Interfaces = append(b.Interfaces, id)
	}
	for _, port := range []int{443, 808} {
		if g.seldom() {
			continue
		}
		l := network.Listener{Port: port}
		for _, i := range g.n.Interfaces {
			if i.VPC == b.VPC && i.Own() && !i.NAT && !strings.HasPrefix(i.ID, "eni-b") && g.IntN(2) == 0 {
				l.Targets = append(l.Targets, netip.AddrPortFrom(i.Address, uint16(pick(g, 443, 808, 8080))))
			}
		}
		b.Listeners = append(b.Listeners, l)
	}
	g.n.Balancers = append(g.n.Balancers, b)
}
