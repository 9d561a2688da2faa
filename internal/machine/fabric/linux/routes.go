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

	"cloister/internal/value/network"
)

// ways is what a router's namespace answers to and where it sends what is not for itself: the
// addresses on lo, the routes that lead to no interface, and the rules that choose a table.
//
//	0     local       the router's own addresses: resolver and endpoints
//	100   main        a route for each interface, and a blackhole for the rest of the VPC's ranges
//	1000  from <subnet> lookup <its table>
//	2000  blackhole   nothing transits
type ways struct {
	addresses map[netip.Addr]bool
	routes    map[way]bool
	rules     map[choice]bool
}

// way is a route: local (to the router itself) or a blackhole.
type way struct {
	table int
	local bool
	to    netip.Prefix
}

// choice is a rule of the routing policy.
type choice struct {
	priority  int
	from      netip.Prefix // the zero Prefix: from everywhere
	table     int          // unused for a blackhole
	blackhole bool
}

const (
	chooseMain   = 100
	chooseSubnet = 1000
	chooseNone   = 2000
)

var (
	everywhere = netip.MustParsePrefix("0.0.0.0/0")
	linkLocal  = netip.MustParsePrefix("169.254.0.0/16")
)

func newWays() *ways {
	return &ways{map[netip.Addr]bool{}, map[way]bool{}, map[choice]bool{}}
}

// vpcWays compiles the routing of a VPC.
func vpcWays(v *network.VPC, interfaces []*network.Interface, endpoints []*network.Endpoint) *ways {
	w := newWays()
	for _, a := range resolverAddresses(v) {
		w.addresses[a] = true
	}
	for _, i := range interfaces {
		if !i.Own() {
			w.addresses[i.Address] = true
		}
	}
	w.rules[choice{priority: chooseMain, table: unix.RT_TABLE_MAIN}] = true
	w.rules[choice{priority: chooseNone, blackhole: true}] = true
	for _, cidr := range append(slices.Clone(v.CIDRs), linkLocal) {
		w.routes[way{unix.RT_TABLE_MAIN, false, cidr}] = true
	}
	numbers := tableNumbers(v)
	for _, s := range v.Subnets {
		if n, ok := numbers[s.Table]; ok {
			w.rules[choice{priority: chooseSubnet, from: s.CIDR, table: n}] = true
		}
	}
	gateways := map[string]bool{}
	for _, e := range endpoints {
		gateways[e.ID] = e.Gateway
	}
	for _, t := range v.Tables {
		w.addTable(&t, numbers[t.ID], gateways)
	}
	return w
}

// addTable adds a route table's routes. An endpoint that is gone leaves a blackhole; of two routes to
// one destination the one that leads somewhere counts.
func (w *ways) addTable(t *network.RouteTable, number int, gateways map[string]bool) {
	for _, r := range t.Routes {
		for _, p := range r.Destinations {
			if p.Addr().Is4() && gateways[r.Target.ID] {
				w.routes[way{number, true, p.Masked()}] = true
			}
		}
	}
	for _, r := range t.Routes {
		for _, p := range r.Destinations {
			if p.Addr().Is4() && !w.routes[way{number, true, p.Masked()}] {
				w.routes[way{number, false, p.Masked()}] = true
			}
		}
	}
	if !w.routes[way{number, true, everywhere}] {
		w.routes[way{number, false, everywhere}] = true
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

// internetWays compiles the routing of the internet: doors are local, and there is nothing else.
func internetWays(n *network.Internet, resolver netip.Addr) *ways {
	w := newWays()
	w.addresses[resolver] = true
	for _, d := range n.Doors {
		w.addresses[d] = true
	}
	w.routes[way{unix.RT_TABLE_MAIN, false, everywhere}] = true
	return w
}

// read finds out what the kernel holds, but for interfaces' own routes.
func readWays(h *netlink.Handle, loopback int) (*ways, error) {
	w := newWays()
	lo := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback, Name: "lo"}}
	addresses, err := h.AddrList(lo, unix.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addresses {
		if at, ok := netip.AddrFromSlice(a.IP.To4()); ok && !at.IsLoopback() {
			w.addresses[at] = true
		}
	}
	routes, err := h.RouteListFiltered(unix.AF_INET, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		if r.Table != unix.RT_TABLE_LOCAL && (r.Type == unix.RTN_LOCAL || r.Type == unix.RTN_BLACKHOLE) {
			w.routes[way{r.Table, r.Type == unix.RTN_LOCAL, prefixOf(r.Dst)}] = true
		}
	}
	rules, err := h.RuleList(unix.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	for _, r := range rules {
		switch r.Priority {
		case chooseMain, chooseSubnet, chooseNone:
			// The library does not tell a rule's kind; only a blackhole names no table.
			c := choice{priority: r.Priority, table: r.Table, blackhole: r.Table == unix.RT_TABLE_UNSPEC}
			if r.Src != nil {
				c.from = prefixOf(r.Src)
			}
			w.rules[c] = true
		}
	}
	return w, nil
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

// add makes what want has and have has not; remove undoes the reverse. Both may be repeated.
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
	for r := range want.routes {
		if have.routes[r] {
			continue
		}
		if other := (way{r.table, !r.local, r.to}); have.routes[other] && !want.routes[other] {
			if err := h.RouteDel(other.route(loopback)); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("replace route to %s: %w", r.to, err)
			}
		}
		if err := h.RouteAdd(r.route(loopback)); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add route to %s: %w", r.to, err)
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

func (have *ways) remove(h *netlink.Handle, loopback int, want *ways) error {
	lo := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback, Name: "lo"}}
	for c := range have.rules {
		if want.rules[c] {
			continue
		}
		if err := h.RuleDel(c.rule()); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove routing rule from %s: %w", c.from, err)
		}
	}
	for r := range have.routes {
		if want.routes[r] || want.routes[way{r.table, !r.local, r.to}] {
			continue
		}
		if err := h.RouteDel(r.route(loopback)); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("remove route to %s: %w", r.to, err)
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

func (w way) route(loopback int) *netlink.Route {
	r := &netlink.Route{Table: w.table, Dst: netOf(w.to), Type: unix.RTN_BLACKHOLE, Family: unix.AF_INET}
	if w.local {
		r.Type, r.Scope, r.LinkIndex = unix.RTN_LOCAL, unix.RT_SCOPE_HOST, loopback
	}
	return r
}

func (c choice) rule() *netlink.Rule {
	r := netlink.NewRule()
	r.Family, r.Priority, r.Table = unix.AF_INET, c.priority, c.table
	if c.from.IsValid() {
		r.Src = netOf(c.from)
	}
	if c.blackhole {
		r.Type, r.Table = unix.FR_ACT_BLACKHOLE, -1
	}
	return r
}
