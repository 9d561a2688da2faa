package linux

import (
	"net/netip"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestDamagedGatesArePutRight(t *testing.T) {
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	link := func(t *testing.T, r *router, id string) netlink.Link {
		t.Helper()
		l, err := r.netlink.LinkByName(r.wires[wireKey(id)])
		must(t, err)
		return l
	}
	change := func(t *testing.T, namespace int, do func(c *nftables.Conn)) {
		t.Helper()
		c, err := nftables.New(nftables.WithNetNSFd(namespace))
		must(t, err)
		do(c)
		must(t, c.Flush())
	}
	for name, damage := range map[string]func(t *testing.T, f *Fabric){
		"the gateway's wire is gone": func(t *testing.T, f *Fabric) {
			must(t, f.routers[""].netlink.LinkDel(link(t, f.routers[""], "igw-a")))
		},
		"the peering's wire is down": func(t *testing.T, f *Fabric) {
			must(t, f.routers["vpc-b"].netlink.LinkSetDown(link(t, f.routers["vpc-b"], "pcx-1")))
		},
		"a wire has no next hop": func(t *testing.T, f *Fabric) {
			r := f.routers["vpc-a"]
			must(t, r.netlink.NeighDel(&netlink.Neigh{LinkIndex: link(t, r, "pcx-1").Attrs().Index, IP: hop.AsSlice()}))
		},
		"a wire has another end": func(t *testing.T, f *Fabric) {
			r := f.routers["vpc-a"]
			old := link(t, r, "pcx-1")
			must(t, r.netlink.LinkDel(old))
			must(t, (&wire{"pcx-1", [2]string{"vpc-a", "vpc-c"}}).make(r, f.routers["vpc-c"], [2]string{old.Attrs().Name, "cl0123456789abc"}))
		},
		"a wire too much": func(t *testing.T, f *Fabric) {
			must(t, (&wire{"pcx-2", [2]string{"vpc-b", "vpc-c"}}).make(f.routers["vpc-b"], f.routers["vpc-c"], [2]string{"cl0123456789abc", "cl0123456789abd"}))
		},
		"maps are empty": func(t *testing.T, f *Fabric) {
			change(t, int(f.routers["vpc-a"].file.Fd()), func(c *nftables.Conn) {
				for _, s := range []string{setFrom, setVia, setTo, setElastic, setElasticIn, setElasticOut} {
					c.FlushSet(&nftables.Set{Table: theTable, Name: s})
				}
			})
		},
		"nothing is translated": func(t *testing.T, f *Fabric) {
			change(t, int(f.routers["vpc-a"].file.Fd()), func(c *nftables.Conn) {
				c.FlushChain(&nftables.Chain{Table: theTable, Name: "n_src"})
				c.DelChain(&nftables.Chain{Table: theTable, Name: "n_dst"})
			})
		},
		"the NAT gateway has no rules": func(t *testing.T, f *Fabric) {
			ns, err := openNamespace(f.path(fileName(kindInterface, "nat")))
			must(t, err)
			defer ns.Close()
			change(t, int(ns.Fd()), func(c *nftables.Conn) { c.DelTable(theTable) })
		},
		"the NAT gateway has lost its link": func(t *testing.T, f *Fabric) {
			ns, err := openNamespace(f.path(fileName(kindInterface, "nat")))
			must(t, err)
			defer ns.Close()
			must(t, clearInside(ns))
		},
		"routes lead elsewhere": func(t *testing.T, f *Fabric) {
			r := f.routers["vpc-a"]
			for at, to := range r.have.routes {
				switch {
				case at.spare:
					must(t, r.netlink.RouteDel(at.route()))
				case to.dev != "":
					wrong, err := way{}.route(r.netlink, r.loopback, at)
					must(t, err)
					must(t, r.netlink.RouteReplace(wrong))
				}
			}
			wrong := &netlink.Route{Table: unix.RT_TABLE_MAIN, Dst: netOf(netip.MustParsePrefix("198.18.0.5/32")), Type: unix.RTN_BLACKHOLE}
			must(t, f.routers[""].netlink.RouteReplace(wrong))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			apply(t, f, roads())
			f.mu.Lock()
			damage(t, f)
			f.mu.Unlock()
			f = reopened(t, f)
			apply(t, f, roads())
			swallow(t, f)
			same(t, f, roads(), "damage")
			echo(t, f.directory, "cl.eni.b1", "0.0.0.0:8080")
			for _, id := range []string{"public", "private"} {
				reaches(t, f, id, "203.0.113.10:443", true, "the door")
				reaches(t, f, id, "10.1.1.5:8080", true, "the peer")
			}
		})
	}
}
