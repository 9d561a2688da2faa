package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"cloister/internal/value/network"
)

// A wire is a veth between two routers: a VPC's and the internet's (its internet gateway), or those of
// two VPCs (a peering). It has no addresses; what is routed into it goes to one next hop, whose
// hardware address both ends know for ever. A packet out of a wire that no ruleset knows is dropped.
type wire struct {
	id   string
	ends [2]string // VPCs; empty is the internet
}

// hop is the next hop in every wire.
var hop = netip.AddrFrom4([4]byte{169, 254, 1, 2})

// wireKey is a wire's place among the links of a router, apart from the interfaces' ids.
func wireKey(id string) string { return "~" + id }

func (w *wire) spec(end int) string {
	return strings.Join([]string{"wire", w.id, w.ends[0], w.ends[1], strconv.Itoa(end)}, " ")
}

// mtu is the internet's, or that of interfaces.
func (w *wire) mtu() int {
	if w.ends[1] == "" {
		return mtuInternet
	}
	return mtuInside
}

// The greatest packets inside VPCs and beyond them (facts privatelink 10, fabric 2.2).
const (
	mtuInside   = 9001
	mtuInternet = 1500
)

// wires are those that a network needs.
func wires(n *network.Network) []*wire {
	var list []*wire
	exists := map[string]bool{}
	for i := range n.VPCs {
		v := &n.VPCs[i]
		exists[v.ID] = true
		if v.InternetGateway != "" {
			list = append(list, &wire{v.InternetGateway, [2]string{v.ID, ""}})
		}
	}
	for _, p := range n.Peerings {
		if exists[p.VPCs[0]] && exists[p.VPCs[1]] {
			list = append(list, &wire{p.ID, p.VPCs})
		}
	}
	return list
}

// vpnLink is the device of a VPC's VPN gateway, inside its router.
const vpnLink = "vgw"

// wire notes a link that is no interface's; what was made for another one is to be made again.
func (r *router) wire(id, link string) {
	if r.wires == nil {
		r.wires = map[string]string{}
	}
	if key := wireKey(id); r.wires[key] != link {
		r.wires[key], r.last = link, nil
	}
}

// join makes the wires that are missing between the routers. One whose other end is not as it should be
// is made anew.
func (f *Fabric) join(list []*wire) error {
	var failed error
	for _, w := range list {
		if err := f.joinOne(w); err != nil {
			failed = errors.Join(failed, fmt.Errorf("wire %s: %w", w.id, err))
		}
	}
	return failed
}

func (f *Fabric) joinOne(w *wire) error {
	a, b := f.routers[w.ends[0]], f.routers[w.ends[1]]
	if a == nil || b == nil {
		return errors.New("one of its routers is not there")
	}
	key := wireKey(w.id)
	if a.wires[key] != "" && b.wires[key] != "" && strings.HasPrefix(a.wires[key], linkPrefix(w.spec(0))) {
		return nil
	}
	names, err := w.find(a, b)
	if err != nil {
		return err
	}
	if names[0] == "" {
		names = [2]string{linkName(w.spec(0)), linkName(w.spec(1))}
		if err := w.make(a, b, names); err != nil {
			return err
		}
	}
	for end, r := range []*router{a, b} {
		if err := w.configure(r, names[end]); err != nil {
			return err
		}
		r.wire(w.id, names[end])
	}
	return nil
}

// find looks for a wire that an earlier process made, and takes away what is left of half ones.
func (w *wire) find(a, b *router) (names [2]string, err error) {
	ours, err := linksOf(a, w.spec(0))
	if err != nil {
		return names, err
	}
	theirs, err := linksOf(b, w.spec(1))
	if err != nil {
		return names, err
	}
	for _, l := range ours {
		for _, m := range theirs {
			if names[0] == "" && l.Attrs().ParentIndex == m.Attrs().Index && m.Attrs().ParentIndex == l.Attrs().Index {
				names = [2]string{l.Attrs().Name, m.Attrs().Name}
			}
		}
	}
	for end, list := range [][]netlink.Link{ours, theirs} {
		r := []*router{a, b}[end]
		for _, l := range list {
			if l.Attrs().Name == names[end] {
				continue
			}
			if err := r.netlink.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) {
				return names, err
			}
		}
	}
	return names, nil
}

// linksOf are the ends that were made for a wire; not those that are about to be deleted.
func linksOf(r *router, spec string) (found []netlink.Link, err error) {
	all, err := whole(r.netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	for _, l := range all {
		if strings.HasPrefix(l.Attrs().Name, linkPrefix(spec)) && l.Attrs().Group != sweptGroup {
			found = append(found, l)
		}
	}
	return found, nil
}

func (w *wire) make(a, b *router, names [2]string) error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.HardwareAddr, attributes.Flags, attributes.MTU = names[0], routerMAC, net.FlagUp, w.mtu()
	veth := netlink.NewVeth(attributes)
	veth.PeerName, veth.PeerHardwareAddr, veth.PeerNamespace, veth.PeerMTU = names[1], routerMAC, netlink.NsFd(b.file.Fd()), uint32(w.mtu())
	return a.netlink.LinkAdd(veth)
}

// configure sets an end up; it may be repeated.
func (w *wire) configure(r *router, name string) error {
	link, err := r.netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if link.Attrs().Flags&net.FlagUp == 0 {
		if err := r.netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	return r.netlink.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: hop.AsSlice(), HardwareAddr: routerMAC})
}

// part takes wires away that are wanted no more; nothing leads into them by now.
func (f *Fabric) part(list []*wire) {
	stays := map[string]bool{}
	for _, w := range list {
		for _, end := range w.ends {
			stays[end+" "+wireKey(w.id)] = true
		}
	}
	for vpc, r := range f.routers {
		for key, name := range r.wires {
			if stays[vpc+" "+key] || name == vpnLink {
				continue
			}
			if link, err := r.netlink.LinkByName(name); err == nil {
				// From here on nobody takes it for the next one's.
				if err := r.netlink.LinkSetGroup(link, sweptGroup); err != nil {
					f.log.Warn("a wire is not taken away", "link", name, "reason", err.Error())
				}
			}
			f.sweeper.add(r.file, name)
			delete(r.wires, key)
		}
	}
}
