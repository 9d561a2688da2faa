package linux

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"cloister/internal/machine/fabric/fabrictest"
)

func TestAfterAnErrorOtherVPCsAndTheNextChangeConverge(t *testing.T) {
	f := start(t)
	good := pairNetwork()
	good.VPCs = append(good.VPCs, pairNetwork().VPCs[0])
	good.VPCs[1].ID = "vpc-2"
	second := pairNetwork().Interfaces[0]
	second.ID, second.VPC = "eni-4", "vpc-2"
	good.Interfaces = append(good.Interfaces, second)

	bad := *good
	bad.Interfaces = append(good.Interfaces[:0:0], good.Interfaces...)
	bad.Interfaces[1].MAC = "01:00:5e:00:00:01" // a group's address, which no host has
	err := f.Apply(context.Background(), &bad)
	if err == nil || !strings.Contains(err.Error(), "vpc-1") || strings.Contains(err.Error(), "vpc-2") {
		t.Fatalf("the error is %v", err)
	}
	echo(t, f.directory, "cl.eni.eni-4", "127.0.0.1:80")
	if _, err := connect(t, f.directory, "cl.eni.eni-4", "10.0.0.2:53", 10*time.Second); err != nil {
		t.Errorf("the other VPC does not work: %v", err)
	}
	apply(t, f, good)
	same(t, f, good, "an error")
	if f.Apply(context.Background(), &bad) == nil {
		t.Error("the bad network is accepted after the good one")
	}
	apply(t, f, good)
	same(t, f, good, "an error after a success")
}

func TestAWrongRulesetIsPutRight(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, r *router, rules *nftables.Conn){
		"the table is gone": func(t *testing.T, r *router, rules *nftables.Conn) {
			rules.DelTable(theTable)
		},
		"another version's table is there": func(t *testing.T, r *router, rules *nftables.Conn) {
			rules.DelTable(theTable)
			rules.AddTable(&nftables.Table{Name: "cloister0", Family: nftables.TableFamilyIPv4})
		},
		"a chain is empty": func(t *testing.T, r *router, rules *nftables.Conn) {
			rules.FlushChain(&nftables.Chain{Table: theTable, Name: "h_raw"})
		},
		"a set is empty": func(t *testing.T, r *router, rules *nftables.Conn) {
			rules.FlushSet(&nftables.Set{Table: theTable, Name: setIn})
		},
		"a rule too much": func(t *testing.T, r *router, rules *nftables.Conn) {
			rules.InsertRule(&nftables.Rule{Table: theTable, Chain: &nftables.Chain{Table: theTable, Name: "h_fwd"}, Exprs: new(line).accept().exprs})
		},
		"routes and addresses are gone": func(t *testing.T, r *router, rules *nftables.Conn) {
			lo := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: r.loopback, Name: "lo"}}
			for _, a := range []string{"10.0.0.2", "10.0.1.10"} {
				if err := r.netlink.AddrDel(lo, &netlink.Addr{IPNet: netOf(netip.MustParsePrefix(a + "/32"))}); err != nil {
					t.Fatal(err)
				}
			}
			if err := unroute(r.netlink, netip.MustParseAddr("10.0.1.5")); err != nil {
				t.Fatal(err)
			}
			if err := r.netlink.RouteDel(&netlink.Route{Table: unix.RT_TABLE_MAIN, Dst: netOf(netip.MustParsePrefix("10.0.0.0/16")), Type: unix.RTN_BLACKHOLE}); err != nil {
				t.Fatal(err)
			}
		},
		"addresses and routes too much": func(t *testing.T, r *router, rules *nftables.Conn) {
			lo := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: r.loopback, Name: "lo"}}
			if err := r.netlink.AddrAdd(lo, &netlink.Addr{IPNet: netOf(netip.MustParsePrefix("10.0.1.66/32")), Scope: unix.RT_SCOPE_HOST}); err != nil {
				t.Fatal(err)
			}
			extra, err := way{local: true}.route(r.netlink, r.loopback, destination{table: 77, to: netip.MustParsePrefix("52.0.0.0/8")})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.netlink.RouteAdd(extra); err != nil {
				t.Fatal(err)
			}
			if err := r.netlink.RuleAdd((choice{priority: chooseSubnet, from: netip.MustParsePrefix("10.0.1.0/24"), table: 77}).rule()); err != nil {
				t.Fatal(err)
			}
		},
		"a link is gone": func(t *testing.T, r *router, rules *nftables.Conn) {
			if err := (&cut{int(r.file.Fd()), []string{r.links["eni-2"]}}).delete(); err != nil {
				t.Fatal(err)
			}
		},
		"a link is down": func(t *testing.T, r *router, rules *nftables.Conn) {
			link, err := r.netlink.LinkByName(r.links["eni-2"])
			if err != nil {
				t.Fatal(err)
			}
			if err := r.netlink.LinkSetDown(link); err != nil {
				t.Fatal(err)
			}
		},
		"a link is only begun": func(t *testing.T, r *router, rules *nftables.Conn) {
			attributes := netlink.NewLinkAttrs()
			attributes.Name = "cl0123456780abc"
			veth := netlink.NewVeth(attributes)
			veth.PeerName = "cl0123456780abd"
			if err := r.netlink.LinkAdd(veth); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			apply(t, f, pairNetwork())
			r := f.routers["vpc-1"]
			rules, err := nftables.New(nftables.WithNetNSFd(int(r.file.Fd())))
			if err != nil {
				t.Fatal(err)
			}
			damage(t, r, rules)
			if err := rules.Flush(); err != nil {
				t.Fatal(err)
			}
			f.Close()
			next, err := Open(Config{Directory: f.directory})
			if err != nil {
				t.Fatal(err)
			}
			defer next.Close()
			apply(t, next, pairNetwork())
			same(t, next, pairNetwork(), "damage")
		})
	}
}

func TestEveryChangeWorksAlsoWithSmallBuffers(t *testing.T) {
	f := start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 12 {
		n := fabrictest.Random(r)
		for _, router := range f.routers {
			if err := router.rules.load(); err != nil {
				t.Fatal(err)
			}
			router.rules.room = 1
		}
		apply(t, f, n)
		same(t, f, n, "many small batches")
	}
}
