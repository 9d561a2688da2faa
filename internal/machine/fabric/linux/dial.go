package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Dial connects from inside a namespace. Only the socket is made there: the thread is home again
// before the connection is begun, so that waiting for it holds no thread.
func (f *Fabric) Dial(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error) {
	if !to.Addr().Unmap().Is4() {
		return nil, fmt.Errorf("dial %s from %s: not an IPv4 address", to, id)
	}
	path := f.Namespace(id)
	if path == "" {
		return nil, fmt.Errorf("dial %s: no namespace %q", to, id)
	}
	ns, err := openNamespace(path)
	if err != nil {
		return nil, fmt.Errorf("dial %s from %s: %w", to, id, err)
	}
	defer ns.Close()
	type result struct {
		c   net.Conn
		err error
	}
	done := make(chan result, 1)
	go func() {
		c, err := dialFrom(ctx, ns, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
		done <- result{c, err}
	}()
	r := <-done
	if r.err != nil {
		return nil, fmt.Errorf("dial from %s: %w", id, r.err)
	}
	return r.c, nil
}

// dialFrom must be called on a goroutine that ends with it: a thread that cannot come home is left
// locked, and dies with the goroutine.
func dialFrom(ctx context.Context, ns *os.File, to netip.AddrPort) (net.Conn, error) {
	runtime.LockOSThread()
	home, err := os.Open(threadNamespace)
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	away := true
	goHome := func() error {
		defer home.Close()
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("leave namespace: %w", err)
		}
		away = false
		runtime.UnlockOSThread()
		return nil
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		home.Close()
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("enter namespace: %w", err)
	}
	d := net.Dialer{Control: func(_, _ string, _ syscall.RawConn) error { return goHome() }}
	c, err := d.DialTCP(ctx, "tcp4", netip.AddrPort{}, to)
	if away {
		err = errors.Join(err, goHome())
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ListenIn opens a server inside a namespace, as a process in it would.
func (f *Fabric) ListenIn(id string, at netip.AddrPort) (net.Listener, error) {
	path := f.Namespace(id)
	if path == "" {
		return nil, fmt.Errorf("listen on %s: no namespace %q", at, id)
	}
	ns, err := openNamespace(path)
	if err != nil {
		return nil, fmt.Errorf("listen in %s: %w", id, err)
	}
	defer ns.Close()
	var l net.Listener
	err = within(int(ns.Fd()), func() (err error) {
		var config net.ListenConfig
		config.SetMultipathTCP(false)
		l, err = config.Listen(context.Background(), "tcp4", at.String())
		return err
	})
	return l, err
}
