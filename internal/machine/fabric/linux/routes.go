package linux

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// ways is what a router's namespace answers to and where it sends what is not for itself: the
// addresses on lo, the routes that lead to no interface of its own, and the rules that choose a table.
//
//	0     local       the router's own addresses: resolver and endpoints
//	100   main        a route for each interface, and a blackhole for the rest of the VPC's ranges
//	900   iif <link>  lookup the table of its subnet: who forwards, or translates back, may send with any source
//	1000  from <subnet> lookup <its table>
//	2000  blackhole   nothing transits
type ways struct {
	addresses map[netip.Addr]bool
	routes    map[destination]way
	rules     map[choice]bool
}

// destination is what a route is for: the kernel has one way for each.
type destination struct {
	table int
	to    netip.Prefix
	// spare is what counts when the kernel has taken the other one away with its link: a blackhole, as
	// otherwise a shorter prefix would lead elsewhere.
	spare bool
}

// spareMetric puts spare routes behind all others.
const spareMetric = 1 << 30

// way is where a route leads: to the router itself (local), by a link (dev), or nowhere.
type way struct {
	local bool
	dev   string
	via   netip.Addr // the next hop; none on a link that needs none
}

// choice is a rule of the routing policy.
type choice struct {
	priority  int
	from      netip.Prefix // the zero Prefix: from everywhere
	iif       string       // empty: whatever link
	table     int          // unused for a blackhole
	blackhole bool
}

const (
	chooseMain   = 100
	chooseLink   = 900
	chooseSubnet = 1000
	chooseNone   = 2000
)

var (
	everywhere = netip.MustParsePrefix("0.0.0.0/0")
	linkLocal  = netip.MustParsePrefix("169.254.0.0/16")
)

func newWays() *ways {
	return &ways{map[netip.Addr]bool{}, map[destination]way{}, map[choice]bool{}}
}

// vpcWays compiles the routing of a VPC.
func vpcWays(p *parts, links map[string]string) *ways {
	w, v := newWays(), p.vpc
	for _, a := range resolverAddresses(v) {
		w.addresses[a] = true
	}
	if p.informs() {
		for _, a := range metadataAddresses {
			w.addresses[a] = true
		}
	}
	for _, i := range p.interfaces {
		if !i.Own() {
			w.addresses[i.Address] = true
		}
	}
	w.rules[choice{priority: chooseMain, table: unix.RT_TABLE_MAIN}] = true
	w.rules[choice{priority: chooseNone, blackhole: true}] = true
	for _, cidr := range append(slices.Clone(v.CIDRs), linkLocal) {
		w.routes[destination{table: unix.RT_TABLE_MAIN, to: cidr}] = way{}
	}
	numbers, of := tableNumbers(v), map[string]int{}
	for _, s := range v.Subnets {
		if n, ok := numbers[s.Table]; ok {
			w.rules[choice{priority: chooseSubnet, from: s.CIDR, table: n}] = true
			of[s.ID] = n
		}
	}
	for _, i := range p.interfaces {
		if n, ok := of[i.Subnet]; ok && (i.Forwards || i.NAT) && links[i.ID] != "" {
			w.rules[choice{priority: chooseLink, iif: links[i.ID], table: n}] = true
		}
	}
	targets := p.targets(links)
	for _, t := range v.Tables {
		w.addTable(&t, numbers[t.ID], targets)
	}
	return w
}

// targets are the ways of all targets that exist; what else a route names is a blackhole.
func (p *parts) targets(links map[string]string) map[network.Target]way {
	out := map[network.Target]way{}
	for _, e := range p.endpoints {
		if e.Gateway {
			out[network.Target{Kind: network.ToEndpoint, ID: e.ID}] = way{local: true}
		}
	}
	wire := func(kind network.TargetKind, id string) {
		if link := links[wireKey(id)]; link != "" && id != "" {
			out[network.Target{Kind: kind, ID: id}] = way{dev: link, via: hop}
		}
	}
	wire(network.ToInternetGateway, p.vpc.InternetGateway)
	for _, o := range p.peers {
		wire(network.ToPeering, o.id)
	}
	if p.vpc.VPN != nil && links[wireKey(vpnLink)] != "" {
		out[network.Target{Kind: network.ToVPN, ID: p.vpc.VPN.ID}] = way{dev: vpnLink}
	}
	for _, i := range p.interfaces {
		if (i.NAT || i.Forwards) && i.Own() && links[i.ID] != "" {
			out[network.Target{Kind: network.ToInterface, ID: i.ID}] = way{dev: links[i.ID], via: i.Address}
		}
	}
	return out
}

