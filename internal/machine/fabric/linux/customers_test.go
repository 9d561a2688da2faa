package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"cloister/internal/machine/fabric/fabrictest"
	"cloister/internal/machine/tunnel"
	"cloister/internal/value/network"
)

// end is the other end of a VPN tunnel: a namespace in which everything leads into the tunnel.
type end struct {
	ns      *os.File
	tunnel  *tunnel.Tunnel
	gateway *tunnel.Tunnel // with which it has a session
}

// Apply has somebody at the other end of each tunnel.
func (f *tested) Apply(ctx context.Context, want *network.Network) error {
	if err := f.Fabric.Apply(ctx, want); err != nil {
		return err
	}
	return f.call(ctx, want)
}

// call has a session between each tunnel's two ends.
func (f *tested) call(ctx context.Context, n *network.Network) error {
	if f.ends == nil {
		f.ends = map[string]*end{}
	}
	for _, v := range n.VPCs {
		if v.VPN == nil {
			continue
		}
		g := f.gateways[v.ID]
		if g.err != nil {
			return g.err
		}
		for _, t := range v.VPN.Tunnels {
			e := f.ends[t.ID]
			if e == nil {
				var err error
				if e, err = newEnd(t.ID); err != nil {
					return err
				}
				f.ends[t.ID] = e
			}
			if err := e.call(ctx, g.tunnel, v.VPN.Key); err != nil {
				return fmt.Errorf("tunnel %s: %w", t.ID, err)
			}
		}
	}
	return nil
}

func (e *end) call(ctx context.Context, gateway *tunnel.Tunnel, key network.Key) error {
	up := func() bool {
		states, err := e.tunnel.States()
		return err == nil && !states[tunnel.Public(key)].Handshake.IsZero()
	}
	if e.gateway == gateway && up() {
		return nil
	}
	// No session of before is left to be tried first.
	if err := e.tunnel.SetPeers(nil); err != nil {
		return err
	}
	for {
		err := e.tunnel.SetPeers([]tunnel.Peer{{PublicKey: tunnel.Public(key), Endpoint: gateway.Address(), Networks: []netip.Prefix{everywhere}, Keepalive: time.Second}})
		if err != nil || up() {
			e.gateway = gateway
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func newEnd(id string) (*end, error) {
	e := &end{}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = prepareWorkload()
		}
		if err == nil {
			e.ns, err = os.Open(threadNamespace)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		return nil, err
	}
	var err error
	e.tunnel, err = tunnel.Open(tunnel.Config{Name: "wg", Key: fabrictest.TunnelKey(id), Listen: netip.MustParseAddrPort("127.0.0.1:0"),
		Inside: func(do func() error) error { return within(int(e.ns.Fd()), do) }})
	if err != nil {
		return nil, errors.Join(err, e.ns.Close())
	}
	return e, within(int(e.ns.Fd()), func() error {
		wg, err := netlink.LinkByName("wg")
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: wg.Attrs().Index, Dst: netOf(everywhere), Scope: unix.RT_SCOPE_LINK})
	})
}

// behind does something at an address behind a tunnel.
func (f *tested) behind(id string, address netip.Addr, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.ends[id]
	if e == nil {
		return errors.New("no tunnel " + strconv.Quote(id))
	}
	return within(int(e.ns.Fd()), func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return errors.Join(unlessThere(netlink.AddrAdd(lo, &netlink.Addr{IPNet: netOf(netip.PrefixFrom(address, 32))})), do())
	})
}

// DialFrom connects from an address behind a tunnel.
func (f *tested) DialFrom(ctx context.Context, id string, source netip.Addr, to netip.AddrPort) (c net.Conn, err error) {
	var fd int
	err = f.behind(id, source, func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		return unix.BindToDevice(fd, "wg") // also to itself
	})
	if err != nil {
		return nil, err
	}
	return dialSocket(ctx, fd, source, to)
}

// ListenBehind opens a server at an address behind a tunnel.
func (f *tested) ListenBehind(id string, at netip.AddrPort) (l net.Listener, err error) {
	err = f.behind(id, at.Addr(), func() (err error) {
		var config net.ListenConfig
		config.SetMultipathTCP(false)
		l, err = config.Listen(context.Background(), "tcp4", at.String())
		return err
	})
	return l, err
}

// Close ends the other ends too.
func (f *tested) Close() error {
	for id, e := range f.ends {
		e.tunnel.Close()
		e.ns.Close()
		delete(f.ends, id)
	}
	return f.Fabric.Close()
}

// dialSocket connects a socket, wherever it was made.
func dialSocket(ctx context.Context, fd int, source netip.Addr, to netip.AddrPort) (net.Conn, error) {
	err := unix.Bind(fd, &unix.SockaddrInet4{Addr: source.As4()})
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	}
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		unix.Close(fd)
		return nil, err
	}
	for ctx.Err() == nil {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, err := unix.Poll(ready, 20); err != nil && !errors.Is(err, unix.EINTR) {
			unix.Close(fd)
			return nil, err
		} else if n > 0 {
			break
		}
	}
	if ctx.Err() != nil {
		unix.Close(fd)
		return nil, ctx.Err()
	}
	file := os.NewFile(uintptr(fd), "")
	defer file.Close()
	if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		return nil, errors.Join(err, unix.Errno(code))
	}
	return net.FileConn(file)
}
