package linux

import (
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// What goes between VPCs, gateways and interfaces that forward. Three verdict maps by link stand in
// front of the ones by address:
//
//	from (in h_raw)  the link's sources: a wire's other ranges, anything for who may forward
//	via  (in h_fwd, h_in)  whose groups judge what comes out of a link: a forwarder's own; none for a
//	     wire, of which packets get to interfaces of this VPC and nowhere else
//	to   (in c_post)  what leads out: a gateway, a wire, a forwarder
//
// So nothing transits: what came by a wire ends at an interface.
const (
	setFrom  = "from"
	setVia   = "via"
	setViaIn = "via_in"
	setTo    = "to"

	setElasticOut = "elastic_s" // private to public
	setElasticIn  = "elastic_d" // public to private
	setElastic    = "elastic"   // private addresses that have a public one
	setPublic     = "public"    // the public ones

	chainWire    = "c_wire"    // a packet out of a wire, forwarded
	chainWireIn  = "c_wire_in" // and one for the router itself
	chainNone    = "c_none"
	chainRawOn   = "raw_on" // the rest of h_raw, for forwarders
	chainOpenIn  = "c_open_i"
	chainOpen    = "c_open_o"
	chainLeave   = "c_leave"
	chainTunnels = "c_tunnels" // to a VPN gateway: only what is behind a tunnel
	chainOut     = "c_gateway" // to the internet: only who has a public address
)

// byLink goes on with the chain that a verdict map has for the link the packet came from (or goes to).
func byLink(out bool, set string) rule {
	if out {
		return new(line).link(expr.MetaKeyOIFNAME, set).rule()
	}
	return new(line).link(expr.MetaKeyIIFNAME, set).rule()
}

// addForwarding adds the chains and maps of the links that are no plain interface's.
func addForwarding(r *ruleset, p *parts, links map[string]string) {
	from, via, viaIn, to := r.set(setFrom, setLinkGo), r.set(setVia, setLinkGo), r.set(setViaIn, setLinkGo), r.set(setTo, setLinkGo)
	r.chains[chainOpen] = chain{nil, []rule{new(line).goTo(chainPost)}}
	r.chains[chainOpenIn] = chain{nil, []rule{new(line).accept()}}
	// Gateways and peerings take from each interface what is its own; others' packets go to forwarders only.
	foreign := new(line).unbound(setOfBound).drop()
	r.chains[chainLeave] = chain{nil, []rule{foreign, new(line).accept()}}
	r.chains[chainNone] = chain{nil, []rule{new(line).drop()}}
	r.chains[chainWire] = chain{nil, []rule{new(line).dispatch(false, setIn).rule(), new(line).drop()}}
	r.chains[chainWireIn] = chain{nil, wireInput(p)}
	wire := func(id string, sources []netip.Prefix) {
		link := links[wireKey(id)]
		if link == "" {
			return
		}
		var rules []rule
		for _, s := range sources {
			rules = append(rules, new(line).address(true, s).accept())
		}
		name := chainName("f_", id)
		r.chains[name] = chain{nil, append(distinct(rules), new(line).drop())}
		from[linkKey(link)], via[linkKey(link)], viaIn[linkKey(link)], to[linkKey(link)] = name, chainWire, chainWireIn, chainLeave
	}
	for _, o := range p.peers {
		wire(o.id, o.vpc.CIDRs)
	}
	if p.vpc.VPN != nil {
		var networks []netip.Prefix
		for i := range p.vpc.VPN.Tunnels {
			networks = append(networks, p.vpc.VPN.Tunnels[i].Networks...)
		}
		wire(vpnLink, networks)
		if key := linkKey(vpnLink); to[key] != "" {
			addTunnels(r, p.vpc, networks)
			to[key] = chainTunnels
		}
	}
	if link := links[wireKey(p.vpc.InternetGateway)]; link != "" && p.vpc.InternetGateway != "" {
		addGateway(r, p, link)
	}
	for _, i := range p.interfaces {
		if link := links[i.ID]; link != "" && (i.NAT || i.Forwards) {
			name := chainName("f_", i.ID)
			r.chains[name] = chain{nil, forwarded(p.vpc, i.Address)}
			key := linkKey(link)
			from[key] = name
			if i.NAT {
				via[key], viaIn[key], to[key] = chainOpen, chainOpen, chainOpenIn
			} else {
				own := combinationOf(r, p.vpc, i)
				via[key], to[key] = own+"_o", own+"_i"
			}
		}
	}
}

// addTunnels has what goes to a VPN gateway end where no tunnel leads to, and what comes from one that
// says it is of this VPC: there an address says who one is.
func addTunnels(r *ruleset, v *network.VPC, networks []netip.Prefix) {
	var out, in []rule
	for _, n := range networks {
		out = append(out, new(line).address(false, n).accept())
	}
	for _, c := range append(slices.Clone(v.CIDRs), linkLocal) {
		in = append(in, new(line).address(true, c).drop())
	}
	r.chains[chainTunnels] = chain{nil, append([]rule{new(line).unbound(setOfBound).drop()}, append(distinct(out), new(line).drop())...)}
	name := chainName("f_", vpnLink)
	r.chains[name] = chain{nil, append(in, r.chains[name].rules...)}
}

// forwarded are the sources that an interface without a check may send with: all, but within the VPC
// only its own, for there an address says who one is.
func forwarded(v *network.VPC, own netip.Addr) []rule {
	rules := []rule{new(line).address(true, netip.PrefixFrom(own, 32)).goTo(chainRawOn), new(line).address(true, linkLocal).drop()}
	for _, s := range v.CIDRs {
		for _, d := range v.CIDRs {
			rules = append(rules, new(line).address(true, s).address(false, d).drop())
		}
	}
	return append(rules, new(line).goTo(chainRawOn))
}

// wireInput lets what came by a wire reach endpoints and inbound resolver endpoints, as their groups
// allow, and nothing else of the router.
func wireInput(p *parts) []rule {
	var rules []rule
	for _, number := range []int{reach.UDP, reach.TCP} {
		if !p.vpc.Resolve {
			break
		}
		rules = append(rules, new(line).member(false, setInbound).protocol(number).port(53, 53).dispatch(false, setIn).rule())
	}
	rules = append(rules, new(line).member(false, setInbound).drop(), new(line).member(false, setDNS).drop())
	rules = append(rules, balanced(p, func(l *line) rule { return l.dispatch(false, setIn).rule() })...)
	return append(append(rules, new(line).protocol(reach.TCP).port(443, 443).dispatch(false, setIn).rule()), refuse(p.vpc, refusedReceiver)...)
}

// balanced are the ports of endpoints with a balancer behind them, in place of 443.
func balanced(p *parts, then func(*line) rule) (rules []rule) {
	for _, i := range p.interfaces {
		ports, ok := p.ports[i.Endpoint]
		if i.Endpoint == "" || !ok {
			continue
		}
		at := netip.PrefixFrom(i.Address, 32)
		for _, port := range ports {
			rules = append(rules, then(new(line).address(false, at).protocol(reach.TCP).port(port, port)))
		}
		rules = append(rules, new(line).address(false, at).drop())
	}
	return rules
}

// addGateway adds the internet gateway: who has a public address shows it there, and is reached by it.
func addGateway(r *ruleset, p *parts, link string) {
	key := linkKey(link)
	r.set(setFrom, setLinkGo)[key], r.set(setVia, setLinkGo)[key] = "f_internet", chainWire
	r.set(setViaIn, setLinkGo)[key], r.set(setTo, setLinkGo)[key] = chainNone, chainOut
	var sources []rule
	for _, c := range p.vpc.CIDRs {
		sources = append(sources, new(line).address(true, c).drop())
	}
	r.chains["f_internet"] = chain{nil, append(sources, new(line).member(false, setPublic).accept(), new(line).drop())}
	r.chains[chainOut] = chain{nil, []rule{new(line).unbound(setOfBound).drop(), new(line).member(true, setElastic).accept(), new(line).drop()}}
	in, out := r.set(setElasticIn, setTranslation), r.set(setElasticOut, setTranslation)
	elastic, public := r.set(setElastic, setAddress), r.set(setPublic, setAddress)
	for _, i := range p.interfaces {
		if i.Own() && i.Public.IsValid() {
			in[addressKey(i.Public)], out[addressKey(i.Address)] = addressKey(i.Address), addressKey(i.Public)
			elastic[addressKey(i.Address)], public[addressKey(i.Public)] = "", ""
		}
	}
	r.chains["n_dst"] = chain{&hook{at: nftables.ChainHookPrerouting, priority: nftables.ChainPriorityNATDest, nat: true},
		[]rule{new(line).named(expr.MetaKeyIIFNAME, link).translate(expr.NATTypeDestNAT, setElasticIn)}}
	r.chains["n_src"] = chain{&hook{at: nftables.ChainHookPostrouting, priority: nftables.ChainPriorityNATSource, nat: true},
		[]rule{new(line).named(expr.MetaKeyOIFNAME, link).translate(expr.NATTypeSourceNAT, setElasticOut)}}
}

// named matches one link.
func (l *line) named(side expr.MetaKey, link string) *line {
	word := "iifname "
	if side == expr.MetaKeyOIFNAME {
		word = "oifname "
	}
	var name [unix.IFNAMSIZ]byte
	copy(name[:], link)
	return l.add(word+link, &expr.Meta{Key: side, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: name[:]})
}

// translate puts what a map has for the source (or destination) in its place.
func (l *line) translate(kind expr.NATType, set string) rule {
	source := kind == expr.NATTypeSourceNAT
	side, payload := load(source)
	return l.add(side+" translate @"+set, payload,
		&expr.Lookup{SourceRegister: 1, DestRegister: 1, IsDestRegSet: true, SetName: set},
		&expr.NAT{Type: kind, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegAddrMax: 1}).rule()
}

// beyond matches a peer VPC's member of a group: by the wire and the address, for another peer may
// have the same addresses.
func (l *line) beyond(source bool, set string) *line {
	side, payload := load(source)
	payload.(*expr.Payload).DestRegister = 2
	key, word := expr.MetaKeyIIFNAME, "iifname . "
	if !source {
		key, word = expr.MetaKeyOIFNAME, "oifname . "
	}
	return l.add(word+side+" @"+set, &expr.Meta{Key: key, Register: 1}, payload, &expr.Lookup{SourceRegister: 1, SetName: set})
}

// foreignGroups are the groups of peer VPCs, with their members by wire and address.
func foreignGroups(p *parts, links map[string]string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, o := range p.peers {
		for i := range o.vpc.Groups {
			if out[o.vpc.Groups[i].ID] == nil {
				out[o.vpc.Groups[i].ID] = map[string]string{}
			}
		}
		link := links[wireKey(o.id)]
		for _, i := range o.interfaces {
			for _, g := range i.Groups {
				if out[g] != nil && link != "" {
					out[g][boundKey(link, i.Address)] = ""
				}
			}
		}
	}
	return out
}

// neighbour is the other side of a peering.
type neighbour struct {
	id         string
	vpc        *network.VPC
	interfaces []*network.Interface
}

func (o *neighbour) equal(other *neighbour) bool {
	return o.id == other.id && o.vpc.ID == other.vpc.ID && slices.Equal(o.vpc.CIDRs, other.vpc.CIDRs) &&
		slices.EqualFunc(o.vpc.Groups, other.vpc.Groups, func(a, b network.Group) bool { return a.ID == b.ID }) &&
		slices.EqualFunc(o.interfaces, other.interfaces, func(a, b *network.Interface) bool {
			return a.ID == b.ID && a.Address == b.Address && slices.Equal(a.Groups, b.Groups)
		})
}
