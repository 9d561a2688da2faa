package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloister/internal/value/network"
)

// running is traffic that goes on while a test changes the network: what must always pass, and what
// never may. Every probe is a flow of its own, so it meets the rules as they are at its moment.
type running struct {
	t                *testing.T
	f                *Fabric
	quit             chan struct{}
	group            sync.WaitGroup
	allowed, refused atomic.Int64
}

// answering opens a UDP server in a namespace; it repeats what it hears and notes who sent what may not come.
func (r *running) answering(id, at string, forbidden netip.Addr) {
	var server net.PacketConn
	inNamespace(r.t, r.f.directory, "cl.eni."+id, func() (err error) {
		server, err = net.ListenPacket("udp4", at)
		return err
	})
	r.t.Cleanup(func() { server.Close() })
	go func() {
		b := make([]byte, 64)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			if from.(*net.UDPAddr).AddrPort().Addr() == forbidden {
				r.t.Errorf("a packet from %s came through", from)
			}
			server.WriteTo(b[:n], from)
		}
	}()
}

// always sends from id to a server, one flow after another, each of which must be answered.
func (r *running) always(id, to string) {
	r.group.Go(func() {
		for each := range flowMax() / 3 { // two of them stay below what an interface may have
			select {
			case <-r.quit:
				return
			case <-time.After(200 * time.Microsecond):
			}
			c := r.flow(id, to)
			c.SetDeadline(time.Now().Add(prompt))
			c.Write([]byte("may I"))
			_, err := c.Read(make([]byte, 64))
			c.Close()
			if err != nil {
				r.t.Errorf("flow %d from %s to %s was lost: %v", each, id, to, err)
				return
			}
			r.allowed.Add(1)
		}
	})
}

// never sends the same and expects nothing back.
func (r *running) never(id, to string) {
	r.group.Go(func() {
		for {
			select {
			case <-r.quit:
				return
			default:
			}
			c := r.flow(id, to)
			c.SetDeadline(time.Now().Add(time.Millisecond))
			c.Write([]byte("may I"))
			_, err := c.Read(make([]byte, 64))
			c.Close()
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				r.t.Errorf("%s to %s: %v", id, to, err)
				return
			}
			r.refused.Add(1)
		}
	})
}

func (r *running) flow(id, to string) (c net.Conn) {
	inNamespace(r.t, r.f.directory, "cl.eni."+id, func() (err error) {
		c, err = net.Dial("udp4", to)
		return err
	})
	return c
}

// changing is a network in which a may always reach c on port 9000 and b never may, and in which the
// rest is another at each turn.
func changing(turn int) *network.Network {
	port := func(p int) int { return 1000 + p%3000 }
	n := aclNetwork([]network.ACLEntry{
		entry(false, 6, port(turn), port(turn), "0.0.0.0/0"), entry(true, 17, 9000, 9000, "10.0.1.5/32"),
		entry(false, 17, 9000, 9000, "10.0.1.6/32"), entry(true, 6, 1, 65535, "0.0.0.0/0")},
		[]network.ACLEntry{entry(turn%2 == 0, 1, -1, -1, "0.0.0.0/0"), entry(true, 17, 1024, 65535, "10.0.1.0/24")})
	v := &n.VPCs[0]
	every := []network.Rule{{Protocol: -1, From: -1, To: -1, CIDR: everywhere}}
	served := network.Group{ID: "sg-served", Egress: every}
	for i := range 40 + turn%60 { // below and above the size from which a chain has parts
		served.Ingress = append(served.Ingress, network.Rule{Protocol: 6, From: port(i + turn), To: port(i + turn), CIDR: netip.MustParsePrefix("10.0.0.0/16")})
	}
	served.Ingress = append(served.Ingress, network.Rule{Protocol: 17, From: 9000, To: 9000, Group: "sg-a"})
	v.Groups = append(v.Groups, served, network.Group{ID: "sg-a", Egress: every}, network.Group{ID: fmt.Sprintf("sg-turn%d", turn%5), Egress: every})
	for k := range n.Interfaces {
		switch i := &n.Interfaces[k]; i.ID {
		case "a":
			i.Groups = []string{"sg-a"}
			if turn%4 == 1 {
				i.Groups = []string{"sg-1", "sg-a"}
			}
		case "c", "d":
			i.Groups = []string{"sg-served"}
			if turn%3 == 1 {
				i.Groups = append(i.Groups, "sg-a")
			}
		}
	}
	for k := range turn % 4 {
		n.Interfaces = append(n.Interfaces, network.Interface{ID: fmt.Sprintf("x%d", k), VPC: "vpc-1", Subnet: "subnet-2",
			Address: netip.AddrFrom4([4]byte{10, 0, 2, byte(100 + k)}), Groups: []string{"sg-1"}})
	}
	return n
}

func TestAChangeLosesNothingAndLetsNothingThrough(t *testing.T) {
	f := start(t)
	apply(t, f, changing(0))
	r := &running{t: t, f: f, quit: make(chan struct{})}
	r.answering("c", "0.0.0.0:9000", netip.MustParseAddr("10.0.1.6"))
	r.answering("d", "0.0.0.0:9000", netip.MustParseAddr("10.0.2.77"))
	r.always("a", "10.0.2.5:9000") // through the ACL and by membership
	r.always("a", "10.0.2.6:9000")
	r.never("b", "10.0.2.5:9000")
	for turn := range 150 {
		apply(t, f, changing(turn))
		if turn%50 == 25 { // what a change after an error does, and a new process
			f.mu.Lock()
			f.forgetAll()
			f.mu.Unlock()
		}
	}
	close(r.quit)
	r.group.Wait()
	if r.allowed.Load() < 100 || r.refused.Load() < 100 {
		t.Errorf("too little was tried: %d allowed and %d refused flows", r.allowed.Load(), r.refused.Load())
	}
	t.Logf("%d allowed and %d refused flows", r.allowed.Load(), r.refused.Load())
}
