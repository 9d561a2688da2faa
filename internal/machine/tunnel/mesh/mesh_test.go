package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"cloister/internal/machine/tunnel"
)

func TestInnerAddressesAreInTheirRange(t *testing.T) {
	seen := map[netip.Addr]bool{}
	for n := range 5000 {
		a := Inner(n)
		if !Range.Contains(a) || seen[a] || a == Range.Addr() {
			t.Fatalf("the address of host %d is %s", n, a)
		}
		seen[a] = true
	}
	for _, others := range []string{"169.254.169.253", "169.254.169.254", "169.254.170.2", "169.254.1.2"} {
		if Range.Contains(netip.MustParseAddr(others)) {
			t.Errorf("%s is somebody else's", others)
		}
	}
}

// newSegment makes n hosts that reach each other.
func newSegment(t testing.TB, n int) (hosts []Host, bridge string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces and devices")
	}
	bridge = namespace(t, "bridge")
	do(t, bridge, func() error {
		return errors.Join(netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br"}}), up("br"))
	})
	for i := range n {
		h := Host{Namespace: namespace(t, fmt.Sprint("host", i)), Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 4)}), Inner: Inner(i), Key: tunnel.NewKey()}
		hosts = append(hosts, h)
		there, err := os.Open(h.Namespace)
		if err != nil {
			t.Fatal(err)
		}
		defer there.Close()
		do(t, bridge, func() error {
			name := fmt.Sprint("h", i)
			br, err := netlink.LinkByName("br")
			if err != nil {
				return err
			}
			return errors.Join(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, MTU: 9001, MasterIndex: br.Attrs().Index},
				PeerName: "eth0", PeerNamespace: netlink.NsFd(there.Fd()), PeerMTU: 9001}), up(name))
		})
		do(t, h.Namespace, func() error {
			eth0, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			return errors.Join(up("lo"), netlink.AddrAdd(eth0, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(h.Address, 24))}), up("eth0"))
		})
	}
	return hosts, bridge
}

func up(name string) error {
	l, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(l)
	}
	return err
}

// namespace makes one at a path.
func namespace(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	err := os.WriteFile(path, nil, 0o600)
	done := make(chan error, 1)
	go func() { // its thread is not given back
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- unix.Mount("/proc/thread-self/ns/net", path, "none", unix.MS_BIND, "")
	}()
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return path
}

func do(t testing.TB, path string, f func() error) {
	t.Helper()
	if err := inside(path, f); err != nil {
		t.Fatal(err)
	}
}

// capture sees all that passes in a namespace until it is asked what that was: frames by what they are.
func capture(t testing.TB, path string) func() (seen map[string]int, all []byte) {
	t.Helper()
	fd := -1
	do(t, path, func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, int(unix.ETH_P_ALL>>8|unix.ETH_P_ALL<<8&0xff00))
		return err
	})
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20); err != nil {
		t.Fatal(err)
	}
	return func() (map[string]int, []byte) {
		defer unix.Close(fd)
		seen, all, frame := map[string]int{}, []byte{}, make([]byte, 1<<16)
		for {
			n, _, err := unix.Recvfrom(fd, frame, 0)
			if err != nil {
				return seen, all
			}
			seen[what(frame[:n])]++
			all = append(all, frame[:n]...)
		}
	}
}

// what is a frame.
func what(f []byte) string {
	if len(f) < 38 || f[12] != 8 || f[13] != 0 {
		return "no IPv4"
	}
	return fmt.Sprintf("%d to port %d", f[23], int(f[36])<<8|int(f[37]))
}

// listen answers every connection with what it sends, at an address in a namespace.
func listen(t testing.TB, path string, at netip.AddrPort) {
	t.Helper()
	var l net.Listener
	do(t, path, func() (err error) { l, err = net.Listen("tcp4", at.String()); return err })
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }() //nolint:errcheck // it ends with the connection
		}
	}()
}

func dial(path string, to netip.AddrPort, wait time.Duration) (c net.Conn, err error) {
	err = inside(path, func() (err error) { c, err = net.DialTimeout("tcp4", to.String(), wait); return err })
	return c, err
}

const secret = "what the hosts say to each other"

// says has the other side repeat something.
func says(c net.Conn, wait time.Duration) error {
	c.SetDeadline(time.Now().Add(wait)) //nolint:errcheck // a dead one says so when it is written
	if _, err := io.WriteString(c, secret); err != nil {
		return err
	}
	got := make([]byte, len(secret))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != secret {
		return fmt.Errorf("got %q: %w", got, err)
	}
	return nil
}

func (m *Meshes) must(t testing.TB, hosts []Host) {
	t.Helper()
	if err := m.Open(context.Background(), "job", hosts); err != nil {
		t.Fatal(err)
	}
}

