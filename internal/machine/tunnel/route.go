package tunnel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Route gives the device an address and sends ranges into it, in the namespace that inside runs in (nil:
// the process's own). All of it ends with the device.
func Route(inside func(do func() error) error, device string, address netip.Addr, ranges []netip.Prefix) error {
	do := func() error {
		link, err := netlink.LinkByName(device)
		if err != nil {
			return fmt.Errorf("find %s: %w", device, err)
		}
		if address.IsValid() {
			own := &netlink.Addr{IPNet: netOf(netip.PrefixFrom(address, address.BitLen()))}
			if err := netlink.AddrAdd(link, own); err != nil {
				return fmt.Errorf("address %s: %w", address, err)
			}
		}
		for _, to := range ranges {
			r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: netOf(to.Masked()), Scope: unix.RT_SCOPE_LINK, Src: address.AsSlice()}
			if err := netlink.RouteAdd(r); errors.Is(err, unix.EEXIST) {
				return fmt.Errorf("there is a route to %s already", to)
			} else if err != nil {
				return fmt.Errorf("route to %s: %w", to, err)
			}
		}
		return nil
	}
	if inside == nil {
		return do()
	}
	return inside(do)
}

func netOf(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
