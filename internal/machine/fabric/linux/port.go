package linux

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// port is how one namespace is joined to its router: a veth with one end in each. There is no
// ARP on it: both ends know the other's hardware address for ever, and the router has a route
// to the one address that is behind the link.
type port struct {
	id      string
	file    string // the namespace's file name
	address netip.Addr
	mac     net.HardwareAddr
	subnet  netip.Prefix // what the address's length is on eth0
	gateway netip.Addr
	// mtu is of both ends; translates says that it is a NAT gateway's.
	mtu        int
	translates bool

	namespace int       // the router's number for the namespace at the other end
	made      time.Time // when it was set up where nobody was yet; what was heard before is of that
}

// routerMAC is the router's hardware address on every link: each is point to point.
var routerMAC = net.HardwareAddr{0x0a, 0xff, 0, 0, 0, 1}

// spec is everything that a link was made for; when it changes, the link is made anew.
func (p *port) spec() string {
	return strings.Join([]string{p.id, p.address.String(), p.mac.String(), p.subnet.String(), p.gateway.String(), strconv.Itoa(p.mtu), strconv.FormatBool(p.translates)}, " ")
}

// equal says whether two have the same spec.
func (p *port) equal(o *port) bool {
	return p.id == o.id && p.address == o.address && bytes.Equal(p.mac, o.mac) && p.subnet == o.subnet &&
		p.gateway == o.gateway && p.mtu == o.mtu && p.translates == o.translates
}

// attach joins the namespace ws to the router of h by a new link of this name.
func (p *port) attach(h *netlink.Handle, ws *os.File, name string) error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.HardwareAddr, attributes.Flags, attributes.MTU = name, routerMAC, net.FlagUp, p.mtu
	veth := netlink.NewVeth(attributes)
	veth.PeerName, veth.PeerHardwareAddr, veth.PeerNamespace, veth.PeerMTU = "eth0", p.mac, netlink.NsFd(ws.Fd()), uint32(p.mtu)
	if err := h.LinkAdd(veth); err != nil {
		return fmt.Errorf("make link of %s: %w", p.id, err)
	}
	return p.configure(h, ws, name)
}

// configure sets both ends of a link up; it may be repeated on one that is.
func (p *port) configure(h *netlink.Handle, ws *os.File, name string) error {
	w, err := netlink.NewHandleAt(netns.NsHandle(ws.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open namespace of %s: %w", p.id, err)
	}
	defer w.Close()
	if err := p.configureInside(w); err != nil {
		return fmt.Errorf("set up eth0 of %s: %w", p.id, err)
	}
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link of %s: %w", p.id, err)
	}
	index := link.Attrs().Index
	p.namespace = link.Attrs().NetNsID
	if link.Attrs().Flags&net.FlagUp == 0 {
		if err := h.LinkSetUp(link); err != nil {
			return fmt.Errorf("set up link of %s: %w", p.id, err)
		}
	}
	err = h.NeighSet(&netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, IP: p.address.AsSlice(), HardwareAddr: p.mac})
	if err != nil {
		return fmt.Errorf("neighbour %s: %w", p.address, err)
	}
	if err := h.RouteReplace(p.route(index)); err != nil {
		return fmt.Errorf("route to %s: %w", p.address, err)
	}
	return nil
}

func (p *port) configureInside(w *netlink.Handle) error {
	eth0, err := w.LinkByName("eth0")
	if err != nil {
		return err
	}
	index := eth0.Attrs().Index
	if err := w.LinkSetUp(eth0); err != nil {
		return err
	}
	own := &netlink.Addr{IPNet: netOf(netip.PrefixFrom(p.address, p.subnet.Bits())), Flags: unix.IFA_F_NOPREFIXROUTE}
	if err := w.AddrReplace(eth0, own); err != nil {
		return err
	}
	err = w.NeighSet(&netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, IP: p.gateway.AsSlice(), HardwareAddr: routerMAC})
	if err != nil {
		return err
	}
	near := &netlink.Route{LinkIndex: index, Scope: unix.RT_SCOPE_LINK, Dst: netOf(netip.PrefixFrom(p.gateway, 32))}
	if err := w.RouteReplace(near); err != nil {
		return err
	}
	return w.RouteReplace(&netlink.Route{LinkIndex: index, Dst: netOf(everywhere), Gw: p.gateway.AsSlice()})
}

func (p *port) route(index int) *netlink.Route {
	return &netlink.Route{LinkIndex: index, Scope: unix.RT_SCOPE_LINK, Dst: netOf(netip.PrefixFrom(p.address, 32))}
}

// readLinks gives the router's links by name, and the addresses that are routed to each.
func readLinks(h *netlink.Handle) (map[string]int, error) {
	links, err := whole(h.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	found := map[string]int{}
	for _, l := range links {
		if name := l.Attrs().Name; name != "lo" {
			found[name] = l.Attrs().Index
		}
	}
	return found, nil
}

// unroute removes the route to an address, whatever link it leads to.
func unroute(h *netlink.Handle, a netip.Addr) error {
	err := h.RouteDel(&netlink.Route{Dst: netOf(netip.PrefixFrom(a, 32)), Scope: unix.RT_SCOPE_LINK})
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("remove route to %s: %w", a, err)
	}
	return nil
}
