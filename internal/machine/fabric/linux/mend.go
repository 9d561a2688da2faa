package linux

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// mend looks at the interfaces that a router's watch heard of and makes good what their workloads broke.
// It tells whether anything had to be mended.
func (f *Fabric) mend(r *router) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := !f.closed && f.routers[r.vpc] == r && r.have != nil && r.target != nil
	mended := false
	for _, p := range r.hinted(known) {
		broken, err := f.mendPort(r, p)
		if err != nil {
			f.log.Warn("an interface is not mended", "interface", p.id, "reason", err.Error())
		}
		mended = mended || broken
	}
	if mended {
		if err := f.converge(r, r.target); err != nil {
			f.log.Warn("links are not mended", "vpc", r.vpc, "reason", err.Error())
		}
	}
	return mended
}

// hinted gives the next ports to look at, and takes them out of the hints. There are none where all will be
// read anew anyway, or of which only their own making was heard.
func (r *router) hinted(known bool) (ports []*port) {
	r.watch.mu.Lock()
	defer r.watch.mu.Unlock()
	heard, left := r.watch.hints, newHints()
	r.watch.hints = left
	if !known {
		return nil
	}
	for id, p := range r.ports {
		at := heard.about(p, r.links[id])
		switch {
		case !at.After(p.made):
		case len(ports) == watchAtOnce:
			left.links[r.links[id]] = at
		default:
			ports = append(ports, p)
		}
	}
	return ports
}

// mendPort sets a port up again if it is not as it was made, and says whether it had to. A link that is
// gone, or no longer eth0, is given up: converge makes another.
func (f *Fabric) mendPort(r *router, p *port) (broken bool, err error) {
	var outer *netlink.LinkAttrs
	if link, err := r.netlink.LinkByName(r.links[p.id]); err == nil {
		outer = link.Attrs()
	} else if !errors.As(err, new(netlink.LinkNotFoundError)) {
		return false, err
	}
	ws, err := openNamespace(f.path(p.file))
	if err != nil {
		return false, err
	}
	defer ws.Close()
	w, err := netlink.NewHandleAt(netns.NsHandle(ws.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return false, err
	}
	defer w.Close()
	eth0, err := w.LinkByName("eth0")
	if err != nil && !errors.As(err, new(netlink.LinkNotFoundError)) {
		return false, err
	}
	if err != nil || outer == nil || outer.ParentIndex != eth0.Attrs().Index || eth0.Attrs().ParentIndex != outer.Index {
		f.log.Info("a link is made anew", "interface", p.id, "reason", "its namespace has lost it")
		f.sweeper.add(r.file, r.links[p.id])
		delete(r.ports, p.id)
		delete(r.links, p.id)
		return true, nil
	}
	whole, err := p.intact(w, eth0.Attrs())
	if err != nil || whole && outer.Flags&net.FlagUp != 0 {
		return false, err
	}
	f.log.Info("a link is set up again", "interface", p.id)
	if !bytes.Equal(eth0.Attrs().HardwareAddr, p.mac) {
		if err := w.LinkSetHardwareAddr(eth0, p.mac); err != nil {
			return true, fmt.Errorf("set hardware address: %w", err)
		}
	}
	return true, p.configure(r.netlink, ws, r.links[p.id])
}

// intact says whether eth0 has all that configureInside gave it. What a workload has beside that is its own.
func (p *port) intact(w *netlink.Handle, eth0 *netlink.LinkAttrs) (bool, error) {
	if eth0.Flags&net.FlagUp == 0 || !bytes.Equal(eth0.HardwareAddr, p.mac) {
		return false, nil
	}
	link := &netlink.Device{LinkAttrs: *eth0}
	addresses, err := whole(func() ([]netlink.Addr, error) { return w.AddrList(link, unix.AF_INET) })
	if err != nil {
		return false, err
	}
	routes, err := whole(func() ([]netlink.Route, error) { return w.RouteList(link, unix.AF_INET) })
	if err != nil {
		return false, err
	}
	neighbours, err := whole(func() ([]netlink.Neigh, error) { return w.NeighList(eth0.Index, unix.AF_INET) })
	if err != nil {
		return false, err
	}
	found := 0
	for _, a := range addresses {
		if prefixOf(a.IPNet) == netip.PrefixFrom(p.address, p.subnet.Bits()) {
			found |= 1
		}
	}
	for _, r := range routes {
		switch to := prefixOf(r.Dst); {
		case to == netip.PrefixFrom(p.gateway, 32) && r.Scope == unix.RT_SCOPE_LINK:
			found |= 2
		case to == everywhere && r.Gw.Equal(p.gateway.AsSlice()):
			found |= 4
		}
	}
	for _, n := range neighbours {
		if n.IP.Equal(p.gateway.AsSlice()) && n.State&netlink.NUD_PERMANENT != 0 && bytes.Equal(n.HardwareAddr, routerMAC) {
			found |= 8
		}
	}
	return found == 15, nil
}
