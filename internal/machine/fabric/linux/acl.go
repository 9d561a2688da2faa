package linux

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// Network ACLs stand in base chains of their own, before the ones in which conntrack's verdict counts:
// they judge every packet, replies too, and see addresses as they are inside the VPC (after dstnat,
// before srcnat). Who sends is told by the link, not by the address, as what forwards has others'
// sources; what has no link, an endpoint's interface, is told by its address.
//
//	acl_h_f (forward)  source's link  -> acl_o_<subnet> -> acl_e_<acl> -> acl_next -> acl_n_<subnet> -> acl_i_<acl>
//	acl_h_i (input)    source's link  -> acl_q_<subnet> -> the same
//	acl_h_o (output)   source address -> acl_o_<subnet> -> the same
//
// acl_o and acl_q end with what stays within the subnet. An allowing entry goes on, so whatever does not
// come to acl_next's end (a chain half written included) meets the hook's policy, which is to drop. A
// subnet that allows everything is in none of the maps, and a VPC of such subnets has none of this.
const (
	chainACLForward = "acl_h_f"
	chainACLInput   = "acl_h_i"
	chainACLOutput  = "acl_h_o"
	chainACLNext    = "acl_next"
	// What an ACL refuses ends in one of two chains, by the list that refused it.
	chainACLRefusedOut = "acl_no_e"
	chainACLRefusedIn  = "acl_no_i"

	setACLOut    = "acl_by_link_o"    // link: acl_o of its subnet
	setACLAsk    = "acl_by_link_q"    // link: acl_q of its subnet
	setACLIn     = "acl_by_link_i"    // link: acl_n of its subnet
	setACLOutOwn = "acl_by_address_o" // an endpoint's address: acl_o of its subnet
	setACLInOwn  = "acl_by_address_i" // an endpoint's address: acl_n of its subnet
)

// addACLs adds the network ACLs of a VPC to its ruleset.
func addACLs(r *ruleset, v *network.VPC, interfaces []*network.Interface, links map[string]string) {
	judged := judgedSubnets(v)
	if len(judged) == 0 {
		return
	}
	addACLHooks(r, v)
	names := map[string]aclNames{}
	for i := range v.Subnets {
		if s := &v.Subnets[i]; judged[s.ID] != nil {
			names[s.ID] = namesFor(s.ID)
			addACLSubnet(r, s, judged[s.ID])
		}
	}
	out, ask, in := r.set(setACLOut, setLinkGo), r.set(setACLAsk, setLinkGo), r.set(setACLIn, setLinkGo)
	outOwn, inOwn := r.set(setACLOutOwn, setGo), r.set(setACLInOwn, setGo)
	for _, i := range interfaces {
		if judged[i.Subnet] == nil {
			continue
		}
		n := names[i.Subnet]
		if !i.Own() {
			outOwn[addressKey(i.Address)], inOwn[addressKey(i.Address)] = n.out, n.in
		} else if link := links[i.ID]; link != "" {
			key := linkKey(link)
			out[key], ask[key], in[key] = n.out, n.ask, n.in
			r.set(n.near, setLink)[key] = ""
		}
	}
}

// aclNames are a subnet's chains, and the set of its links.
type aclNames struct{ out, ask, in, near string }

func namesFor(subnet string) aclNames {
	return aclNames{chainName("acl_o_", subnet), chainName("acl_q_", subnet), chainName("acl_n_", subnet), chainName("acl_near_", subnet)}
}

// judgedSubnets gives the ACL of each subnet that has one which does not allow everything. One that does
// not exist refuses everything.
func judgedSubnets(v *network.VPC) map[string]*network.ACL {
	acls := make(map[string]*network.ACL, len(v.ACLs))
	for i := range v.ACLs {
		acls[v.ACLs[i].ID] = &v.ACLs[i]
	}
	judged := map[string]*network.ACL{}
	for _, s := range v.Subnets {
		if s.ACL == "" {
			continue
		}
		a := acls[s.ACL]
		if a == nil {
			a = &network.ACL{ID: s.ACL}
		}
		if !allowsAll(a.Ingress) || !allowsAll(a.Egress) {
			judged[s.ID] = a
		}
	}
	return judged
}

func allowsAll(entries []network.ACLEntry) bool {
	return len(entries) > 0 && entries[0].Allow && matchesAll(&entries[0])
}

