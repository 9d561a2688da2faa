package linux

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// The ruleset of a VPC. Every packet first passes h_raw: a link may only send from its own address,
// checked before conntrack, so that a forged packet cannot touch another's connection. The first
// packet of a connection walks
//
//	h_fwd or h_in -> c_<combination>_o -> sg_<group>_o -> c_post -> c_<combination>_i -> sg_<group>_i
//
// where a combination is the list of groups an interface has; all others are known to conntrack.
// Endpoints are input, not forward: their address belongs to the router itself. What no rule accepts
// is dropped without an answer.
const (
	setOfBound = "bound"
	setOut     = "eni_out"
	setIn      = "eni_in"
	setDNS     = "dns"
	setInbound = "dns_inbound" // addresses of inbound resolver endpoints, which have groups
	chainPost  = "c_post"
)

func baseChains(r *ruleset, input, forward []rule) {
	r.set(setOfBound, setBound)
	r.chains["h_raw"] = chain{&hook{at: nftables.ChainHookPrerouting, priority: nftables.ChainPriorityRaw},
		[]rule{new(line).unbound(setOfBound).drop()}}
	r.chains["h_in"] = chain{&hook{at: nftables.ChainHookInput, priority: nftables.ChainPriorityFilter, drop: true}, input}
	r.chains["h_fwd"] = chain{&hook{at: nftables.ChainHookForward, priority: nftables.ChainPriorityFilter, drop: true}, forward}
}

// resolving lets questions reach the resolver: no group can forbid them, and nothing else is open
// at its addresses.
func resolving() []rule {
	return []rule{
		new(line).member(false, setDNS).protocol(reach.UDP).port(53, 53).accept(),
		new(line).member(false, setDNS).protocol(reach.TCP).port(53, 53).accept(),
		new(line).member(false, setDNS).drop(),
	}
}

// vpcRuleset compiles the ruleset of a VPC; links gives the link of each interface.
func vpcRuleset(p *parts, links map[string]string) *ruleset {
	r, v := newRuleset(), p.vpc
	input := append([]rule{new(line).known().accept(), byLink(false, setViaIn)}, resolving()...)
	input = append(input, informing(r, p, links)...)
	for _, p := range []int{reach.UDP, reach.TCP} {
		if !v.Resolve {
			break // no resolver, and nobody to close the connection either
		}
		input = append(input, new(line).member(false, setInbound).protocol(p).port(53, 53).dispatch(true, setOut).rule())
	}
	input = append(input, new(line).member(false, setInbound).drop())
	input = append(input, balanced(p, func(l *line) rule { return l.dispatch(true, setOut).rule() })...)
	input = append(input, new(line).protocol(reach.TCP).port(443, 443).dispatch(true, setOut).rule())
	input = append(input, refuse(v, refusedReceiver)...) // an endpoint's other ports
	baseChains(r, input, []rule{new(line).known().accept(), byLink(false, setVia), new(line).dispatch(true, setOut).rule()})
	r.chains["h_raw"] = chain{r.chains["h_raw"].hook, append([]rule{byLink(false, setFrom)}, r.chains["h_raw"].rules...)}
	if dns := r.set(setDNS, setAddress); v.Resolve {
		for _, a := range resolverAddresses(v) {
			dns[addressKey(a)] = ""
		}
	}
	inbound := r.set(setInbound, setAddress)
	out, in, bound := r.set(setOut, setGo), r.set(setIn, setGo), r.set(setOfBound, setBound)
	r.groups = make(map[string]*network.Group, len(v.Groups))
	groups := r.groups
	for i := range v.Groups {
		groups[v.Groups[i].ID] = &v.Groups[i]
	}
	foreign := foreignGroups(p, links)
	for _, g := range groups {
		addGroup(r, g, groups, foreign)
	}
	memberSets := make(map[string]map[string]string, len(groups))
	for id := range groups {
		memberSets[id] = r.set(chainName("m_", id), setAddress)
	}
	for _, i := range p.interfaces {
		name := combinationOf(r, v, i)
		switch ports, front := p.ports[i.ID]; {
		case front:
			in[addressKey(i.Address)] = addFront(r, i.ID, ports)
		case !i.NAT:
			in[addressKey(i.Address)] = name + "_i"
		}
		if i.Resolver {
			inbound[addressKey(i.Address)] = ""
		}
		for _, g := range i.Groups {
			if members := memberSets[g]; members != nil {
				members[addressKey(i.Address)] = ""
			}
		}
		if link := links[i.ID]; i.Own() && link != "" {
			out[addressKey(i.Address)] = name + "_o"
			bound[boundKey(link, i.Address)] = ""
		}
	}
	r.chains[chainPost] = chain{nil, postRules(p.endpoints)}
	addForwarding(r, p, links)
	addACLs(r, v, p.interfaces, links)
	checked := len(r.chains["h_raw"].rules)
	addLimits(r, resolverAddresses(v), workloads(p), links)
	r.chains[chainRawOn] = chain{nil, r.chains["h_raw"].rules[checked:]}
	return r
}

