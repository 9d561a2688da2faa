package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// interfaceOf is an interface of a network, to be changed.
func interfaceOf(n *network.Network, id string) *network.Interface {
	return &n.Interfaces[slices.IndexFunc(n.Interfaces, func(i network.Interface) bool { return i.ID == id })]
}

func only(protocol, from, to int, cidr string) []network.Rule {
	return []network.Rule{{Protocol: protocol, From: from, To: to, CIDR: netip.MustParsePrefix(cidr)}}
}

func TestGroupsJudgeWhatComesThroughTheGateway(t *testing.T) {
	f := start(t)
	n := roads()
	n.VPCs[0].Groups = append(n.VPCs[0].Groups,
		network.Group{ID: "sg-web", Ingress: only(6, 8080, 8080, "198.51.100.10/32")},                                                                  // nothing goes out
		network.Group{ID: "sg-own", Ingress: []network.Rule{{Protocol: -1, From: -1, To: -1, Group: "sg-own"}}, Egress: only(-1, -1, -1, "0.0.0.0/0")}) // its own members only
	interfaceOf(n, "public").Groups = []string{"sg-web"}
	plain := interfaceOf(n, "plain")
	plain.Groups, plain.Public = []string{"sg-own"}, netip.MustParseAddr("198.18.0.6")
	apply(t, f, n)
	swallow(t, f)
	for _, id := range []string{"public", "plain"} {
		echo(t, f.directory, "cl.eni."+id, "0.0.0.0:8080")
		echo(t, f.directory, "cl.eni."+id, "0.0.0.0:8081")
	}
	echo(t, f.directory, "cl.host.host", "0.0.0.0:8080")
	from(t, f, "cl.host.host", "198.18.0.5:8080", true, "the host that is admitted")
	from(t, f, "cl.host.host", "198.18.0.5:8081", false, "another port")
	from(t, f, "cl.host.host-2", "198.18.0.5:8080", false, "another host")
	from(t, f, "cl.host.host", "198.18.0.6:8080", false, "a group of members only")
	reaches(t, f, "public", "198.51.100.10:8080", false, "no rule lets it out")
	reaches(t, f, "plain", "198.51.100.10:8080", true, "a rule lets it out")
	reaches(t, f, "plain", "198.18.0.5:8080", false, "a neighbour by its elastic address is a stranger")

	interfaceOf(n, "public").Groups = nil
	open := *n
	open.Interfaces = slices.Clone(n.Interfaces)
	interfaceOf(&open, "public").Open = true
	apply(t, f, &open)
	from(t, f, "cl.host.host-2", "198.18.0.5:8081", true, "open to all")
	reaches(t, f, "public", "198.51.100.10:8080", true, "open, outward")
}