func matchesAll(e *network.ACLEntry) bool { return e.Protocol == -1 && e.CIDR == everywhere }

func addACLHooks(r *ruleset, v *network.VPC) {
	priority := nftables.ChainPriorityRef(-10)
	// Nothing filters what goes between a workload and the resolver, or another service at a link-local address.
	free := func(source bool) []rule {
		return []rule{new(line).address(source, linkLocal).accept(),
			new(line).address(source, netip.PrefixFrom(reach.VPCResolver(v), 32)).accept()}
	}
	next := new(line).goTo(chainACLNext)
	r.chains[chainACLForward] = chain{&hook{at: nftables.ChainHookForward, priority: priority, drop: true},
		[]rule{new(line).link(expr.MetaKeyIIFNAME, setACLOut).rule(), next}}
	r.chains[chainACLInput] = chain{&hook{at: nftables.ChainHookInput, priority: priority, drop: true},
		append(free(false), new(line).link(expr.MetaKeyIIFNAME, setACLAsk).rule(), next)}
	r.chains[chainACLOutput] = chain{&hook{at: nftables.ChainHookOutput, priority: priority, drop: true},
		append(free(true), new(line).dispatch(true, setACLOutOwn).rule(), next)}
	r.chains[chainACLNext] = chain{nil, []rule{
		new(line).link(expr.MetaKeyOIFNAME, setACLIn).rule(),
		new(line).dispatch(false, setACLInOwn).rule(),
		new(line).accept(),
	}}
	r.chains[chainACLRefusedOut] = chain{nil, refuse(v, refusedSender)}
	r.chains[chainACLRefusedIn] = chain{nil, refuse(v, refusedReceiver)}
}

// addACLSubnet adds a subnet's chains and, if no other subnet did, those of its ACL.
func addACLSubnet(r *ruleset, s *network.Subnet, a *network.ACL) {
	egress, ingress, n := chainName("acl_e_", a.ID), chainName("acl_i_", a.ID), namesFor(s.ID)
	r.set(n.near, setLink)
	r.chains[n.out] = chain{nil, []rule{new(line).near(n.near).accept(), new(line).goTo(egress)}}
	r.chains[n.ask] = chain{nil, []rule{new(line).address(false, s.CIDR).accept(), new(line).goTo(egress)}}
	r.chains[n.in] = chain{nil, []rule{new(line).goTo(ingress)}}
	if _, there := r.chains[egress]; there {
		return
	}
	onward := func(l *line) rule { return l.goTo(chainACLNext) }
	r.chains[egress] = chain{nil, aclRules(a.Egress, false, chainACLRefusedOut, onward)}
	r.chains[ingress] = chain{nil, aclRules(a.Ingress, true, chainACLRefusedIn, (*line).accept)}
}

// aclRules gives an ACL's entries in their order, up to the first that matches everything.
func aclRules(entries []network.ACLEntry, ingress bool, refused string, allow func(*line) rule) []rule {
	var rules []rule
	for i := range entries {
		e := &entries[i]
		as := &network.Rule{Protocol: e.Protocol, From: e.From, To: e.To, CIDR: e.CIDR}
		for _, l := range matches(as, ingress, nil) {
			if e.Allow {
				rules = append(rules, allow(l))
			} else {
				rules = append(rules, l.goTo(refused))
			}
		}
		if matchesAll(e) {
			return rules
		}
	}
	return append(rules, new(line).goTo(refused))
}

// linkKey is an element of a set of links.
func linkKey(link string) string {
	var b [unix.IFNAMSIZ]byte
	copy(b[:], link)
	return string(b[:])
}

// link goes on with the chain that a verdict map has for the link a packet came from (or goes to).
func (l *line) link(side expr.MetaKey, set string) *line {
	word := "iifname vmap @"
	if side == expr.MetaKeyOIFNAME {
		word = "oifname vmap @"
	}
	return l.add(word+set, &expr.Meta{Key: side, Register: 1},
		&expr.Lookup{SourceRegister: 1, DestRegister: 0, IsDestRegSet: true, SetName: set})
}

// near matches a packet that goes to a link of a set.
func (l *line) near(set string) *line {
	return l.add("oifname @"+set, &expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, &expr.Lookup{SourceRegister: 1, SetName: set})
}
