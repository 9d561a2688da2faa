package linux

import (
	"net/netip"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A NAT gateway is an interface like any other whose namespace forwards: what the VPC's router sends to
// it comes back from its own address. So its subnet's routes, network ACL and public address apply to
// it as to everybody, and nothing of the translation is known elsewhere.

// prepareTranslator is what a NAT gateway's namespace needs.
func prepareTranslator() error {
	err := set(append([][2]string{
		{"ipv6/conf/all/disable_ipv6", "1"},
		{"ipv4/conf/all/rp_filter", "0"}, {"ipv4/conf/default/rp_filter", "0"},
		{"ipv4/conf/all/send_redirects", "0"}, {"ipv4/conf/default/send_redirects", "0"},
		{"ipv4/conf/all/accept_redirects", "0"}, {"ipv4/conf/default/accept_redirects", "0"},
		{"ipv4/conf/all/arp_ignore", "8"}, {"ipv4/conf/default/arp_ignore", "8"},
		{"ipv4/ip_forward", "1"},
	}, forgetSoon...))
	if err != nil {
		return err
	}
	return loopbackUp()
}

// translatorRuleset lets out whatever routes lead here, with the gateway's own address for a source, and
// back what answers it; the gateway itself answers nobody. Sources may be anybody's: an interface
// that forwards may lead others' packets here.
func translatorRuleset(own netip.Addr) *ruleset {
	r := newRuleset()
	forward := []rule{new(line).sound().accept()}
	r.chains["h_in"] = chain{&hook{at: nftables.ChainHookInput, priority: nftables.ChainPriorityFilter, drop: true}, []rule{new(line).known().accept()}}
	r.chains["h_fwd"] = chain{&hook{at: nftables.ChainHookForward, priority: nftables.ChainPriorityFilter, drop: true}, forward}
	four := own.As4()
	r.chains["n_src"] = chain{&hook{at: nftables.ChainHookPostrouting, priority: nftables.ChainPriorityNATSource, nat: true},
		[]rule{new(line).named(expr.MetaKeyOIFNAME, "eth0").add("source "+own.String(),
			&expr.Immediate{Register: 1, Data: four[:]},
			&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegAddrMax: 1}).rule()}}
	return r
}

// translate brings a NAT gateway's own ruleset in order.
func translate(ns *os.File, own netip.Addr) error {
	t := table{namespace: int(ns.Fd())}
	defer t.close()
	return t.apply(translatorRuleset(own))
}
