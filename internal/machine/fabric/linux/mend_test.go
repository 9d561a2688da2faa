package linux

import (
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"cloister/internal/value/network"
)

// inside gives a netlink socket of an interface's namespace, and its eth0.
func insideOf(t *testing.T, f *Fabric, id string) (*netlink.Handle, netlink.Link) {
	t.Helper()
	ns, err := openNamespace(f.path("cl.eni." + id))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	eth0, err := h.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	return h, eth0
}

func TestAWorkloadThatBreaksItsInterfaceIsHelped(t *testing.T) {
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, damage := range map[string]func(t *testing.T, h *netlink.Handle, eth0 netlink.Link){
		"deleted": func(t *testing.T, h *netlink.Handle, eth0 netlink.Link) { must(t, h.LinkDel(eth0)) },
		"down":    func(t *testing.T, h *netlink.Handle, eth0 netlink.Link) { must(t, h.LinkSetDown(eth0)) },
		"renamed": func(t *testing.T, h *netlink.Handle, eth0 netlink.Link) {
			must(t, h.LinkSetDown(eth0), h.LinkSetName(eth0, "other"))
		},
		"another in its place": func(t *testing.T, h *netlink.Handle, eth0 netlink.Link) {
			must(t, h.LinkDel(eth0), h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "decoy"}))
		},
		"without its address": func(t *testing.T, h *netlink.Handle, eth0 netlink.Link) {
			list, err := h.AddrList(eth0, unix.AF_INET)
			must(t, err, h.AddrDel(eth0, &list[0]))
		},
		"with another MAC address": func(t *testing.T, h *netlink.Handle, eth0 netlink.Link) {
			must(t, h.LinkSetHardwareAddr(eth0, net.HardwareAddr{2, 0, 0, 0, 0, 9}))
		},
		"without its routes": func(t *testing.T, h *netlink.Handle, eth0 netlink.Link) {
			list, err := h.RouteList(eth0, unix.AF_INET)
			must(t, err)
			for i := range list {
				must(t, h.RouteDel(&list[i]))
			}
		},
		"without its neighbour": func(t *testing.T, h *netlink.Handle, eth0 netlink.Link) {
			list, err := h.NeighList(eth0.Attrs().Index, unix.AF_INET)
			must(t, err)
			for i := range list {
				must(t, h.NeighDel(&list[i]))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			build := func() *network.Network {
				return aclNetwork([]network.ACLEntry{entry(true, 6, 80, 80, "10.0.1.5/32")}, []network.ACLEntry{ephemeral})
			}
			apply(t, f, build())
			echo(t, f.directory, "cl.eni.c", "0.0.0.0:80")
			c := reaches(t, f, "a", "10.0.2.5:80", true, "before")
			h, eth0 := insideOf(t, f, "a")
			damage(t, h, eth0)
			// Nobody says anything to the fabric.
			for until := time.Now().Add(2 * prompt); ; {
				again, err := connect(t, f.directory, "cl.eni.a", "10.0.2.5:80", quiet)
				if err == nil {
					alive(t, again, "after it was mended")
					break
				}
				if time.Now().After(until) {
					t.Fatal("it is never mended:", err)
				}
				time.Sleep(quiet)
			}
			alive(t, c, "a connection of before")
			reaches(t, f, "b", "10.0.2.5:80", false, "another")
			f.mu.Lock()
			f.forgetAll() // and what a fresh process reads is what is wanted
			f.mu.Unlock()
			apply(t, f, build())
			alive(t, c, "after adoption")
			same(t, f, build(), "mending")
		})
	}
}

func TestWhatAWorkloadAddsIsItsOwn(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	h, eth0 := insideOf(t, f, "eni-1")
	r := f.routers["vpc-1"]
	own := &netlink.Addr{IPNet: &net.IPNet{IP: net.IP{172, 17, 0, 1}, Mask: net.CIDRMask(24, 32)}}
	if err := h.AddrAdd(eth0, own); err != nil {
		t.Fatal(err)
	}
	r.watch.mu.Lock()
	r.watch.hints.all = time.Now()
	r.watch.mu.Unlock()
	if f.mend(r) {
		t.Error("an address of the workload's own was taken for damage")
	}
	list, err := h.AddrList(eth0, unix.AF_INET)
	if err != nil || len(list) != 2 {
		t.Errorf("addresses: %v %v", list, err)
	}
}
