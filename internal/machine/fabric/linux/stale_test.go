package linux

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"cloister/internal/value/network"
)

// reopened is the same instance in what might be another process.
func reopened(t *testing.T, f *Fabric) *Fabric {
	t.Helper()
	f.Close()
	next, err := Open(Config{Directory: f.directory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { next.Close() })
	return next
}

// quietNow demands that a connection carries nothing any more.
func quietNow(t *testing.T, c net.Conn, why string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(2 * quiet))
	if _, err := io.WriteString(c, "hello"); err != nil {
		return
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err == nil {
		t.Errorf("%s: the connection lives", why)
	}
}

// station is a UDP socket inside a namespace that notes who sends to it and answers.
func station(t *testing.T, f *Fabric, file, at string) (heard chan netip.AddrPort, c *net.UDPConn) {
	t.Helper()
	inNamespace(t, f.directory, file, func() (err error) {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
		return err
	})
	t.Cleanup(func() { c.Close() })
	heard = make(chan netip.AddrPort, 100)
	go func() {
		for b := make([]byte, 100); ; {
			_, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			heard <- from
			if b[0] == '?' {
				c.WriteToUDPAddrPort([]byte("!"), from) //nolint:errcheck // it may be unreachable by now
			}
		}
	}()
	return heard, c
}

// says sends a question and gives whom the station heard; invalid for nobody.
func says(t *testing.T, c *net.UDPConn, to string, heard chan netip.AddrPort, wait time.Duration) netip.Addr {
	t.Helper()
	for len(heard) > 0 {
		<-heard
	}
	if _, err := c.WriteToUDPAddrPort([]byte("?"), netip.MustParseAddrPort(to)); err != nil {
		t.Fatal(err)
	}
	select {
	case from := <-heard:
		return from.Addr()
	case <-time.After(wait):
		return netip.Addr{}
	}
}

func TestAnElasticAddressEndsWithItsConnections(t *testing.T) {
	for name, restart := range map[string]bool{"at once": false, "while no process is there": true} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			apply(t, f, roads())
			for _, id := range []string{"public", "plain", "private"} {
				echo(t, f.directory, "cl.eni."+id, "0.0.0.0:8080")
			}
			echo(t, f.directory, "cl.host.host", "0.0.0.0:8080")
			dialled := func(namespace, to string) net.Conn {
				c, err := connect(t, f.directory, namespace, to, prompt)
				if err != nil {
					t.Fatal(err)
				}
				alive(t, c, "at first")
				return c
			}
			out, in := dialled("cl.eni.public", "198.51.100.10:8080"), dialled("cl.host.host-2", "198.18.0.5:8080")
			other := dialled("cl.eni.private", "198.51.100.10:8080") // by the NAT gateway
			f = reopened(t, f)
			apply(t, f, roads())
			for _, c := range []net.Conn{out, in, other} {
				alive(t, c, "after a restart")
			}

			n := roads() // the address goes to a neighbour
			n.Interfaces[3].Public, n.Interfaces[0].Public = n.Interfaces[0].Public, netip.Addr{}
			if restart {
				f = reopened(t, f)
			}
			apply(t, f, n)
			quietNow(t, out, "from the elastic address")
			quietNow(t, in, "to the elastic address")
			alive(t, other, "another's")
			from(t, f, "cl.host.host", "198.18.0.5:8080", true, "the new owner")
			same(t, f, n, "an elastic address's move")
		})
	}
}

func TestANeighboursHeirInheritsNothing(t *testing.T) {
	for name, restart := range map[string]bool{"at once": false, "while no process is there": true} {
		t.Run(name, func(t *testing.T) {
			only := func(heir bool) *network.Network {
				n := roads()
				a, b := &n.VPCs[0], &n.VPCs[1]
				a.Groups = append(a.Groups, network.Group{ID: "sg-known", Egress: a.Groups[0].Egress})
				b.Groups[0].Ingress = []network.Rule{{Protocol: -1, From: -1, To: -1, Group: "sg-known"}}
				n.Interfaces[0].Groups = []string{"sg-known"}
				if heir {
					n.Interfaces[0].ID, n.Interfaces[0].Groups = "heir", []string{"sg-a"}
				}
				return n
			}
			f := start(t)
			apply(t, f, only(false))
			heard, _ := station(t, f, "cl.eni.b1", "10.1.1.5:9999")
			_, c := station(t, f, "cl.eni.public", "10.0.1.5:5000")
			if says(t, c, "10.1.1.5:9999", heard, prompt) != netip.MustParseAddr("10.0.1.5") {
				t.Fatal("a group by reference across the peering lets nobody in")
			}
			says(t, c, "10.1.1.5:9999", heard, prompt)
			if restart {
				f = reopened(t, f)
			}
			apply(t, f, only(true))
			_, c = station(t, f, "cl.eni.heir", "10.0.1.5:5000")
			if got := says(t, c, "10.1.1.5:9999", heard, 2*quiet); got.IsValid() {
				t.Error("the heir goes on with its predecessor's connection beyond the peering")
			}
		})
	}
}

func TestARoutesTargetTranslatesFromTheNextPacketOn(t *testing.T) {
	public := func() *network.Network {
		n := roads()
		n.Interfaces[4].Public = netip.MustParseAddr("198.18.0.77")
		n.VPCs[0].Tables[1].Routes = []network.Route{route("0.0.0.0/0", network.ToInternetGateway, "igw-a")}
		return n
	}
	f := start(t)
	apply(t, f, roads())
	heard, _ := station(t, f, "cl.host.host", "198.51.100.10:9999")
	_, c := station(t, f, "cl.eni.private", "10.0.2.5:5000")
	for i, step := range []struct {
		n  *network.Network
		as string
	}{{roads(), "198.18.0.9"}, {public(), "198.18.0.77"}, {roads(), "198.18.0.9"}} {
		apply(t, f, step.n)
		for range 2 {
			if got := says(t, c, "198.51.100.10:9999", heard, prompt); got != netip.MustParseAddr(step.as) {
				t.Errorf("step %d: seen as %s, not %s", i, got, step.as)
			}
		}
	}
}
