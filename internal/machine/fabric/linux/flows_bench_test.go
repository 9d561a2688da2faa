package linux

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"cloister/internal/value/network"
)

// BenchmarkAccounting sends packets through a router whose conntrack counts them and one whose does
// not: what flow logs cost while there are none. The sender's own thread carries a packet all the way.
func BenchmarkAccounting(b *testing.B) {
	f := start(b)
	n := pairNetwork()
	n.VPCs[0].Groups[1].Ingress = append(n.VPCs[0].Groups[1].Ingress, network.Rule{Protocol: 17, From: 5000, To: 5000, CIDR: everywhere})
	apply(b, f, n)
	var p net.PacketConn
	inNamespace(b, f.directory, "cl.eni.eni-2", func() (err error) {
		p, err = net.ListenPacket("udp4", "10.0.1.6:5000")
		return err
	})
	defer p.Close()
	p.(*net.UDPConn).SetReadBuffer(1)
	for _, c := range []struct{ name, value string }{{"off", "0"}, {"on", "1"}} {
		b.Run(c.name, func(b *testing.B) {
			inNamespace(b, f.directory, "cl.vpc.vpc-1", func() error {
				return os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_acct", []byte(c.value), 0)
			})
			var s int
			inNamespace(b, f.directory, "cl.eni.eni-1", func() (err error) {
				s, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
				return err
			})
			defer unix.Close(s)
			to := &unix.SockaddrInet4{Port: 5000, Addr: netip.MustParseAddr("10.0.1.6").As4()}
			payload := make([]byte, 64)
			for b.Loop() {
				if err := unix.Sendto(s, payload, 0, to); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