const (
	long   = 20 * time.Second
	moment = 400 * time.Millisecond
)

func TestACaptureSeesWhatIsSealedOnly(t *testing.T) {
	hosts, bridge := newSegment(t, 3)
	every := netip.AddrPortFrom(netip.IPv4Unspecified(), 7077)
	listen(t, hosts[1].Namespace, every)
	listen(t, hosts[2].Namespace, every)
	direct, inner := netip.AddrPortFrom(hosts[1].Address, 7077), netip.AddrPortFrom(hosts[1].Inner, 7077)

	seen := capture(t, bridge)
	c, err := dial(hosts[0].Namespace, direct, long)
	if err == nil {
		err = says(c, long)
	}
	if err != nil {
		t.Fatalf("before there is a mesh: %v", err)
	}
	if _, all := seen(); !bytes.Contains(all, []byte(secret)) {
		t.Error("a capture does not see what is not sealed")
	}

	m := New()
	m.must(t, hosts)
	m.must(t, hosts)
	defer m.Close("job")
	seen = capture(t, bridge)
	if err := says(c, moment); err == nil {
		t.Error("a connection goes on that had begun in the clear")
	}
	for _, h := range hosts[1:] {
		c, err := dial(hosts[0].Namespace, netip.AddrPortFrom(h.Inner, 7077), long)
		if err == nil {
			err = says(c, long)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if c, err := dial(hosts[0].Namespace, direct, moment); err == nil {
		c.Close()
		t.Error("a host is reached at its own address")
	}
	strayed(t, &hosts[0], hosts[1].Address, inner)
	kinds, all := seen()
	delete(kinds, "no IPv4")     // ARP
	delete(kinds, "2 to port 0") // IGMP
	if n := kinds[fmt.Sprint("17 to port ", Port)]; len(kinds) != 1 || n < 8 || bytes.Contains(all, []byte(secret)) {
		t.Errorf("a capture sees %v, the secret: %v", kinds, bytes.Contains(all, []byte(secret)))
	}
}

// strayed sends in the clear whatever a program without privileges can: to the tunnel's port, and to an inner address by
// another device.
func strayed(t *testing.T, from *Host, peer netip.Addr, inner netip.AddrPort) {
	t.Helper()
	for _, to := range []netip.AddrPort{netip.AddrPortFrom(peer, Port), netip.AddrPortFrom(peer, 53), inner} {
		err := inside(from.Namespace, func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.BindToDevice(fd, "eth0"); err != nil {
				return err
			}
			return unix.Sendto(fd, []byte(secret), 0, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
		})
		if !errors.Is(err, syscall.EPERM) {
			t.Errorf("a datagram to %s: %v", to, err)
		}
	}
}

// TestTheFenceOutlivesItsProcess closes the tunnels as the end of the process does: nothing passes, in the clear
// neither, and when they are taken up connections go on.
func TestTheFenceOutlivesItsProcess(t *testing.T) {
	hosts, bridge := newSegment(t, 2)
	listen(t, hosts[1].Namespace, netip.AddrPortFrom(netip.IPv4Unspecified(), 7077))
	m := New()
	m.must(t, hosts)
	c, err := dial(hosts[0].Namespace, netip.AddrPortFrom(hosts[1].Inner, 7077), long)
	if err == nil {
		err = says(c, long)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Close("job")
	m.Close("job")
	seen := capture(t, bridge)
	answered := make(chan error, 1)
	go func() { answered <- says(c, long) }()
	for _, to := range []netip.Addr{hosts[1].Address, hosts[1].Inner} {
		if c, err := dial(hosts[0].Namespace, netip.AddrPortFrom(to, 7077), moment); err == nil {
			c.Close()
			t.Errorf("without a tunnel %s is reached", to)
		}
	}
	if kinds, all := seen(); kinds["6 to port 7077"] > 0 || bytes.Contains(all, []byte(secret)) {
		t.Errorf("without a tunnel a capture sees %v", kinds)
	}
	again := New()
	again.must(t, hosts)
	defer again.Close("job")
	if err := <-answered; err != nil {
		t.Errorf("the connection does not go on: %v", err)
	}
}

func TestAMeshOfOtherHostsIsAnother(t *testing.T) {
	hosts, _ := newSegment(t, 2)
	listen(t, hosts[1].Namespace, netip.AddrPortFrom(netip.IPv4Unspecified(), 7077))
	m := New()
	m.must(t, hosts)
	defer m.Close("job")
	reach := func(wait time.Duration) error {
		c, err := dial(hosts[0].Namespace, netip.AddrPortFrom(hosts[1].Inner, 7077), wait)
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := reach(long); err != nil {
		t.Fatal(err)
	}
	hosts[0].Key, hosts[1].Key = tunnel.NewKey(), tunnel.NewKey()
	m.must(t, hosts)
	if err := reach(long); err != nil {
		t.Errorf("with other keys: %v", err)
	}
	wrong := []Host{hosts[0], {Namespace: filepath.Join(t.TempDir(), "none"), Address: hosts[1].Address, Inner: hosts[1].Inner, Key: hosts[1].Key}}
	if err := m.Open(t.Context(), "job", wrong); err == nil {
		t.Error("a host without a namespace is in a mesh")
	}
	if err := reach(moment); err == nil {
		t.Error("of a mesh that could not be made a part is left")
	}
	m.must(t, hosts)
	if err := reach(long); err != nil {
		t.Errorf("after an error: %v", err)
	}
}

// TestEverySessionIsThereBeforeItIsNeeded: if programs that begin together had to begin the sessions, any two of them would
// do so at once, and wait for seconds. Without a way between the hosts nobody waits for ever.
func TestEverySessionIsThereBeforeItIsNeeded(t *testing.T) {
	hosts, bridge := newSegment(t, 6)
	m := New()
	m.must(t, hosts)
	defer m.Close("job")
	for i, of := range m.open["job"].tunnels {
		up := 0
		for end := time.Now().Add(long); up < 5 && time.Now().Before(end); time.Sleep(time.Millisecond) {
			states, err := of.States()
			if up = 0; err != nil || len(states) != 5 {
				t.Fatalf("host %d knows %d others: %v", i, len(states), err)
			}
			for _, s := range states {
				if s.Up(time.Now()) {
					up++
				}
			}
		}
		if up < 5 {
			t.Errorf("host %d has a session with %d others", i, up)
		}
	}
	m.Close("job")
	do(t, bridge, func() error {
		br, err := netlink.LinkByName("br")
		if err == nil {
			err = netlink.LinkSetDown(br)
		}
		return err
	})
	m.must(t, hosts)
}

// BenchmarkThroughput is one TCP connection between two hosts, in the clear and sealed.
func BenchmarkThroughput(b *testing.B) {
	for _, sealed := range []bool{false, true} {
		b.Run(map[bool]string{false: "clear", true: "sealed"}[sealed], func(b *testing.B) {
			hosts, _ := newSegment(b, 2)
			to := hosts[1].Address
			if sealed {
				m := New()
				m.must(b, hosts)
				defer m.Close("job")
				to = hosts[1].Inner
			}
			var l net.Listener
			do(b, hosts[1].Namespace, func() (err error) { l, err = net.Listen("tcp4", "0.0.0.0:7077"); return err })
			defer l.Close()
			got := make(chan error, 1)
			const piece = 1 << 20
			go func() {
				c, err := l.Accept()
				if err == nil {
					_, err = io.CopyN(io.Discard, c, int64(b.N)*piece)
				}
				got <- err
			}()
			c, err := dial(hosts[0].Namespace, netip.AddrPortFrom(to, 7077), long)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			data := make([]byte, piece)
			b.SetBytes(piece)
			b.ResetTimer()
			for range b.N {
				if _, err := c.Write(data); err != nil {
					b.Fatal(err)
				}
			}
			if err := <-got; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// TestOnlyPeersGetToTheTunnelsPort sends to it from outside the mesh, and from the host's own programs, and then as a tunnel does.
func TestOnlyPeersGetToTheTunnelsPort(t *testing.T) {
	hosts, _ := newSegment(t, 3)
	m := New()
	m.must(t, hosts[:2])
	m.Close("job") // the fence stays, and the port is free
	at := netip.AddrPortFrom(hosts[0].Address, Port)
	var l *net.UDPConn
	do(t, hosts[0].Namespace, func() (err error) { l, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at)); return err })
	defer l.Close()
	for _, from := range []int{2, 0, 1} {
		do(t, hosts[from].Namespace, func() error {
			c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at))
			if err != nil {
				return err
			}
			defer c.Close()
			raw, err := c.SyscallConn()
			if err != nil {
				return err
			}
			var refused error
			if from == 1 {
				err = raw.Control(func(fd uintptr) { refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, mark) })
			}
			_, sent := c.Write([]byte("hello"))
			return errors.Join(err, refused, sent)
		})
	}
	if err := l.SetReadDeadline(time.Now().Add(long)); err != nil {
		t.Fatal(err)
	}
	if _, from, err := l.ReadFromUDPAddrPort(make([]byte, 9)); err != nil || from.Addr().Unmap() != hosts[1].Address {
		t.Errorf("the first packet came from %s: %v", from, err)
	}
}
