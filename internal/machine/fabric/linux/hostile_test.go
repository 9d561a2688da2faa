package linux

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A workload that has root in its namespace can send any bytes. These tests do.

// packet is an IPv4 packet with a TCP header and no data.
func packet(from, to string, port uint16, flags byte) []byte {
	source, target := netip.MustParseAddr(from).As4(), netip.MustParseAddr(to).As4()
	b := make([]byte, 40)
	b[0], b[8], b[9] = 0x45, 64, unix.IPPROTO_TCP
	binary.BigEndian.PutUint16(b[2:], 40)
	copy(b[12:], source[:])
	copy(b[16:], target[:])
	tcp := b[20:]
	binary.BigEndian.PutUint16(tcp, 5555)
	binary.BigEndian.PutUint16(tcp[2:], port)
	tcp[12], tcp[13] = 0x50, flags
	binary.BigEndian.PutUint16(tcp[14:], 1000)
	pseudo := append(append(append([]byte{}, b[12:20]...), 0, unix.IPPROTO_TCP, 0, 20), tcp...)
	binary.BigEndian.PutUint16(tcp[16:], checksum(pseudo))
	return b
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

const syn, rst = 0x02, 0x04

// send puts a packet on the wire of a namespace as it is.
func send(t testing.TB, f *Fabric, file string, b []byte) {
	t.Helper()
	inNamespace(t, f.directory, file, func() error {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		to := unix.SockaddrInet4{Addr: [4]byte(b[16:20])}
		return unix.Sendto(s, b, 0, &to)
	})
}

// sniff collects the sources of TCP packets that arrive in a namespace.
func sniff(t testing.TB, f *Fabric, file string) (heard func() []string) {
	t.Helper()
	var socket int
	inNamespace(t, f.directory, file, func() (err error) {
		socket, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
		return err
	})
	t.Cleanup(func() { unix.Close(socket) })
	return func() (sources []string) {
		b := make([]byte, 2048)
		for {
			n, _, err := unix.Recvfrom(socket, b, 0)
			if err != nil {
				return sources
			}
			if n >= 40 {
				source := netip.AddrFrom4([4]byte(b[12:16])).String()
				if b[33]&rst != 0 {
					source += " resets"
				}
				sources = append(sources, source)
			}
		}
	}
}

// hears waits until a packet from source arrives and gives all that came until then. The veth keeps
// order, so what was sent before and is not among them was dropped.
func hears(t testing.TB, heard func() []string, source string) []string {
	t.Helper()
	var all []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		all = append(all, heard()...)
		for _, s := range all {
			if s == source {
				return all
			}
		}
	}
	t.Fatalf("no packet from %s arrived, only %v", source, all)
	return nil
}

func TestForgedPacketsReachNothing(t *testing.T) {
	f := start(t)
	n := pairNetwork()
	apply(t, f, n)
	heard := sniff(t, f, "cl.eni.eni-2")
	// Control: the owner's own packet arrives, so the sniffer would hear the forged ones.
	send(t, f, "cl.eni.eni-1", packet("10.0.1.5", "10.0.1.6", 80, syn))
	hears(t, heard, "10.0.1.5")
	forgetAll(t, f)

	// eni-3 is not admitted, and pretends to be eni-1, which is; then an address of nobody, of the
	// resolver, of the endpoint, of the target itself and of loopback. Then eni-1 marks the end.
	for _, source := range []string{"10.0.1.5", "10.0.1.77", "10.0.0.2", "10.0.1.10", "10.0.1.6", "127.0.0.1", "198.51.100.7", "169.254.169.253"} {
		send(t, f, "cl.eni.eni-3", packet(source, "10.0.1.6", 80, syn))
		send(t, f, "cl.eni.eni-3", packet(source, "10.0.1.6", 443, syn))
	}
	send(t, f, "cl.eni.eni-3", packet("10.0.1.7", "10.0.1.6", 80, syn))
	n = pairNetwork()
	n.VPCs[0].Groups[1].Ingress[0].CIDR = netip.MustParsePrefix("10.0.1.7/32")
	apply(t, f, n)
	send(t, f, "cl.eni.eni-3", packet("10.0.1.7", "10.0.1.6", 81, syn))
	if all := hears(t, heard, "10.0.1.7"); len(all) != 1 {
		t.Errorf("forged packets arrived: %v", all)
	}
}

