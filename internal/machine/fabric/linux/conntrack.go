package linux

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// From linux/netfilter/nfnetlink_conntrack.h.
const (
	ctGet             = 1
	ctDelete          = 2
	ctaTupleOrig      = 1
	ctaTupleReply     = 2
	ctaFilter         = 25
	ctaTupleIP        = 1
	ctaIPSource       = 1
	ctaIPDestination  = 2
	ctaFilterOrig     = 1
	ctaFilterReply    = 2
	ctaFilterIPSource = 1 << 0
	ctaFilterIPTarget = 1 << 1
)

// forget removes the connections from and to addresses out of a namespace's conntrack table, so that
// who gets an address next does not inherit them. The kernel does the search: one message for each side.
func forget(namespace int, addresses []netip.Addr) error {
	if len(addresses) == 0 {
		return nil
	}
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: namespace})
	if err != nil {
		return fmt.Errorf("open conntrack: %w", err)
	}
	defer c.Close()
	for _, a := range addresses {
		if err := forgetSide(c, a, ctaTupleOrig, ctaIPSource); err != nil {
			return err
		}
		if err := forgetSide(c, a, ctaTupleOrig, ctaIPDestination); err != nil {
			return err
		}
	}
	return nil
}

// forgetShown removes the connections for which an elastic address stood: those from outside were made
// to it, and the answers to those from inside are.
func forgetShown(namespace int, elastic []netip.Addr) error {
	if len(elastic) == 0 {
		return nil
	}
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: namespace})
	if err != nil {
		return fmt.Errorf("open conntrack: %w", err)
	}
	defer c.Close()
	for _, a := range elastic {
		if err := forgetSide(c, a, ctaTupleOrig, ctaIPDestination); err != nil {
			return err
		}
		if err := forgetSide(c, a, ctaTupleReply, ctaIPDestination); err != nil {
			return err
		}
	}
	return nil
}

// forgetSide removes the connections of which one direction's source or target is an address.
func forgetSide(c *netlink.Conn, a netip.Addr, direction, side uint16) error {
	flag, which := uint32(ctaFilterIPSource), uint16(ctaFilterOrig)
	if side == ctaIPDestination {
		flag = ctaFilterIPTarget
	}
	if direction == ctaTupleReply {
		which = ctaFilterReply
	}
	e := netlink.NewAttributeEncoder()
	e.Nested(direction, func(tuple *netlink.AttributeEncoder) error {
		tuple.Nested(ctaTupleIP, func(ip *netlink.AttributeEncoder) error {
			ip.Bytes(side, a.AsSlice())
			return nil
		})
		return nil
	})
	e.Nested(ctaFilter, func(filter *netlink.AttributeEncoder) error {
		filter.Uint32(which, flag)
		return nil
	})
	body, err := e.Encode()
	if err != nil {
		return err
	}
	_, err = c.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_CTNETLINK<<8 | ctDelete),
			Flags: netlink.Request | netlink.Acknowledge,
		},
		Data: append([]byte{unix.AF_INET, unix.NFNETLINK_V0, 0, 0}, body...),
	})
	if err := unlessGone(err); err != nil {
		return fmt.Errorf("forget connections of %s: %w", a, err)
	}
	return nil
}

func unlessGone(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}
