package linux

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"cloister/internal/machine/tunnel"
	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// customer is the other side of a VPN connection: a namespace that belongs to nobody's VPC.
type customer struct {
	f      *Fabric
	ns     *os.File
	tunnel *tunnel.Tunnel
	key    network.Key
}

// newCustomer makes one that has the given addresses and sends everything through its tunnel.
func newCustomer(t *testing.T, gateway network.Key, at netip.AddrPort, addresses ...string) *customer {
	t.Helper()
	c := &customer{key: tunnel.NewKey()}
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and the thread ends
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			c.ns, err = os.Open(threadNamespace)
		}
	}()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.ns.Close() })
	c.tunnel, err = tunnel.Open(tunnel.Config{Name: "wg", Key: c.key, Listen: netip.MustParseAddrPort("127.0.0.1:0"),
		Inside: func(do func() error) error { return within(int(c.ns.Fd()), do) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.tunnel.Close)
	if err := c.tunnel.SetPeers([]tunnel.Peer{{PublicKey: tunnel.Public(gateway), Endpoint: at, Networks: []netip.Prefix{everywhere}}}); err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(netns.NsHandle(c.ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	wg, err := h.LinkByName("wg")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if err := h.AddrAdd(wg, &netlink.Addr{IPNet: netOf(netip.PrefixFrom(netip.MustParseAddr(a), 32))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.RouteAdd(&netlink.Route{LinkIndex: wg.Attrs().Index, Dst: netOf(everywhere), Scope: unix.RT_SCOPE_LINK}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *customer) dial(from, to string, wait time.Duration) (conn net.Conn, err error) {
	err = within(int(c.ns.Fd()), func() (err error) {
		d := net.Dialer{Timeout: wait, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err = d.Dial("tcp4", to)
		return err
	})
	return conn, err
}

func (c *customer) reaches(t *testing.T, from, to string, want bool, why string) {
	t.Helper()
	wait := quiet
	if want {
		wait = prompt
	}
	conn, err := c.dial(from, to, wait)
	if want != (err == nil) {
		t.Errorf("%s: %s to %s: %v", why, from, to, err)
	}
	if err == nil {
		alive(t, conn, why)
		conn.Close()
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// tunnelledNetwork is roads with a VPN gateway at VPC a, to which the customer's key is admitted, and an inbound
// resolver endpoint and a gateway endpoint there.
func tunnelledNetwork(port int, key network.Key, customers ...network.Tunnel) *network.Network {
	n := roads()
	a := &n.VPCs[0]
	a.VPN = &network.VPN{ID: "vgw-a", Port: port, Key: key, Tunnels: customers}
	a.Names = []network.Name{{Text: "private.example", Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.10")}}}
	for i := range a.Tables {
		a.Tables[i].Routes = append(a.Tables[i].Routes, route("192.168.0.0/16", network.ToVPN, "vgw-a"))
	}
	a.Tables[0].Routes = append(a.Tables[0].Routes, route("52.216.0.0/15", network.ToEndpoint, "vpce-s3"))
	n.Endpoints = append(n.Endpoints, network.Endpoint{ID: "vpce-s3", VPC: "vpc-a", Service: "s3", Gateway: true, Prefixes: []netip.Prefix{netip.MustParsePrefix("52.216.0.0/15")}})
	closed := network.Interface{ID: "closed", VPC: "vpc-a", Subnet: "subnet-1a", Address: netip.MustParseAddr("10.0.1.7"), Groups: []string{"sg-closed"}}
	inbound := network.Interface{ID: "inbound", VPC: "vpc-a", Subnet: "subnet-1a", Address: netip.MustParseAddr("10.0.1.20"), Groups: []string{"sg-a"}, Resolver: true}
	n.Interfaces = append(n.Interfaces, closed, inbound)
	only := network.Rule{Protocol: 6, From: 8080, To: 8080, CIDR: netip.MustParsePrefix("192.168.0.7/32")}
	a.Groups = append(a.Groups, network.Group{ID: "sg-closed", Ingress: []network.Rule{only}})
	return n
}

func tunnelled(id string, c *customer, networks ...string) network.Tunnel {
	t := network.Tunnel{ID: id, PublicKey: tunnel.Public(c.key)}
	for _, n := range networks {
		t.Networks = append(t.Networks, netip.MustParsePrefix(n))
	}
	return t
}

func TestCustomersNetworksReachWhatTheyMay(t *testing.T) {
	f := start(t)
	port, key := freePort(t), tunnel.NewKey()
	c := newCustomer(t, key, netip.MustParseAddrPort("127.0.0.1:"+strconv.Itoa(port)), "192.168.0.5", "192.168.0.7", "192.168.9.9")
	n := tunnelledNetwork(port, key, tunnelled("vpn-1", c, "192.168.0.0/24"))
	apply(t, f, n)
	greeted(t, f)
	for _, id := range []string{"public", "private", "closed", "b1"} {
		echo(t, f.directory, "cl.eni."+id, "0.0.0.0:8080")
	}
	echo(t, f.directory, "cl.host.host", "0.0.0.0:8080")

	c.reaches(t, "192.168.0.5", "10.0.1.5:8080", true, "an interface")
	c.reaches(t, "192.168.0.5", "10.0.2.5:8080", true, "an interface in another subnet")
	c.reaches(t, "192.168.0.5", "10.0.1.7:8080", false, "a group that does not admit it")
	c.reaches(t, "192.168.0.7", "10.0.1.7:8080", true, "a group that admits one address")
	c.reaches(t, "192.168.9.9", "10.0.1.5:8080", false, "a source outside the tunnel's networks")
	c.reaches(t, "192.168.0.5", "10.1.1.5:8080", false, "a peer VPC, through")
	c.reaches(t, "192.168.0.5", "203.0.113.10:443", false, "the internet's doors, through")
	c.reaches(t, "192.168.0.5", "198.51.100.10:8080", false, "an internet host, through")
	c.reaches(t, "192.168.0.5", "52.216.1.1:443", false, "the gateway endpoint")
	c.reaches(t, "192.168.0.5", "10.0.0.2:53", false, "the VPC's own resolver")
	conn, err := c.dial("192.168.0.5", "10.0.1.20:53", prompt)
	if err != nil {
		t.Fatalf("the inbound resolver endpoint: %v", err)
	}
	asked := &dns.Conn{Conn: conn}
	asked.SetDeadline(time.Now().Add(prompt)) //nolint:errcheck // a connection has them
	if err := asked.WriteMsg(question("private.example.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	if m, err := asked.ReadMsg(); err != nil || len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != "10.0.1.10" {
		t.Errorf("a private name, asked from outside: %v: %v", m, err)
	}
	asked.Close()

	conn, err = c.dial("192.168.0.5", "10.0.1.10:443", prompt)
	if err != nil {
		t.Fatalf("the endpoint: %v", err)
	}
	defer conn.Close()
	var o caller.Origin
	if err := json.NewDecoder(conn).Decode(&o); err != nil || o.EndpointID != "vpce-1" || o.VPC != "vpc-a" || o.Source.String() != "192.168.0.5" || o.Interface != "" {
		t.Errorf("at the endpoint it is seen as %+v: %v", o, err)
	}

	// The other way: a route leads there, and only what the tunnel was given.
	var l net.Listener
	if err := within(int(c.ns.Fd()), func() (err error) { l, err = net.Listen("tcp4", "0.0.0.0:8080"); return err }); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go echoAll(l)
	reaches(t, f, "public", "192.168.0.5:8080", true, "the customer, from the VPC")
	reaches(t, f, "public", "192.168.9.9:8080", false, "an address behind no tunnel")
	reaches(t, f, "b1", "192.168.0.5:8080", false, "the customer, through the peering")

	states, err := f.Tunnels("vgw-a")
	if s := states["vpn-1"]; err != nil || !s.Up || s.Peer != c.tunnel.Address() || s.Received == 0 || s.Sent == 0 {
		t.Errorf("the tunnel's state is %+v: %v", s, err)
	}
	if _, err := f.Tunnels("vgw-b"); err == nil {
		t.Error("there is no gateway vgw-b")
	}

	// Without its route a subnet gives no answer; without the gateway nobody does.
	n = tunnelledNetwork(port, key, tunnelled("vpn-1", c, "192.168.0.0/24"))
	n.VPCs[0].Tables[1].Routes = n.VPCs[0].Tables[1].Routes[:1]
	apply(t, f, n)
	c.reaches(t, "192.168.0.5", "10.0.2.5:8080", false, "a subnet without a route back")
	c.reaches(t, "192.168.0.5", "10.0.1.5:8080", true, "a subnet with one")
	n = tunnelledNetwork(port, key)
	n.VPCs[0].VPN = nil
	apply(t, f, n)
	c.reaches(t, "192.168.0.5", "10.0.1.5:8080", false, "a gateway that was detached")
	apply(t, f, tunnelledNetwork(port, key, tunnelled("vpn-1", c, "192.168.0.0/24")))
	c.reaches(t, "192.168.0.5", "10.0.1.5:8080", true, "and attached again")
}

func echoAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c) //nolint:errcheck // the client may be gone
		}()
	}
}

func TestLargePacketsFitIntoTunnels(t *testing.T) {
	f := start(t)
	port, key := freePort(t), tunnel.NewKey()
	c := newCustomer(t, key, netip.MustParseAddrPort("127.0.0.1:"+strconv.Itoa(port)), "192.168.0.5")
	apply(t, f, tunnelledNetwork(port, key, tunnelled("vpn-1", c, "192.168.0.0/24")))
	echo(t, f.directory, "cl.eni.public", "0.0.0.0:8080")
	conn, err := c.dial("192.168.0.5", "10.0.1.5:8080", prompt)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(prompt)) //nolint:errcheck // a connection has them
	const much = 4 << 20
	go conn.Write(make([]byte, much)) //nolint:errcheck // the reader sees
	if n, err := io.CopyN(io.Discard, conn, much); err != nil {
		t.Errorf("%d bytes of %d: %v", n, much, err)
	}
	// A workload learns how much fits, and what it sends without asking is not lost either.
	if err := bigDatagrams(t, f, c); err != nil {
		t.Error(err)
	}
}

// bigDatagrams sends packets of 4000 bytes into the tunnel until one arrives.
func bigDatagrams(t *testing.T, f *Fabric, c *customer) error {
	t.Helper()
	var to net.PacketConn
	if err := within(int(c.ns.Fd()), func() (err error) { to, err = net.ListenPacket("udp4", "192.168.0.5:9999"); return err }); err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	var from net.Conn
	inNamespace(t, f.directory, "cl.eni.public", func() (err error) { from, err = net.Dial("udp4", "192.168.0.5:9999"); return err })
	defer from.Close()
	var err error
	for range 20 {
		from.Write(make([]byte, 4000))                             //nolint:errcheck // it may be too long at first
		to.SetReadDeadline(time.Now().Add(500 * time.Millisecond)) //nolint:errcheck // a socket has them
		if _, _, err = to.ReadFrom(make([]byte, 5000)); err == nil {
			return nil
		}
	}
	return err
}

func TestTunnelsGoOnInANewProcess(t *testing.T) {
	f := start(t)
	port, key := freePort(t), tunnel.NewKey()
	c := newCustomer(t, key, netip.MustParseAddrPort("127.0.0.1:"+strconv.Itoa(port)), "192.168.0.5")
	n := tunnelledNetwork(port, key, tunnelled("vpn-1", c, "192.168.0.0/24"))
	apply(t, f, n)
	echo(t, f.directory, "cl.eni.public", "0.0.0.0:8080")
	conn, err := c.dial("192.168.0.5", "10.0.1.5:8080", prompt)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	alive(t, conn, "before")
	f.Close()
	next, err := Open(Config{Directory: f.directory})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	apply(t, next, n)
	conn.SetDeadline(time.Now().Add(prompt)) //nolint:errcheck // a connection has them
	alive(t, conn, "a connection of the old process")
	c.reaches(t, "192.168.0.5", "10.0.1.5:8080", true, "after")
	next.Close()
	if err := Purge(f.directory); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(f.directory, "*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestAGatewayThatCannotOpenIsItsOwnTrouble(t *testing.T) {
	f := start(t)
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	key := tunnel.NewKey()
	n := tunnelledNetwork(taken.LocalAddr().(*net.UDPAddr).Port, key)
	apply(t, f, n)
	if _, err := f.Tunnels("vgw-a"); err == nil {
		t.Error("a gateway whose port is taken tells of no trouble")
	}
	echo(t, f.directory, "cl.eni.private", "0.0.0.0:8080")
	reaches(t, f, "public", "10.0.2.5:8080", true, "inside the VPC")
	taken.Close()
	if err := f.Apply(context.Background(), n); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tunnels("vgw-a"); err != nil {
		t.Errorf("when the port is free: %v", err)
	}
}

func TestNobodyInTheVPCIsSpokenForByACustomer(t *testing.T) {
	f := start(t)
	port, key := freePort(t), tunnel.NewKey()
	c := newCustomer(t, key, netip.MustParseAddrPort("127.0.0.1:"+strconv.Itoa(port)), "192.168.0.5", "10.0.1.6")
	apply(t, f, tunnelledNetwork(port, key, tunnelled("vpn-1", c, "0.0.0.0/0")))
	var at net.PacketConn
	inNamespace(t, f.directory, "cl.eni.public", func() (err error) { at, err = net.ListenPacket("udp4", "10.0.1.5:9999"); return err })
	defer at.Close()
	send := func(from string) {
		t.Helper()
		err := within(int(c.ns.Fd()), func() error {
			s, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: net.IPv4(10, 0, 1, 5), Port: 9999})
			if err == nil {
				defer s.Close()
				_, err = s.Write([]byte(from))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	send("10.0.1.6") // an interface's address
	send("192.168.0.5")
	at.SetDeadline(time.Now().Add(prompt)) //nolint:errcheck // a socket has them
	b := make([]byte, 64)
	if n, from, err := at.ReadFrom(b); err != nil || string(b[:n]) != "192.168.0.5" {
		t.Errorf("heard %q from %v: %v", b[:n], from, err)
	}
}

func TestWhereThereCanBeNoTunnelsThatIsSaid(t *testing.T) {
	f := start(t)
	f.noTunnels = "not here"
	n := tunnelledNetwork(freePort(t), tunnel.NewKey())
	apply(t, f, n)
	if _, err := f.Tunnels("vgw-a"); err == nil || !strings.Contains(err.Error(), "not here") {
		t.Errorf("the gateway says %v", err)
	}
	echo(t, f.directory, "cl.eni.private", "0.0.0.0:8080")
	reaches(t, f, "public", "10.0.2.5:8080", true, "inside the VPC")
}