// Whoever sends by a wire or a host's link can only be himself.
func TestForgedPacketsCrossNoGate(t *testing.T) {
	f := start(t)
	n := roads()
	interfaceOf(n, "plain").Public = netip.MustParseAddr("198.18.0.6")
	apply(t, f, n)
	host, neighbour, inside := sniff(t, f, "cl.host.host"), sniff(t, f, "cl.eni.b1"), sniff(t, f, "cl.eni.public")
	for _, source := range []string{"198.18.0.6", "198.18.0.9", "203.0.113.10", "10.0.1.6", "10.1.1.5", "198.51.100.11", "127.0.0.1"} {
		send(t, f, "cl.eni.public", packet(source, "198.51.100.10", 80, syn))
		send(t, f, "cl.eni.public", packet(source, "10.1.1.5", 80, syn))
	}
	for _, source := range []string{"198.51.100.10", "198.18.0.6", "203.0.113.10", "10.0.1.6", "10.1.1.5", "192.0.2.53"} {
		send(t, f, "cl.host.host-2", packet(source, "198.18.0.5", 80, syn))
		send(t, f, "cl.host.host-2", packet(source, "198.51.100.10", 80, syn))
	}
	for _, source := range []string{"10.0.1.6", "10.1.2.5", "198.51.100.10", "10.2.0.1"} {
		send(t, f, "cl.eni.b1", packet(source, "10.0.1.5", 80, syn))
	}
	send(t, f, "cl.eni.public", packet("10.0.1.5", "198.51.100.10", 80, syn))
	send(t, f, "cl.eni.public", packet("10.0.1.5", "10.1.1.5", 80, syn))
	send(t, f, "cl.host.host-2", packet("198.51.100.11", "198.51.100.10", 80, syn))
	send(t, f, "cl.host.host-2", packet("198.51.100.11", "198.18.0.5", 80, syn))
	send(t, f, "cl.eni.b1", packet("10.1.1.5", "10.0.1.5", 81, syn))
	// Each link keeps order, so once these are there all others were dropped.
	for who, heard := range map[string]func() []string{"198.18.0.5 198.51.100.11": host, "10.0.1.5": neighbour, "10.1.1.5 198.51.100.11": inside} {
		var all []string
		there := func(s string) bool { return slices.Contains(all, s) }
		for end := time.Now().Add(prompt); time.Now().Before(end) && !every(strings.Fields(who), there); time.Sleep(time.Millisecond) {
			all = append(all, heard()...)
		}
		for _, s := range all {
			if !slices.Contains(strings.Fields(who), s) && !strings.HasSuffix(s, "resets") {
				t.Errorf("beside %s a packet from %s came through", who, s)
			}
		}
		if !every(strings.Fields(who), there) {
			t.Errorf("of %s only %v came through", who, all)
		}
	}
}

func every(list []string, is func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !is(s) })
}

func TestTheNATGatewayGoesWhereItsSubnetsTableLeads(t *testing.T) {
	f := start(t)
	n := roads()
	n.Endpoints = append(n.Endpoints, network.Endpoint{ID: "vpce-s3", VPC: "vpc-a", Service: "s3", Gateway: true, Prefixes: []netip.Prefix{netip.MustParsePrefix("52.216.0.0/15")}})
	public := n.VPCs[0].Tables[0].Routes
	n.VPCs[0].Tables[0].Routes = append(slices.Clone(public), route("52.216.0.0/15", network.ToEndpoint, "vpce-s3"))
	apply(t, f, n)
	greeted(t, f)
	echo(t, f.directory, "cl.host.host", "0.0.0.0:8080")
	if o := seenAs(t, f, "cl.eni.private", "52.216.0.9:443", "the gateway endpoint of the NAT gateway's table"); o.Place != caller.Endpoint || o.EndpointID != "vpce-s3" || o.Source.String() != "10.0.1.9" || o.Interface != "nat" {
		t.Errorf("by the NAT gateway one is seen at the gateway endpoint as %+v", o)
	}
	reaches(t, f, "private", "198.51.100.10:8080", true, "to the internet")

	next := func(change func(n *network.Network)) *network.Network {
		n := roads()
		change(n)
		apply(t, f, n)
		return n
	}
	next(func(n *network.Network) { n.VPCs[0].Tables[0].Routes = nil })
	reaches(t, f, "private", "198.51.100.10:8080", false, "its subnet has no route to the gateway")
	next(func(n *network.Network) { interfaceOf(n, "nat").Public = netip.Addr{} })
	reaches(t, f, "private", "198.51.100.10:8080", false, "a private NAT gateway has no elastic address")
	echo(t, f.directory, "cl.eni.b1", "0.0.0.0:8080")
	reaches(t, f, "private", "10.1.1.5:8080", true, "but leads to the peer")
	next(func(n *network.Network) { n.Interfaces = append(n.Interfaces[:1:1], n.Interfaces[2:]...) })
	reaches(t, f, "private", "198.51.100.10:8080", false, "it is gone")
	n = next(func(*network.Network) {})
	reaches(t, f, "private", "198.51.100.10:8080", true, "and back")
	same(t, f, n, "a NAT gateway's absence")
}