// addTable adds a route table's routes. Of several to one destination the first that leads somewhere
// counts.
func (w *ways) addTable(t *network.RouteTable, number int, targets map[network.Target]way) {
	for _, r := range t.Routes {
		for _, p := range r.Destinations {
			at := destination{table: number, to: p.Masked()}
			if !p.Addr().Is4() || w.routes[at] != (way{}) {
				continue
			}
			w.routes[at] = targets[r.Target]
			if w.routes[at].dev != "" {
				at.spare = true
				w.routes[at] = way{}
			}
		}
	}
	if all := (destination{table: number, to: everywhere}); w.routes[all] == (way{}) {
		w.routes[all] = way{}
	}
}

// tableNumbers gives each table a number that a fresh process would give it too.
func tableNumbers(v *network.VPC) map[string]int {
	ids := make([]string, 0, len(v.Tables))
	for _, t := range v.Tables {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	numbers, taken := map[string]int{}, map[int]bool{}
	for _, id := range ids {
		h := fnv.New32a()
		h.Write([]byte(id))
		n := int(h.Sum32()&0x3fffffff) + 1000
		for taken[n] {
			n++
		}
		numbers[id], taken[n] = n, true
	}
	return numbers
}

// internetWays compiles the routing of the internet: doors are local, elastic addresses behind their
// VPC's wire, and there is nothing else.
func internetWays(n *network.Internet, elastic []elastic, links map[string]string) *ways {
	w := newWays()
	w.addresses[reach.PublicResolver] = true
	if n.Uplink {
		w.addresses[uplinkAt.Addr()] = true
	}
	for _, d := range n.Doors {
		w.addresses[d] = true
	}
	w.routes[destination{table: unix.RT_TABLE_MAIN, to: everywhere}] = way{}
	for _, e := range elastic {
		if link := links[wireKey(e.gateway)]; link != "" {
			w.routes[destination{table: unix.RT_TABLE_MAIN, to: netip.PrefixFrom(e.address, 32)}] = way{dev: link, via: hop}
		}
	}
	return w
}

// elastic is a public address and the internet gateway that it is behind.
type elastic struct {
	address netip.Addr
	gateway string
}

// read finds out what the kernel holds, but for interfaces' own routes.
func readWays(h *netlink.Handle, loopback int) (*ways, error) {
	w := newWays()
	lo := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback, Name: "lo"}}
	addresses, err := whole(func() ([]netlink.Addr, error) { return h.AddrList(lo, unix.AF_INET) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addresses {
		if at, ok := netip.AddrFromSlice(a.IP.To4()); ok && !at.IsLoopback() {
			w.addresses[at] = true
		}
	}
	if err := w.readRoutes(h); err != nil {
		return nil, err
	}
	rules, err := whole(func() ([]netlink.Rule, error) { return h.RuleList(unix.AF_INET) })
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	for _, r := range rules {
		switch r.Priority {
		case chooseMain, chooseLink, chooseSubnet, chooseNone:
			// The library does not tell a rule's kind; only a blackhole names no table.
			c := choice{priority: r.Priority, table: r.Table, iif: r.IifName, blackhole: r.Table == unix.RT_TABLE_UNSPEC}
			if r.Src != nil {
				c.from = prefixOf(r.Src)
			}
			w.rules[c] = true
		}
	}
	return w, nil
}

// readRoutes takes every route but the local table's and those to interfaces, which are in the main
// table and have no next hop.
func (w *ways) readRoutes(h *netlink.Handle) error {
	links, err := whole(h.LinkList)
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	routes, err := whole(func() ([]netlink.Route, error) {
		return h.RouteListFiltered(unix.AF_INET, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		if r.Table == unix.RT_TABLE_LOCAL || r.Type == unix.RTN_UNICAST && r.Table == unix.RT_TABLE_MAIN && r.Gw == nil {
			continue
		}
		at := way{local: r.Type == unix.RTN_LOCAL}
		if r.Type == unix.RTN_UNICAST {
			at.dev = names[r.LinkIndex]
			at.via, _ = netip.AddrFromSlice(r.Gw.To4())
		}
		w.routes[destination{r.Table, prefixOf(r.Dst), r.Priority == spareMetric}] = at
	}
	return nil
}

func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return everywhere
	}
	a, _ := netip.AddrFromSlice(n.IP.To4())
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a, bits)
}

