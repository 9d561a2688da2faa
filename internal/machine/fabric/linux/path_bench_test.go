package linux

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"cloister/internal/value/network"
)

// path is a pair of namespaces of which the first has a connection open to the second, by file descriptors
// that block: no poller stands between the packets and the clock.
type path struct {
	name       string
	from, to   *os.File
	throughput []float64 // Gb/s, a round each
	trip       []float64 // microseconds, a round's median each
}

// ruled is a VPC of two interfaces, with this many rules to each of its groups; the last one lets through.
func ruled(n *network.Network, id string, rules int) {
	everything := []network.Rule{{Protocol: -1, From: -1, To: -1, CIDR: everywhere}}
	g := network.Group{ID: "sg-" + id}
	for i := range rules - 1 {
		r := network.Rule{Protocol: 6, From: 10000 + i, To: 10000 + i, CIDR: netip.MustParsePrefix("10.9.0.0/16")}
		g.Ingress, g.Egress = append(g.Ingress, r), append(g.Egress, r)
	}
	g.Ingress, g.Egress = append(g.Ingress, everything...), append(g.Egress, everything...)
	n.VPCs = append(n.VPCs, network.VPC{ID: "vpc-" + id, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
		Subnets: []network.Subnet{{ID: "subnet-" + id, CIDR: netip.MustParsePrefix("10.0.1.0/24")}}, Groups: []network.Group{g}})
	for k, address := range []string{"10.0.1.5", "10.0.1.6"} {
		n.Interfaces = append(n.Interfaces, network.Interface{ID: fmt.Sprintf("%s-%d", id, k), VPC: "vpc-" + id, Subnet: "subnet-" + id,
			Address: netip.MustParseAddr(address), Groups: []string{g.ID}})
	}
}

// bareVeth joins two isolated namespaces by a veth and nothing else.
func bareVeth(b *testing.B, f *Fabric, ids [2]string) {
	b.Helper()
	var ends [2]*os.File
	for k, id := range ids {
		ns, err := openNamespace(f.path(fileName(kindIsolated, id)))
		if err != nil {
			b.Fatal(err)
		}
		defer ns.Close()
		ends[k] = ns
	}
	h, err := netlink.NewHandleAt(netns.NsHandle(ends[0].Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	if err := h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0", MTU: mtuInside}, PeerName: "eth0",
		PeerNamespace: netlink.NsFd(ends[1].Fd()), PeerMTU: mtuInside}); err != nil {
		b.Fatal(err)
	}
	for k, ns := range ends {
		h, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
		if err != nil {
			b.Fatal(err)
		}
		defer h.Close()
		link, err := h.LinkByName("eth0")
		if err == nil {
			err = h.AddrAdd(link, &netlink.Addr{IPNet: netOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(5 + k)}), 24))})
		}
		if err == nil {
			err = h.LinkSetUp(link)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// open makes the connection of a path, from one namespace's 10.0.1.5 to the other's 10.0.1.6.
func (p *path) open(b *testing.B, f *Fabric, files [2]string) {
	b.Helper()
	var l net.Listener
	inNamespace(b, f.directory, files[1], func() (err error) { l, err = net.Listen("tcp4", "10.0.1.6:5201"); return err })
	defer l.Close()
	ns, err := openNamespace(f.path(files[0]))
	if err != nil {
		b.Fatal(err)
	}
	defer ns.Close()
	ctx, cancel := context.WithTimeout(context.Background(), prompt)
	defer cancel()
	c, err := dialFrom(ctx, ns, netip.MustParseAddrPort("10.0.1.6:5201"))
	if err != nil {
		b.Fatal(p.name, err)
	}
	s, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	for end, conn := range map[**os.File]net.Conn{&p.from: c, &p.to: s} {
		if *end, err = conn.(interface{ File() (*os.File, error) }).File(); err != nil {
			b.Fatal(err)
		}
		conn.Close()
		if err := unix.SetNonblock(int((*end).Fd()), false); err != nil {
			b.Fatal(err)
		}
	}
	b.Cleanup(func() { p.from.Close(); p.to.Close() })
}

// bulk sends as much as goes for a while and gives Gb/s.
func (p *path) bulk(b *testing.B, during time.Duration) float64 {
	from, to := int(p.from.Fd()), int(p.to.Fd())
	got := make(chan int64)
	const end = 0xff
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		buffer, sum := make([]byte, 256<<10), int64(0)
		for {
			n, err := unix.Read(to, buffer)
			if err != nil || n == 0 {
				break
			}
			if sum += int64(n); buffer[n-1] == end {
				break
			}
		}
		got <- sum
	}()
	block := make([]byte, 256<<10)
	began := time.Now()
	for time.Since(began) < during {
		if err := writeAll(from, block); err != nil {
			b.Fatal(err)
		}
	}
	if err := writeAll(from, []byte{end}); err != nil {
		b.Fatal(err)
	}
	sum := <-got
	return float64(sum) * 8 / float64(time.Since(began).Nanoseconds())
}