// instance turns a namespace into a customer's NAT instance.
func instance(t *testing.T, f *Fabric, id string, own netip.Addr) {
	t.Helper()
	inNamespace(t, f.directory, "cl.eni."+id, func() error {
		return set([][2]string{{"ipv4/ip_forward", "1"}, {"ipv4/conf/all/rp_filter", "0"}, {"ipv4/conf/eth0/rp_filter", "0"}, {"ipv4/conf/all/send_redirects", "0"}, {"ipv4/conf/eth0/send_redirects", "0"}})
	})
	ns, err := openNamespace(f.path(fileName(kindInterface, id)))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if err := translate(ns, own); err != nil {
		t.Fatal(err)
	}
}

func TestAnInstanceWithoutTheCheckForwards(t *testing.T) {
	f := start(t)
	n := roads()
	n.VPCs[0].Groups = append(n.VPCs[0].Groups,
		network.Group{ID: "sg-web", Ingress: only(6, 8080, 8080, "10.0.2.0/24"), Egress: only(6, 8080, 8080, "198.51.100.10/32")})
	fw := interfaceOf(n, "public")
	fw.Forwards, fw.Groups = true, []string{"sg-web"}
	n.VPCs[0].Tables[1].Routes = []network.Route{route("0.0.0.0/0", network.ToInterface, "public"), route("198.51.100.11/32", network.ToInterface, "plain")}
	apply(t, f, n)
	for _, host := range []string{"host", "host-2"} {
		echo(t, f.directory, "cl.host."+host, "0.0.0.0:8080")
		echo(t, f.directory, "cl.host."+host, "0.0.0.0:8081")
	}
	instance(t, f, "public", fw.Address)
	reaches(t, f, "private", "198.51.100.10:8080", true, "through the instance")
	reaches(t, f, "private", "198.51.100.10:8081", false, "its groups admit one port")
	reaches(t, f, "private", "198.51.100.11:8080", false, "a route to an interface with the check is a blackhole")

	n.VPCs[0].Groups[1].Ingress = only(6, 8080, 8081, "10.0.2.0/24")
	n2 := *n
	n2.VPCs = slices.Clone(n.VPCs)
	n2.VPCs[0].Tables = slices.Clone(n.VPCs[0].Tables)
	n2.VPCs[0].Tables[1].Routes = n.VPCs[0].Tables[1].Routes[:1]
	n2.VPCs[0].Groups = slices.Clone(n.VPCs[0].Groups)
	n2.VPCs[0].Groups[1].Ingress = only(6, 8080, 8081, "10.0.2.0/24")
	apply(t, f, &n2)
	reaches(t, f, "private", "198.51.100.11:8080", false, "its groups let it send to one host")
	reaches(t, f, "private", "198.51.100.10:8081", false, "and to one port")
	reaches(t, f, "private", "198.51.100.10:8080", true, "which is reached")

	// A workload that destroys its own link takes nobody's packets to where another route leads.
	n3 := n2
	n3.VPCs = slices.Clone(n2.VPCs)
	n3.VPCs[0].Tables = slices.Clone(n2.VPCs[0].Tables)
	n3.VPCs[0].Tables[1].Routes = []network.Route{route("0.0.0.0/0", network.ToInterface, "nat"), route("198.51.100.11/32", network.ToInterface, "public")}
	apply(t, f, &n3)
	reaches(t, f, "private", "198.51.100.10:8080", true, "by the NAT gateway")
	ns, err := openNamespace(f.path("cl.eni.public"))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if err := clearInside(ns); err != nil {
		t.Fatal(err)
	}
	reaches(t, f, "private", "198.51.100.11:8080", false, "the instance deleted its link")
}