// forgetAll empties conntrack, so that the next packet is a first one.
func forgetAll(t testing.TB, f *Fabric) {
	t.Helper()
	if err := forget(int(f.routers["vpc-1"].file.Fd()), many("10.0.1.5", 3)); err != nil {
		t.Fatal(err)
	}
}

func TestForgedResetDoesNotEndAConnection(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	echo(t, f.directory, "cl.eni.eni-2", "0.0.0.0:80")
	c, err := connect(t, f.directory, "cl.eni.eni-1", "10.0.1.6:80", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	heard := sniff(t, f, "cl.eni.eni-2")
	b := packet("10.0.1.5", "10.0.1.6", 80, rst)
	binary.BigEndian.PutUint16(b[20:], uint16(c.LocalAddr().(*net.TCPAddr).Port))
	send(t, f, "cl.eni.eni-3", b)
	alive(t, c, "after a forged reset")
	for _, source := range hears(t, heard, "10.0.1.5") { // the connection's own packets
		if source != "10.0.1.5" {
			t.Errorf("%s", source)
		}
	}
}

func TestForgetTakesOneAddressOnly(t *testing.T) {
	f := start(t)
	n := pairNetwork()
	n.VPCs[0].Groups[1].Ingress[0].CIDR = everywhere
	apply(t, f, n)
	echo(t, f.directory, "cl.eni.eni-2", "0.0.0.0:80")
	for _, file := range []string{"cl.eni.eni-1", "cl.eni.eni-3"} {
		if _, err := connect(t, f.directory, file, "10.0.1.6:80", 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	flows := func() string { return strings.Join(conntrack(t, f), " ") }
	if got := flows(); !strings.Contains(got, "10.0.1.5>10.0.1.6") || !strings.Contains(got, "10.0.1.7>10.0.1.6") {
		t.Fatalf("flows: %s", got)
	}
	n = pairNetwork()
	n.VPCs[0].Groups[1].Ingress[0].CIDR = everywhere
	n.Interfaces = n.Interfaces[1:]
	apply(t, f, n)
	if got := flows(); strings.Contains(got, "10.0.1.5") || !strings.Contains(got, "10.0.1.7>10.0.1.6") {
		t.Errorf("flows after eni-1 was removed: %s", got)
	}
	n = pairNetwork()
	n.Interfaces = append(n.Interfaces[:1:1], n.Interfaces[2:]...)
	apply(t, f, n)
	if got := flows(); strings.Contains(got, "10.0.1.6") {
		t.Errorf("flows after eni-2 was removed: %s", got)
	}
}

func conntrackFlows(t testing.TB, f *Fabric) []*netlink.ConntrackFlow {
	t.Helper()
	h, err := netlink.NewHandleAt(netns.NsHandle(f.routers["vpc-1"].file.Fd()), unix.NETLINK_NETFILTER)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	flows, err := h.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	return flows
}

func conntrack(t testing.TB, f *Fabric) (list []string) {
	for _, flow := range conntrackFlows(t, f) {
		list = append(list, flow.Forward.SrcIP.String()+">"+flow.Forward.DstIP.String())
	}
	return list
}

func TestARPTeachesTheRouterNothing(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	r := f.routers["vpc-1"]
	link, err := r.netlink.LinkByName(r.links["eni-3"])
	if err != nil {
		t.Fatal(err)
	}
	received := link.Attrs().Statistics.RxPackets
	inNamespace(t, f.directory, "cl.eni.eni-3", func() error {
		s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		for i := range 100 {
			for _, target := range []string{"10.0.0.2", "10.0.1.1", "10.0.1.6", "10.0.1.10"} {
				frame := arp(eth0.HardwareAddr, netip.AddrFrom4([4]byte{10, 0, 1, byte(100 + i)}), netip.MustParseAddr(target))
				if err := unix.Sendto(s, frame, 0, &unix.SockaddrLinklayer{Ifindex: eth0.Index, Halen: 6}); err != nil {
					return err
				}
				frame = arp(eth0.HardwareAddr, netip.MustParseAddr("10.0.1.5"), netip.MustParseAddr(target))
				if err := unix.Sendto(s, frame, 0, &unix.SockaddrLinklayer{Ifindex: eth0.Index, Halen: 6}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if link, err = r.netlink.LinkByName(r.links["eni-3"]); err != nil {
		t.Fatal(err)
	}
	if got := link.Attrs().Statistics.RxPackets - received; got < 800 {
		t.Fatalf("only %d frames came to the router: the test proves nothing", got)
	}
	neighbours, err := r.netlink.NeighList(0, unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	if len(neighbours) != 3 {
		t.Errorf("the router's neighbours are %v", neighbours)
	}
	for _, n := range neighbours {
		if n.State != netlink.NUD_PERMANENT || n.IP.String() == "10.0.1.5" && n.LinkIndex == link.Attrs().Index {
			t.Errorf("a neighbour was learnt: %v", n)
		}
	}
}

func arp(mac net.HardwareAddr, sender, target netip.Addr) []byte {
	b := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	b = append(append(b, mac...), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	b = append(append(b, mac...), sender.AsSlice()...)
	return append(append(b, 0, 0, 0, 0, 0, 0), target.AsSlice()...)
}

func TestRoutersDoNotSpeakIPv6OrRedirect(t *testing.T) {
	f := start(t)
	apply(t, f, pairNetwork())
	for _, file := range []string{"cl.vpc.vpc-1", "cl.internet.internet"} {
		inNamespace(t, f.directory, file, func() error {
			links, err := os.ReadDir("/proc/sys/net/ipv4/conf")
			if err != nil {
				return err
			}
			for _, l := range links {
				for path, want := range map[string]string{
					"/proc/sys/net/ipv6/conf/" + l.Name() + "/disable_ipv6": "1", "/proc/sys/net/ipv4/conf/" + l.Name() + "/send_redirects": "0",
					"/proc/sys/net/ipv4/conf/" + l.Name() + "/accept_redirects": "0", "/proc/sys/net/ipv4/conf/" + l.Name() + "/arp_ignore": "8",
					"/proc/sys/net/ipv4/conf/" + l.Name() + "/accept_source_route": "0",
				} {
					got, err := os.ReadFile(path)
					if errors.Is(err, os.ErrNotExist) || l.Name() == "lo" {
						continue
					}
					if err != nil || strings.TrimSpace(string(got)) != want {
						t.Errorf("%s: %s is %q (%v)", file, path, got, err)
					}
				}
			}
			return nil
		})
	}
}

func TestRouterAnswersNoPing(t *testing.T) {
	f := start(t)
	n := pairNetwork()
	n.VPCs[0].Groups[1].Ingress[0] = n.VPCs[0].Groups[0].Egress[0] // all protocols
	apply(t, f, n)
	ping := func(to string) bool {
		var c net.Conn
		inNamespace(t, f.directory, "cl.eni.eni-1", func() (err error) {
			c, err = net.Dial("ip4:icmp", to)
			return err
		})
		defer c.Close()
		b := []byte{8, 0, 0, 0, 0, 7, 0, 1}
		binary.BigEndian.PutUint16(b[2:], checksum(b))
		c.SetDeadline(time.Now().Add(150 * time.Millisecond))
		if to == "10.0.1.6" {
			c.SetDeadline(time.Now().Add(10 * time.Second))
		}
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		_, err := c.Read(make([]byte, 100))
		return err == nil
	}
	if !ping("10.0.1.6") {
		t.Error("an interface whose group admits everything does not answer a ping")
	}
	for _, to := range []string{"10.0.0.2", "10.0.1.1", "10.0.1.10", "169.254.169.253"} {
		if ping(to) {
			t.Errorf("%s answers a ping", to)
		}
	}
}
