package linux

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"cloister/internal/machine/fabric"
	"cloister/internal/value/network"
)

// Nobody is told another's credentials by sending with the other's address: neither who is to be told nothing,
// nor who is told its own. Both have root in their namespaces and put the address on their own link.
func TestForgedQuestionsForCredentials(t *testing.T) {
	f := start(t)
	n := pairNetwork()
	for i := range n.Interfaces {
		n.Interfaces[i].Metadata = n.Interfaces[i].ID == "eni-1" || n.Interfaces[i].ID == "eni-2"
	}
	apply(t, f, n)
	asked := make(chan string, 16)
	go func() {
		for {
			c, err := f.Metadata().Accept()
			if err != nil {
				return
			}
			asked <- c.(fabric.Conn).Origin().Interface
			c.Close()
		}
	}()
	for _, forger := range []string{"eni-2", "eni-3"} {
		for _, source := range []string{"10.0.1.5", "169.254.169.254", "169.254.170.2", "10.0.0.2", "127.0.0.1"} {
			send(t, f, "cl.eni."+forger, packet(source, "169.254.170.2", 80, syn))
			send(t, f, "cl.eni."+forger, packet(source, "169.254.169.254", 80, syn))
		}
		file := "cl.eni." + forger
		inNamespace(t, f.directory, file, func() error {
			eth0, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			stolen := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 0, 1, 5), Mask: net.CIDRMask(32, 32)}}
			if err := netlink.AddrAdd(eth0, stolen); err != nil {
				return err
			}
			d := net.Dialer{Timeout: 300 * time.Millisecond, LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 0, 1, 5)}}
			if c, err := d.Dial("tcp4", "169.254.170.2:80"); err == nil {
				c.Close()
				t.Errorf("%s is told credentials as 10.0.1.5", forger)
			}
			return netlink.AddrDel(eth0, stolen)
		})
	}
	// Whoever is to be told is, and as itself.
	for id, want := range map[string]string{"eni-1": "eni-1", "eni-2": "eni-2"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		c, err := f.Dial(ctx, id, netip.MustParseAddrPort("169.254.170.2:80"))
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if got := <-asked; got != want {
			t.Errorf("%s is known as %s", id, got)
		}
		c.Close()
	}
	if len(asked) > 0 {
		t.Errorf("%s was let in", <-asked)
	}
}

// A customer's endpoint service may have a listener on the port at which credentials are told.
func TestCredentialsBesideAListenerOnTheirPort(t *testing.T) {
	f := start(t)
	build := func(told bool) *network.Network {
		n := pairNetwork()
		n.Interfaces[0].Metadata = told
		front, mine := n.Interfaces[1], n.Interfaces[0]
		front.ID, front.Address, front.Open, front.Groups = "eni-front", netip.MustParseAddr("10.0.1.20"), true, nil
		mine.ID, mine.Address, mine.Endpoint, mine.Metadata = "eni-mine", netip.MustParseAddr("10.0.1.21"), "vpce-mine", false
		n.Interfaces = append(n.Interfaces, front, mine)
		n.Balancers = []network.Balancer{{ID: "nlb", VPC: "vpc-1", Interfaces: []string{"eni-front"}, Listeners: []network.Listener{{Port: 80}}}}
		n.Endpoints = append(n.Endpoints, network.Endpoint{ID: "vpce-mine", VPC: "vpc-1", Service: "com.amazonaws.vpce.us-east-1.vpce-svc-1", Balancer: "nlb"})
		return n
	}
	for _, told := range []bool{true, false, true} {
		apply(t, f, build(told))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		c, err := f.Dial(ctx, "eni-1", netip.MustParseAddrPort("169.254.170.2:80"))
		cancel()
		if (err == nil) != told {
			t.Errorf("told %v: %v", told, err)
		}
		if err == nil {
			c.Close()
		}
	}
}