// What an interface that forwards sends in the name of others gets to this VPC's interfaces, and not out.
func TestOthersPacketsStayInside(t *testing.T) {
	f := start(t)
	n := roads()
	interfaceOf(n, "public").Forwards = true
	interfaceOf(n, "plain").Public = netip.MustParseAddr("198.18.0.6")
	apply(t, f, n)
	heard, peer := sniff(t, f, "cl.host.host"), sniff(t, f, "cl.eni.b1")
	for _, source := range []string{"10.0.1.6", "172.16.0.1", "198.18.0.6"} {
		send(t, f, "cl.eni.public", packet(source, "198.51.100.10", 80, syn))
		send(t, f, "cl.eni.public", packet(source, "10.1.1.5", 80, syn))
	}
	send(t, f, "cl.eni.public", packet("10.0.1.5", "198.51.100.10", 80, syn))
	send(t, f, "cl.eni.public", packet("10.0.1.5", "10.1.1.5", 80, syn))
	for _, got := range [][]string{hears(t, heard, "198.18.0.5"), hears(t, peer, "10.0.1.5")} {
		if len(got) != 1 {
			t.Errorf("others' packets left the VPC: %v", got)
		}
	}
	inside := sniff(t, f, "cl.eni.private")
	for _, source := range []string{"10.0.1.6", "10.0.1.10", "169.254.169.253", "172.16.0.1"} {
		send(t, f, "cl.eni.public", packet(source, "10.0.2.5", 80, syn))
	}
	if got := hears(t, inside, "172.16.0.1"); len(got) != 1 {
		t.Errorf("the VPC's own addresses were forged: %v", got)
	}
}

// What an interface sends for others through a NAT gateway is answered by the way that the gateway's subnet knows.
func TestOthersPacketsComeBackThroughTheNATGateway(t *testing.T) {
	f := start(t)
	n := roads()
	interfaceOf(n, "private").Forwards = true
	n.VPCs[0].Tables[0].Routes = append(slices.Clone(n.VPCs[0].Tables[0].Routes), route("192.168.7.0/24", network.ToInterface, "private"))
	apply(t, f, n)
	inNamespace(t, f.directory, "cl.eni.private", func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.AddrAdd(lo, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 168, 7, 7).To4(), Mask: net.CIDRMask(32, 32)}})
	})
	peer, heard := sniff(t, f, "cl.eni.b1"), sniff(t, f, "cl.eni.private")
	send(t, f, "cl.eni.private", packet("192.168.7.7", "10.1.1.5", 81, syn))
	if got := hears(t, peer, "10.0.1.9"); len(got) != 1 {
		t.Errorf("the peer heard %v", got)
	}
	if got := hears(t, heard, "10.1.1.5 resets"); len(got) != 1 {
		t.Errorf("what came back is %v", got)
	}
}

// Inside packets may have 9001 bytes, beyond the internet gateway 1500, and who sends too large ones is told.
func TestTheGatewayTellsWhatFits(t *testing.T) {
	f := start(t)
	apply(t, f, roads())
	heard, _ := station(t, f, "cl.host.host", "198.51.100.10:9999")
	for _, c := range []struct{ id, to string }{{"public", "198.51.100.10:9999"}, {"private", "198.51.100.10:9999"}} {
		var s net.Conn
		inNamespace(t, f.directory, "cl.eni."+c.id, func() (err error) {
			s, err = net.Dial("udp4", c.to)
			if err != nil {
				return err
			}
			raw, err := s.(*net.UDPConn).SyscallConn()
			if err != nil {
				return err
			}
			return errors.Join(raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
			}), err)
		})
		t.Cleanup(func() { s.Close() })
		s.Write(make([]byte, 8000)) //nolint:errcheck // it may be told at once
		var told error
		for end := time.Now().Add(prompt); told == nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			_, told = s.Write(make([]byte, 8000))
		}
		if !errors.Is(told, unix.EMSGSIZE) {
			t.Errorf("%s is told of too large packets by %v", c.id, told)
		}
		if _, err := s.Write(make([]byte, 1472)); err != nil { // what it was told once more is still to be fetched
			if _, err = s.Write(make([]byte, 1472)); err != nil {
				t.Errorf("%s cannot send what fits: %v", c.id, err)
			}
		}
		select {
		case <-heard:
		case <-time.After(prompt):
			t.Errorf("what %s sent did not arrive", c.id)
		}
		// Inside and over the peering there is room for more.
		for _, to := range []string{"10.0.1.6:9998", "10.1.1.5:9998"} {
			if c.id == "private" && to[:4] == "10.1" {
				continue // by the NAT gateway, whose way is the same
			}
			inNamespace(t, f.directory, "cl.eni."+c.id, func() (err error) {
				s, err = net.Dial("udp4", to)
				return err
			})
			if _, err := s.Write(make([]byte, 8973)); err != nil {
				t.Errorf("%s to %s: %v", c.id, to, err)
			}
			s.Close()
		}
	}
}