func writeAll(fd int, block []byte) error {
	for len(block) > 0 {
		n, err := unix.Write(fd, block)
		if err != nil {
			return err
		}
		block = block[n:]
	}
	return nil
}

// pingPong sends a byte there and back and gives the median in microseconds.
func (p *path) pingPong(b *testing.B, times int) float64 {
	from, to := int(p.from.Fd()), int(p.to.Fd())
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		one := make([]byte, 1)
		for range times {
			if n, err := unix.Read(to, one); err != nil || n == 0 {
				break
			}
			writeAll(to, one)
		}
		close(done)
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	one, took := make([]byte, 1), make([]float64, 0, times)
	for range times {
		began := time.Now()
		if err := writeAll(from, one); err != nil {
			b.Fatal(err)
		}
		if _, err := unix.Read(from, one); err != nil {
			b.Fatal(err)
		}
		took = append(took, float64(time.Since(began).Nanoseconds())/1e3)
	}
	<-done
	return middle(took)
}

func middle(all []float64) float64 {
	s := slices.Sorted(slices.Values(all))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// BenchmarkPath compares a bare veth with the way through a VPC of ten and of a thousand rules: the three in
// turn, many rounds, each round's ratio by itself. Run it once (-benchtime 1x).
func BenchmarkPath(b *testing.B) {
	f := start(b)
	n := &network.Network{Isolated: []string{"bare-0", "bare-1"}}
	ruled(n, "ten", 10)
	ruled(n, "thousand", 1000)
	apply(b, f, n)
	bareVeth(b, f, [2]string{"bare-0", "bare-1"})
	paths := []*path{{name: "bare"}, {name: "ten"}, {name: "thousand"}}
	for _, p := range paths {
		kind := kindInterface
		if p.name == "bare" {
			kind = kindIsolated
		}
		p.open(b, f, [2]string{fileName(kind, p.name+"-0"), fileName(kind, p.name+"-1")})
	}
	for b.Loop() {
		for round := range 15 {
			for k := range paths {
				p := paths[(k+round)%len(paths)]
				p.bulk(b, 30*time.Millisecond) // warm
				p.throughput = append(p.throughput, p.bulk(b, 250*time.Millisecond))
				p.trip = append(p.trip, p.pingPong(b, 3000))
			}
		}
	}
	bare := paths[0]
	b.ReportMetric(middle(bare.throughput), "bare-Gb/s")
	b.ReportMetric(middle(bare.trip), "bare-us")
	for _, p := range paths[1:] {
		var ratios, more []float64
		for i := range p.throughput {
			ratios, more = append(ratios, p.throughput[i]/bare.throughput[i]), append(more, p.trip[i]-bare.trip[i])
		}
		b.ReportMetric(middle(p.throughput), p.name+"-Gb/s")
		b.ReportMetric(middle(ratios), p.name+"-ratio")
		b.ReportMetric(middle(p.trip), p.name+"-us")
		b.ReportMetric(middle(more), p.name+"-more-us")
	}
}