// postRules are what a packet meets that its sender's groups let out: the receiver's groups, or a
// gateway endpoint, which has none. The latter packet is only here if its subnet's table says so.
func postRules(endpoints []*network.Endpoint) []rule {
	rules := []rule{new(line).dispatch(false, setIn).rule(), byLink(true, setTo)}
	prefixes := map[netip.Prefix]bool{}
	for _, e := range endpoints {
		for _, p := range e.Prefixes {
			if e.Gateway && p.Addr().Is4() {
				prefixes[p.Masked()] = true
			}
		}
	}
	for _, p := range sortedPrefixes(prefixes) {
		rules = append(rules, new(line).address(false, p).protocol(reach.TCP).port(443, 443).accept())
	}
	return append(rules, new(line).drop())
}

// addFront adds the chain of what a balancer's interface takes: its listeners' ports, from everybody.
func addFront(r *ruleset, id string, ports []int) string {
	var rules []rule
	for _, port := range ports {
		rules = append(rules, new(line).protocol(reach.TCP).port(port, port).accept())
	}
	name := chainName("b_", id)
	r.chains[name] = chain{nil, append(rules, new(line).drop())}
	return name
}

// combinationOf adds the chains that judge an interface's packets, if they are not there, and gives
// their name.
func combinationOf(r *ruleset, v *network.VPC, i *network.Interface) string {
	if i.Open || i.NAT {
		return "c_open"
	}
	of := combination{strings.Join(i.Groups, "\n"), i.Own()}
	name, known := r.combinations[of]
	if !known {
		name = addCombination(r, v, i.Groups, i.Own())
		r.combinations[of] = name
	}
	return name
}

// combination is a list of groups, and whether who has it sends.
type combination struct {
	groups string
	sends  bool
}

// addCombination adds the chains of a list of groups.
func addCombination(r *ruleset, v *network.VPC, list []string, sends bool) string {
	ids := slices.Clone(list)
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return r.groups[id] == nil })
	name := "c_" + hash(strings.Join(ids, "\n"), 12)
	for way, who := range map[string]string{"_i": refusedReceiver, "_o": refusedSender} {
		if _, there := r.chains[name+way]; there || way == "_o" && !sends {
			continue
		}
		var rules []rule
		for _, id := range ids {
			rules = append(rules, new(line).jump(chainName("sg_", id)+way))
		}
		r.chains[name+way] = chain{nil, append(rules, refuse(v, who)...)}
	}
	return name
}

// addGroup adds a group's two chains and the set of its members.
func addGroup(r *ruleset, g *network.Group, groups map[string]*network.Group, foreign map[string]map[string]string) {
	r.set(chainName("m_", g.ID), setAddress)
	var in, out []rule
	for i := range g.Ingress {
		for _, l := range members(r, &g.Ingress[i], true, groups, foreign) {
			in = append(in, l.accept())
		}
	}
	for i := range g.Egress {
		for _, l := range members(r, &g.Egress[i], false, groups, foreign) {
			out = append(out, l.goTo(chainPost))
		}
	}
	r.unordered(chainName("sg_", g.ID)+"_i", distinct(in))
	r.unordered(chainName("sg_", g.ID)+"_o", distinct(out))
}

