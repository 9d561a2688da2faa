package tunnel

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is one without a name: it ends with the test's last descriptor of it.
type namespace struct{ file *os.File }

const own = "/proc/thread-self/ns/net"

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces and devices")
	}
	n := &namespace{}
	var err error
	done := make(chan struct{})
	go func() { // its thread is not given back
		defer close(done)
		runtime.LockOSThread()
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			n.file, err = os.Open(own)
		}
	}()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.file.Close() })
	lo, err := n.netlink(t).LinkByName("lo")
	if err == nil {
		err = n.netlink(t).LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *namespace) netlink(t *testing.T) *netlink.Handle {
	t.Helper()
	h, err := netlink.NewHandleAt(netns.NsHandle(n.file.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// inside runs do on a thread of its own, which then ends.
func (n *namespace) inside(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}

// configure gives a device an address and routes.
func (n *namespace) configure(t *testing.T, device, address string, routes ...string) {
	t.Helper()
	h := n.netlink(t)
	link, err := h.LinkByName(device)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := netlink.ParseAddr(address + "/32")
	if err := h.AddrAdd(link, a); err != nil {
		t.Fatal(err)
	}
	for _, to := range routes {
		_, dst, _ := net.ParseCIDR(to)
		if err := h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: dst, Scope: unix.RT_SCOPE_LINK}); err != nil {
			t.Fatal(err)
		}
	}
}

func (n *namespace) has(t *testing.T, device string) bool {
	t.Helper()
	_, err := n.netlink(t).LinkByName(device)
	return err == nil
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}