// What changes beside a connection's way costs it nothing, and opens nothing to others for a moment.
func TestRoadsUnderRepairLoseNothingAndLetNothingThrough(t *testing.T) {
	f := start(t)
	under := func(turn int) *network.Network {
		n := roads()
		n.VPCs = append(n.VPCs, network.VPC{ID: "vpc-d", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.3.0.0/16")}, InternetGateway: "igw-d"})
		a, b := &n.VPCs[0], &n.VPCs[1]
		if turn%3 == 1 {
			n.Peerings = append(n.Peerings, network.Peering{ID: "pcx-d", VPCs: [2]string{"vpc-a", "vpc-d"}})
		}
		if turn%2 == 1 { // where the public subnet's packets go is another, and the same
			a.Tables[0].Routes = append(a.Tables[0].Routes, route("198.51.100.0/24", network.ToInternetGateway, "igw-a"), route("10.3.0.0/16", network.ToPeering, "pcx-d"))
		}
		a.Tables[1].Routes = [][]network.Route{nil, {route("0.0.0.0/0", network.ToInterface, "nat")}, {route("0.0.0.0/0", network.ToInternetGateway, "igw-a")},
			{route("0.0.0.0/0", network.ToPeering, "pcx-1")}, {route("198.51.100.0/24", network.ToInterface, "plain")}}[turn%5]
		if turn%4 == 2 {
			n.Interfaces = append(n.Interfaces[:1:1], n.Interfaces[2:]...) // the NAT gateway is gone
		}
		interfaceOf(n, "b2").Public = netip.AddrFrom4([4]byte{198, 18, 1, byte(turn%7 + 1)})
		if turn%6 == 3 {
			b.InternetGateway = "igw-b"
		}
		b.Groups[0].Ingress = append(b.Groups[0].Ingress, only(6, 1+turn, 1+turn, "10.0.0.0/8")...)
		return n
	}
	apply(t, f, under(0))
	r := &running{t: t, f: f, quit: make(chan struct{})}
	r.answering("b1", "0.0.0.0:9000", netip.MustParseAddr("10.0.2.5"))
	r.answering("public", "0.0.0.0:9000", netip.MustParseAddr("10.1.2.5"))
	heard, _ := station(t, f, "cl.host.host", "198.51.100.10:9001")
	go func() {
		for from := range heard {
			if from.Addr() != netip.MustParseAddr("198.18.0.5") && from.Addr() != netip.MustParseAddr("198.18.0.9") {
				t.Errorf("the internet hears %s", from)
			}
		}
	}()
	r.always("public", "10.1.1.5:9000")
	r.always("b1", "10.0.1.5:9000")
	r.never("b2", "10.0.1.5:9000")
	r.never("plain", "198.51.100.10:9001")
	kept, err := func() (net.Conn, error) {
		echo(t, f.directory, "cl.host.host", "0.0.0.0:8080")
		return connect(t, f.directory, "cl.eni.public", "198.51.100.10:8080", prompt)
	}()
	if err != nil {
		t.Fatal(err)
	}
	for turn := range 60 {
		apply(t, f, under(turn))
		alive(t, kept, fmt.Sprintf("turn %d", turn))
		if turn%20 == 10 {
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
	same(t, f, under(59), "many changes")
}

func TestPurgeTakesGatesAway(t *testing.T) {
	f := start(t)
	apply(t, f, roads())
	f.Close()
	if err := Purge(f.directory); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(f.directory); err != nil || len(entries) != 0 {
		t.Errorf("left in the directory: %v %v", entries, err)
	}
}