// members is matches, where the peer may be a group of a peer VPC.
func members(r *ruleset, n *network.Rule, ingress bool, groups map[string]*network.Group, foreign map[string]map[string]string) []*line {
	elements, ok := foreign[n.Group]
	if !ok || n.Group == "" || groups[n.Group] != nil {
		return matches(n, ingress, groups)
	}
	name := chainName("p_", n.Group)
	if _, there := r.sets[name]; !there {
		maps.Copy(r.set(name, setBound), elements)
	}
	return []*line{traffic(new(line).beyond(ingress, name), n)}
}

// matches gives the lines that match a rule's traffic, without their verdict: one, or one for each
// prefix of a list, or none when its peer does not exist.
func matches(r *network.Rule, ingress bool, groups map[string]*network.Group) []*line {
	peers := r.Prefixes
	switch {
	case r.Protocol < -1 || r.Protocol > 255 || r.From > 65535 || r.To > 65535:
		return nil
	case r.Group != "":
		if groups[r.Group] == nil {
			return nil
		}
		return []*line{traffic(new(line).member(ingress, chainName("m_", r.Group)), r)}
	case len(peers) == 0:
		peers = []netip.Prefix{r.CIDR}
	}
	var lines []*line
	for _, p := range peers {
		if p.IsValid() && p.Addr().Is4() {
			lines = append(lines, traffic(new(line).address(ingress, p), r))
		}
	}
	return lines
}

func traffic(l *line, r *network.Rule) *line {
	if r.Protocol == -1 {
		return l
	}
	l.protocol(r.Protocol)
	switch {
	case r.From < 0:
	case r.Protocol == reach.ICMP:
		l.icmp("type", 0, r.From)
		if r.To >= 0 {
			l.icmp("code", 1, r.To)
		}
	case (r.Protocol == reach.TCP || r.Protocol == reach.UDP) && (r.From > 0 || r.To < 65535):
		l.port(r.From, r.To)
	}
	return l
}

// distinct drops rules that an earlier one repeats.
func distinct(rules []rule) []rule {
	seen := make(map[string]bool, len(rules))
	return slices.DeleteFunc(rules, func(r rule) bool {
		again := seen[r.text]
		seen[r.text] = true
		return again
	})
}

func sortedPrefixes(of map[netip.Prefix]bool) []netip.Prefix {
	var list []netip.Prefix
	for p := range of {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	return list
}

func resolverAddresses(v *network.VPC) []netip.Addr {
	return []netip.Addr{reach.VPCResolver(v), reach.LinkLocalResolver}
}

// internetRuleset compiles the ruleset of the internet's router: hosts and VPCs reach doors, the
// resolver and each other, and nobody sends with another's address.
func internetRuleset(n *network.Internet, public []elastic, links map[string]string) *ruleset {
	r := newRuleset()
	input := append([]rule{new(line).known().accept()}, resolving()...)
	input = append(input, new(line).protocol(reach.TCP).port(443, 443).member(false, "doors").accept())
	baseChains(r, input, []rule{new(line).accept()})
	addLimits(r, []netip.Addr{reach.PublicResolver}, hosts(n.Hosts), links)
	r.set(setDNS, setAddress)[addressKey(reach.PublicResolver)] = ""
	doors := r.set("doors", setAddress)
	for _, d := range n.Doors {
		doors[addressKey(d)] = ""
	}
	bound := r.set(setOfBound, setBound)
	for _, h := range n.Hosts {
		if link := links[h.ID]; link != "" {
			bound[boundKey(link, h.Address)] = ""
		}
	}
	for _, e := range public {
		if link := links[wireKey(e.gateway)]; link != "" {
			bound[boundKey(link, e.address)] = ""
		}
	}
	addUplink(r, n, public)
	return r
}

func (k setKind) String() string {
	return [...]string{"address", "link . address", "address : verdict", "link", "link : verdict", "link, counted", "link, rated", "address : address", "unknown"}[k]
}

func (s set_) String() string { return fmt.Sprintf("%s (%d)", s.kind, len(s.elements)) }
