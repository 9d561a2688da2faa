package mesh

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inside runs do on a thread that is in a network namespace. A thread that cannot go back ends with its goroutine.
func inside(path string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- enter(path, do) }()
	return <-done
}

func enter(path string, do func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	there, err := os.Open(path)
	if err == nil {
		err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
		there.Close()
	}
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter namespace: %w", err)
	}
	err = do()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, fmt.Errorf("leave namespace: %w", back))
	}
	runtime.UnlockOSThread()
	return err
}

// room is how large a packet may be that still fits, sealed, into those of the link that has the address.
func room(within func(func() error) error, at netip.Addr) (mtu int, err error) {
	err = within(func() error {
		links, err := net.Interfaces()
		if err != nil {
			return err
		}
		for _, l := range links {
			addresses, err := l.Addrs()
			if err != nil {
				return err
			}
			for _, a := range addresses {
				if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == at {
					mtu = l.MTU - outer
					return nil
				}
			}
		}
		return fmt.Errorf("no device has the address %s", at)
	})
	return mtu, err
}

// lead gives the device its address and leads all others' into it, where the calling thread is. It may be done again.
func lead(own netip.Addr) error {
	link, err := netlink.LinkByName(Device)
	if err != nil {
		return fmt.Errorf("find %s: %w", Device, err)
	}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(own, 32))}); err != nil {
		return fmt.Errorf("address %s: %w", own, err)
	}
	r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(Range), Scope: unix.RT_SCOPE_LINK, Src: own.AsSlice()}
	if err := netlink.RouteReplace(r); err != nil {
		return fmt.Errorf("route to %s: %w", Range, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