func netOf(p netip.Prefix) *net.IPNet {
	a := p.Addr().As4()
	return &net.IPNet{IP: a[:], Mask: net.CIDRMask(p.Bits(), 32)}
}

// add makes what want has and have has not, and changes what leads elsewhere in one step; remove undoes
// the reverse. Both may be repeated.
func (have *ways) add(h *netlink.Handle, loopback int, want *ways) error {
	lo := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback, Name: "lo"}}
	for a := range want.addresses {
		if have.addresses[a] {
			continue
		}
		err := h.AddrAdd(lo, &netlink.Addr{IPNet: netOf(netip.PrefixFrom(a, 32)), Scope: unix.RT_SCOPE_HOST})
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add address %s: %w", a, err)
		}
	}
	for at, to := range want.routes {
		if old, there := have.routes[at]; there && old == to {
			continue
		}
		r, err := to.route(h, loopback, at)
		if err == nil {
			err = h.RouteReplace(r)
		}
		if err != nil {
			return fmt.Errorf("route to %s: %w", at.to, err)
		}
	}
	for c := range want.rules {
		if have.rules[c] {
			continue
		}
		if err := h.RuleAdd(c.rule()); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add routing rule from %s: %w", c.from, err)
		}
	}
	return nil
}

func (have *ways) remove(h *netlink.Handle, want *ways) error {
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	for c := range have.rules {
		if want.rules[c] {
			continue
		}
		if err := h.RuleDel(c.rule()); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove routing rule from %s: %w", c.from, err)
		}
	}
	for at := range have.routes {
		if _, stays := want.routes[at]; stays {
			continue
		}
		gone := at.route()
		gone.Scope = unix.RT_SCOPE_NOWHERE // whichever it has
		if err := h.RouteDel(gone); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("remove route to %s: %w", at.to, err)
		}
	}
	for a := range have.addresses {
		if want.addresses[a] {
			continue
		}
		err := h.AddrDel(lo, &netlink.Addr{IPNet: netOf(netip.PrefixFrom(a, 32))})
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("remove address %s: %w", a, err)
		}
	}
	return nil
}

// route is the kernel's, without where it leads.
func (at destination) route() *netlink.Route {
	r := &netlink.Route{Table: at.table, Dst: netOf(at.to), Family: unix.AF_INET}
	if at.spare {
		r.Priority = spareMetric
	}
	return r
}

func (w way) route(h *netlink.Handle, loopback int, at destination) (*netlink.Route, error) {
	r := at.route()
	r.Type = unix.RTN_BLACKHOLE
	switch {
	case w.local:
		r.Type, r.Scope, r.LinkIndex = unix.RTN_LOCAL, unix.RT_SCOPE_HOST, loopback
	case w.dev != "":
		link, err := h.LinkByName(w.dev)
		if err != nil {
			return nil, err
		}
		r.Type, r.LinkIndex = unix.RTN_UNICAST, link.Attrs().Index
		if w.via.IsValid() {
			r.Gw, r.Flags = w.via.AsSlice(), int(netlink.FLAG_ONLINK)
		} else {
			r.Scope = unix.RT_SCOPE_LINK
		}
	}
	return r, nil
}

func (c choice) rule() *netlink.Rule {
	r := netlink.NewRule()
	r.Family, r.Priority, r.Table, r.IifName = unix.AF_INET, c.priority, c.table, c.iif
	if c.from.IsValid() {
		r.Src = netOf(c.from)
	}
	if c.blackhole {
		r.Type, r.Table = unix.FR_ACT_BLACKHOLE, -1
	}
	return r
}
