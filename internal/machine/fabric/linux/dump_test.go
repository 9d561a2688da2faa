package linux

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// dump writes down everything the kernel holds for an instance: every namespace's links, addresses,
// neighbours, routes, rules and ruleset. Chance in links' names and the kernel's numbers are left out, so
// that two instances made for one network have one dump.
func dump(t testing.TB, directory string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(directory, "netns"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		if e.Name() == ".lock" {
			continue
		}
		ns, err := openNamespace(filepath.Join(directory, "netns", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		lines := append(dumpRoutes(t, ns), dumpRules(t, ns)...)
		ns.Close()
		sort.Strings(lines)
		fmt.Fprintf(&all, "%s\n\t%s\n", e.Name(), strings.Join(lines, "\n\t"))
	}
	return all.String()
}

// plainLink is a link's name without its chance.
func plainLink(name string) string {
	if strings.HasPrefix(name, "cl") && len(name) == 15 {
		return name[:11]
	}
	return name
}

func dumpRoutes(t testing.TB, ns *os.File) (lines []string) {
	h, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	links, err := h.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	names := map[int]string{}
	for _, l := range links {
		a := l.Attrs()
		names[a.Index] = plainLink(a.Name)
		lines = append(lines, fmt.Sprintf("link %s %s %s %d", plainLink(a.Name), a.HardwareAddr, a.Flags&^net.FlagRunning, a.MTU)) // running is told late
		addresses, err := h.AddrList(l, unix.AF_INET)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range addresses {
			lines = append(lines, fmt.Sprintf("address %s %s %d %d", plainLink(a.Name), at.IPNet, at.Scope, at.Flags))
		}
		neighbours, err := h.NeighList(a.Index, unix.AF_INET)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range neighbours {
			lines = append(lines, fmt.Sprintf("neighbour %s %s %s %d", plainLink(a.Name), n.IP, n.HardwareAddr, n.State))
		}
	}
	routes, err := h.RouteListFiltered(unix.AF_INET, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		lines = append(lines, fmt.Sprintf("route %d %s %s via %s type %d scope %d", r.Table, r.Dst, names[r.LinkIndex], r.Gw, r.Type, r.Scope))
	}
	rules, err := h.RuleList(unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		lines = append(lines, fmt.Sprintf("rule %d %v %s %d %d", r.Priority, r.Src, plainLink(r.IifName), r.Table, r.Type))
	}
	return lines
}

// dumpRules prints rules by their expressions, not by their comments.
func dumpRules(t testing.TB, ns *os.File) (lines []string) {
	c, err := nftables.New(nftables.WithNetNSFd(int(ns.Fd())))
	if err != nil {
		t.Fatal(err)
	}
	chains, err := c.ListChains()
	if err != nil {
		t.Fatal(err)
	}
	for _, chain := range chains {
		at := fmt.Sprintf("nft %s %s", chain.Table.Name, chain.Name)
		if chain.Hooknum != nil {
			lines = append(lines, fmt.Sprintf("%s hook %d %d %d", at, *chain.Hooknum, *chain.Priority, *chain.Policy))
		}
		rules, err := c.GetRules(chain.Table, chain)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %d rules", at, len(rules)))
		for i, r := range rules {
			text := fmt.Sprintf("%s %04d", at, i)
			for _, e := range r.Exprs {
				if d, ok := e.(*expr.Dynset); ok {
					text += fmt.Sprintf(" %s %d %s %+v", d.SetName, d.Operation, d.Timeout, d.Exprs[0])
					continue
				}
				if c, ok := e.(*expr.Cmp); ok && len(c.Data) == unix.IFNAMSIZ {
					text += fmt.Sprintf(" %d link %s", c.Op, plainLink(strings.TrimRight(string(c.Data), "\x00")))
					continue
				}
				text += fmt.Sprintf(" %+v", e)
			}
			lines = append(lines, text)
		}
	}
	tables, err := c.ListTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		sets, err := c.GetSets(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sets {
			lines = append(lines, fmt.Sprintf("nft %s set %s map %v", table.Name, s.Name, s.IsMap))
			s.Table = table
			if s.Dynamic { // whoever has sent something is in it
				continue
			}
			elements, err := c.GetSetElements(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range elements {
				key := e.Key
				if len(key) == unix.IFNAMSIZ || len(key) == unix.IFNAMSIZ+4 {
					key = append([]byte(plainLink(strings.TrimRight(string(key[:unix.IFNAMSIZ]), "\x00"))+" "), key[unix.IFNAMSIZ:]...)
				}
				lines = append(lines, fmt.Sprintf("nft %s set %s element %q %q", table.Name, s.Name, key, e.Val))
			}
		}
	}
	return lines
}
