package linux

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tested is a Fabric with what only a test needs: other sockets inside namespaces than TCP's, and
// namespaces that take for their own whatever they are given.
type tested struct {
	*Fabric
	mu      sync.Mutex
	assumed map[string]bool
	ends    map[string]*end // of VPN tunnels, by their ids
}

// in does something inside the namespace of id.
func (f *tested) in(id string, do func() error) error {
	path := f.Namespace(id)
	if path == "" {
		return fmt.Errorf("no namespace %q", id)
	}
	ns, err := openNamespace(path)
	if err != nil {
		return err
	}
	defer ns.Close()
	return within(int(ns.Fd()), do)
}

// Assume makes every packet that arrives in a namespace one for itself; what it sends goes as before.
func (f *tested) Assume(id string) error {
	f.mu.Lock()
	f.assumed[id] = true
	f.mu.Unlock()
	return f.in(id, func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		rule := netlink.NewRule()
		rule.Family, rule.Priority, rule.Table, rule.IifName = unix.AF_INET, 10, 77, "eth0"
		return errors.Join(unlessThere(netlink.RuleAdd(rule)), unlessThere(netlink.RouteAdd(&netlink.Route{
			Table: 77, Dst: netOf(everywhere), Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST, LinkIndex: lo.Attrs().Index})))
	})
}

func unlessThere(err error) error {
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// ListenIn opens a server which, in a namespace that assumes, answers from the address that was called.
func (f *tested) ListenIn(id string, at netip.AddrPort) (l net.Listener, err error) {
	f.mu.Lock()
	assumed := f.assumed[id]
	f.mu.Unlock()
	if !assumed {
		return f.Fabric.ListenIn(id, at)
	}
	err = f.in(id, func() (err error) {
		c := net.ListenConfig{Control: anyAddress}
		c.SetMultipathTCP(false)
		l, err = c.Listen(context.Background(), "tcp4", at.String())
		return err
	})
	return l, err
}

func (f *tested) ListenUDPIn(id string, at netip.AddrPort) (c *net.UDPConn, err error) {
	err = f.in(id, func() (err error) {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
		return err
	})
	return c, err
}

func (f *tested) DialUDP(id string, source netip.Addr, to netip.AddrPort) (c net.Conn, err error) {
	err = f.in(id, func() (err error) {
		d := net.Dialer{}
		if source.IsValid() {
			d.LocalAddr, d.Control = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)), anyAddress
		}
		c, err = d.Dial("udp4", to.String())
		return err
	})
	return c, err
}

// anyAddress lets a socket have an address that is not the namespace's.
func anyAddress(_, _ string, raw syscall.RawConn) (err error) {
	failed := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1) })
	return errors.Join(failed, err)
}

// Ping sends an echo request and waits for its reply.
func (f *tested) Ping(ctx context.Context, id string, to netip.Addr) error {
	var c *net.IPConn
	err := f.in(id, func() (err error) {
		c, err = net.DialIP("ip4:icmp", nil, &net.IPAddr{IP: to.AsSlice()})
		return err
	})
	if err != nil {
		return err
	}
	defer c.Close()
	if end, ok := ctx.Deadline(); ok {
		c.SetDeadline(end)
	}
	request := []byte{8, 0, 0, 0, 0, 0, 0, 1}
	binary.BigEndian.PutUint32(request[4:], rand.Uint32())
	var sum uint32
	for i := 0; i < len(request); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(request[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(request[2:], ^uint16(sum))
	if _, err := c.Write(request); err != nil {
		return err
	}
	for reply := make([]byte, 1500); ; {
		n, _, err := c.ReadFromIP(reply)
		if err != nil {
			return err
		}
		if n >= 8 && reply[0] == 0 && string(reply[4:8]) == string(request[4:8]) {
			return nil
		}
	}
}
