package linux

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/value/network"
)

const (
	quiet  = 200 * time.Millisecond // for what must not be answered
	prompt = 10 * time.Second       // for what must; never used up when it is
)

func entry(allow bool, protocol, from, to int, cidr string) network.ACLEntry {
	return network.ACLEntry{Allow: allow, Protocol: protocol, From: from, To: to, CIDR: netip.MustParsePrefix(cidr)}
}

var (
	allowAll  = entry(true, -1, -1, -1, "0.0.0.0/0")
	denyAll   = entry(false, -1, -1, -1, "0.0.0.0/0")
	ephemeral = entry(true, 6, 1024, 65535, "0.0.0.0/0")
)

// aclNetwork has an open group and two subnets, of which the second has an ACL of these entries: a and b
// in the first, c and d in the second, an interface endpoint in each, and a gateway endpoint for the second.
func aclNetwork(ingress, egress []network.ACLEntry) *network.Network {
	anything := network.Rule{Protocol: -1, From: -1, To: -1, CIDR: everywhere}
	at := netip.MustParseAddr
	service := netip.MustParsePrefix("52.216.0.0/15")
	n := &network.Network{
		VPCs: []network.VPC{{
			ID: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, Resolve: true,
			Subnets: []network.Subnet{
				{ID: "subnet-1", Table: "rtb-1", CIDR: netip.MustParsePrefix("10.0.1.0/24")},
				{ID: "subnet-2", Table: "rtb-1", CIDR: netip.MustParsePrefix("10.0.2.0/24"), ACL: "acl-2"}},
			Tables: []network.RouteTable{{ID: "rtb-1", Routes: []network.Route{
				{Destinations: []netip.Prefix{service}, Target: network.Target{Kind: network.ToEndpoint, ID: "vpce-s3"}}}}},
			Groups: []network.Group{{ID: "sg-1", Egress: []network.Rule{anything}, Ingress: []network.Rule{anything}}},
			ACLs:   []network.ACL{{ID: "acl-2", Ingress: ingress, Egress: egress}},
			Names:  []network.Name{{Text: "sts.example", Addresses: []netip.Addr{at("10.0.1.10")}}},
		}},
		Endpoints: []network.Endpoint{{ID: "vpce-1", VPC: "vpc-1", Service: "sts"},
			{ID: "vpce-s3", VPC: "vpc-1", Service: "s3", Gateway: true, Prefixes: []netip.Prefix{service}}},
	}
	for id, address := range map[string]string{"a": "10.0.1.5", "b": "10.0.1.6", "c": "10.0.2.5", "d": "10.0.2.6"} {
		n.Interfaces = append(n.Interfaces, network.Interface{ID: id, VPC: "vpc-1", Subnet: "subnet-" + address[5:6], Address: at(address), Groups: []string{"sg-1"}})
	}
	slices.SortFunc(n.Interfaces, func(a, b network.Interface) int { return strings.Compare(a.ID, b.ID) })
	return &network.Network{VPCs: n.VPCs, Endpoints: n.Endpoints, Interfaces: append(n.Interfaces,
		network.Interface{ID: "e1", VPC: "vpc-1", Subnet: "subnet-1", Address: at("10.0.1.10"), Groups: []string{"sg-1"}, Endpoint: "vpce-1"},
		network.Interface{ID: "e2", VPC: "vpc-1", Subnet: "subnet-2", Address: at("10.0.2.10"), Groups: []string{"sg-1"}, Endpoint: "vpce-1"})}
}

// reaches demands that a connection can (or cannot) be made, and carries bytes if it can.
func reaches(t *testing.T, f *Fabric, id, to string, want bool, why string) net.Conn {
	t.Helper()
	wait := prompt
	if !want {
		wait = quiet
	}
	c, err := connect(t, f.directory, "cl.eni."+id, to, wait)
	switch {
	case want && err != nil:
		t.Fatalf("%s: %s does not reach %s: %v", why, id, to, err)
	case !want && err == nil:
		t.Fatalf("%s: %s reaches %s", why, id, to)
	case !want && errors.Is(err, syscall.ECONNREFUSED):
		t.Fatalf("%s: %s is answered by %s", why, id, to)
	case want && !strings.HasSuffix(to, ":443"):
		alive(t, c, why)
	}
	return c
}

// swallow accepts what comes to the fabric's listener.
func swallow(t *testing.T, f *Fabric) {
	l := f.Listener()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
}

func TestACLJudgesByItsEntriesInOrder(t *testing.T) {
	f := start(t)
	apply(t, f, aclNetwork(nil, nil))
	for _, id := range []string{"a", "c"} {
		for _, port := range []string{":80", ":81", ":8080"} {
			echo(t, f.directory, "cl.eni."+id, "0.0.0.0"+port)
		}
	}
	tcp := func(allow bool, from, to int, cidr string) network.ACLEntry { return entry(allow, 6, from, to, cidr) }
	all := []network.ACLEntry{allowAll}
	for _, c := range []struct {
		why             string
		ingress, egress []network.ACLEntry
		in80, in81, out bool // a to c on 80 and on 81; c to a on 80
	}{
		{"nothing is listed", nil, nil, false, false, false},
		{"all is allowed", all, all, true, true, true},
		{"all is allowed, and then refused", []network.ACLEntry{allowAll, denyAll}, all, true, true, true},
		{"all is refused, and then allowed", []network.ACLEntry{denyAll, allowAll}, all, false, false, false},
		{"one port in, replies out", []network.ACLEntry{tcp(true, 80, 80, "0.0.0.0/0")}, []network.ACLEntry{ephemeral}, true, false, false},
		{"one port in, no replies out", []network.ACLEntry{tcp(true, 80, 80, "0.0.0.0/0")}, nil, false, false, false},
		{"out, and replies in", []network.ACLEntry{ephemeral}, all, false, false, true},
		{"out, and no replies in", []network.ACLEntry{tcp(true, 80, 81, "0.0.0.0/0")}, all, true, true, false},
		{"replies to low ports only", []network.ACLEntry{tcp(true, 80, 80, "0.0.0.0/0")}, []network.ACLEntry{tcp(true, 1, 1023, "0.0.0.0/0")}, false, false, false},
		{"one port refused before all", []network.ACLEntry{tcp(false, 80, 80, "0.0.0.0/0"), allowAll}, all, false, true, true},
		{"one port refused after all", []network.ACLEntry{allowAll, tcp(false, 80, 80, "0.0.0.0/0")}, all, true, true, true},
		{"another's address refused", []network.ACLEntry{entry(false, -1, -1, -1, "10.0.1.6/32"), allowAll}, all, true, true, true},
		{"the sender's address refused", []network.ACLEntry{entry(false, -1, -1, -1, "10.0.1.5/32"), allowAll}, all, false, false, false},
		{"the receiver's address refused on the way out", all, []network.ACLEntry{entry(false, 6, 80, 80, "10.0.1.5/32"), allowAll}, true, true, false},
		{"a range of ports", []network.ACLEntry{tcp(true, 79, 81, "10.0.1.0/24"), ephemeral}, all, true, true, true},
		{"another protocol", []network.ACLEntry{entry(true, 17, 80, 80, "0.0.0.0/0")}, all, false, false, false},
	} {
		apply(t, f, aclNetwork(c.ingress, c.egress))
		reaches(t, f, "a", "10.0.2.5:80", c.in80, c.why)
		reaches(t, f, "a", "10.0.2.5:81", c.in81, c.why)
		reaches(t, f, "c", "10.0.1.5:80", c.out, c.why)
		// What stays within a subnet is nobody's business, with and without an ACL.
		reaches(t, f, "d", "10.0.2.5:80", true, c.why)
		reaches(t, f, "b", "10.0.1.5:80", true, c.why)
	}
	n := aclNetwork(nil, nil)
	n.VPCs[0].ACLs = nil
	apply(t, f, n)
	reaches(t, f, "a", "10.0.2.5:80", false, "the ACL does not exist")
	n = aclNetwork(nil, nil)
	n.VPCs[0].Subnets[1].ACL = ""
	apply(t, f, n)
	reaches(t, f, "a", "10.0.2.5:80", true, "no ACL")
	if name := f.routers["vpc-1"].rules.have.chains[chainACLForward]; name.hook != nil {
		t.Error("a VPC whose ACLs allow everything pays for them")
	}
}

func TestACLOfBothSubnets(t *testing.T) {
	f := start(t)
	build := func() (*network.Network, *network.VPC) {
		n := aclNetwork([]network.ACLEntry{ephemeral}, []network.ACLEntry{entry(true, 6, 80, 80, "10.0.1.0/24")})
		return n, &n.VPCs[0]
	}
	n, v := build()
	v.ACLs = append(v.ACLs, network.ACL{ID: "acl-1", Ingress: []network.ACLEntry{entry(true, 6, 80, 80, "10.0.2.5/32")},
		Egress: []network.ACLEntry{entry(true, 6, 32768, 65535, "10.0.2.0/24")}})
	v.Subnets[0].ACL = "acl-1"
	apply(t, f, n)
	echo(t, f.directory, "cl.eni.a", "0.0.0.0:80")
	echo(t, f.directory, "cl.eni.c", "0.0.0.0:80")
	reaches(t, f, "c", "10.0.1.5:80", true, "both lists allow it both ways")
	reaches(t, f, "d", "10.0.1.5:80", false, "the receiver's list does not name the sender")
	reaches(t, f, "a", "10.0.2.5:80", false, "neither list allows it")
	// One ACL for two subnets: what passes between them is judged by it twice.
	n, v = build()
	v.Subnets[0].ACL = "acl-2"
	apply(t, f, n)
	reaches(t, f, "c", "10.0.1.5:80", false, "port 80 may go out and not come in")
	reaches(t, f, "d", "10.0.2.5:80", true, "within a subnet")
}

func TestACLAndEndpoints(t *testing.T) {
	f := start(t)
	swallow(t, f)
	web := entry(true, 6, 443, 443, "0.0.0.0/0")
	all := []network.ACLEntry{allowAll}
	for _, c := range []struct {
		why             string
		ingress, egress []network.ACLEntry
		// a (without ACL) to the ENI in the ACL's subnet; c to its own ENI, to the other subnet's, to the gateway.
		in, near, far, gateway bool
	}{
		{"all is allowed", all, []network.ACLEntry{entry(true, 6, 1, 65535, "0.0.0.0/0"), allowAll}, true, true, true, true},
		{"nothing is listed", nil, nil, false, true, false, false},
		{"443 in, replies out", []network.ACLEntry{web}, []network.ACLEntry{ephemeral}, true, true, false, false},
		{"443 in, no replies out", []network.ACLEntry{web}, nil, false, true, false, false},
		{"443 out, replies in", []network.ACLEntry{ephemeral}, []network.ACLEntry{web}, false, true, true, true},
		{"443 out, no replies in", nil, []network.ACLEntry{web}, false, true, false, false},
		{"443 out to the VPC only", []network.ACLEntry{ephemeral}, []network.ACLEntry{entry(true, 6, 443, 443, "10.0.0.0/16")}, false, true, true, false},
		{"443 out, replies from the VPC only", []network.ACLEntry{entry(true, 6, 1024, 65535, "10.0.0.0/16")}, []network.ACLEntry{web}, false, true, true, false},
		{"443 out, replies from the service only", []network.ACLEntry{entry(true, 6, 1024, 65535, "52.216.0.0/15")}, []network.ACLEntry{web}, false, true, false, true},
	} {
		apply(t, f, aclNetwork(c.ingress, c.egress))
		reaches(t, f, "a", "10.0.2.10:443", c.in, c.why)
		reaches(t, f, "c", "10.0.2.10:443", c.near, c.why)
		reaches(t, f, "c", "10.0.1.10:443", c.far, c.why)
		reaches(t, f, "c", "52.216.1.1:443", c.gateway, c.why)
		reaches(t, f, "a", "52.216.1.1:443", true, c.why)
		reaches(t, f, "a", "10.0.1.10:443", true, c.why)
		// The resolver is beyond every list.
		for _, resolver := range []string{"10.0.0.2:53", "169.254.169.253:53"} {
			stream, err := connect(t, f.directory, "cl.eni.c", resolver, prompt)
			if err != nil {
				t.Fatalf("%s: the resolver: %v", c.why, err)
			}
			stream.Close()
		}
	}
}

// echoRequest is an ICMP echo request as it goes over the wire.
func echoRequest(from, to string) []byte {
	b := packet(from, to, 0, 0)[:28]
	b[3], b[9] = 28, unix.IPPROTO_ICMP
	icmp := b[20:]
	copy(icmp, []byte{8, 0, 0, 0, 0x12, 0x34, 0, 1})
	sum := checksum(icmp)
	icmp[2], icmp[3] = byte(sum>>8), byte(sum)
	return b
}

// pings says whether an echo request from one namespace to another is answered.
func pings(t *testing.T, f *Fabric, id, from, to string) bool {
	t.Helper()
	var socket int
	inNamespace(t, f.directory, "cl.eni."+id, func() (err error) {
		socket, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		return err
	})
	defer unix.Close(socket)
	wait := unix.NsecToTimeval(quiet.Nanoseconds())
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		t.Fatal(err)
	}
	send(t, f, "cl.eni."+id, echoRequest(from, to))
	b := make([]byte, 1500)
	for {
		n, _, err := unix.Recvfrom(socket, b, 0)
		if err != nil {
			return false
		}
		if n >= 28 && b[20] == 0 && netip.AddrFrom4([4]byte(b[12:16])).String() == to {
			return true
		}
	}
}

func TestACLAndICMP(t *testing.T) {
	f := start(t)
	request, reply := entry(true, 1, 8, 0, "0.0.0.0/0"), entry(true, 1, 0, -1, "0.0.0.0/0")
	for _, c := range []struct {
		why             string
		ingress, egress []network.ACLEntry
		in, out         bool
	}{
		{"nothing is listed", nil, nil, false, false},
		{"requests in, replies out", []network.ACLEntry{request}, []network.ACLEntry{reply}, true, false},
		{"requests in, no replies out", []network.ACLEntry{request}, nil, false, false},
		{"requests out, replies in", []network.ACLEntry{reply}, []network.ACLEntry{request}, false, true},
		{"another code", []network.ACLEntry{entry(true, 1, 8, 3, "0.0.0.0/0")}, []network.ACLEntry{allowAll}, false, false},
		{"every type", []network.ACLEntry{entry(true, 1, -1, -1, "0.0.0.0/0")}, []network.ACLEntry{allowAll}, true, true},
		{"another protocol", []network.ACLEntry{ephemeral}, []network.ACLEntry{allowAll}, false, false},
	} {
		apply(t, f, aclNetwork(c.ingress, c.egress))
		if got := pings(t, f, "a", "10.0.1.5", "10.0.2.5"); got != c.in {
			t.Errorf("%s: a request in is answered: %v", c.why, got)
		}
		if got := pings(t, f, "c", "10.0.2.5", "10.0.1.5"); got != c.out {
			t.Errorf("%s: a request out is answered: %v", c.why, got)
		}
		if !pings(t, f, "d", "10.0.2.6", "10.0.2.5") {
			t.Errorf("%s: no answer within the subnet", c.why)
		}
	}
}

// stuck demands that a connection carries nothing (and does not end), which is what a stateless list does to it.
func stuck(t *testing.T, c net.Conn, when string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(quiet))
	c.Write([]byte("hello"))
	if n, err := c.Read(make([]byte, 5)); n > 0 || !errors.Is(err, unix.EAGAIN) && !timedOut(err) {
		t.Fatalf("%s: %d bytes came, %v", when, n, err)
	}
}

func timedOut(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}

func TestACLStopsAndFreesWhatIsUnderWay(t *testing.T) {
	f := start(t)
	open := aclNetwork([]network.ACLEntry{entry(true, 6, 80, 80, "0.0.0.0/0"), ephemeral}, []network.ACLEntry{allowAll})
	apply(t, f, open)
	echo(t, f.directory, "cl.eni.c", "0.0.0.0:80")
	c := reaches(t, f, "a", "10.0.2.5:80", true, "at first")
	back := make([]byte, 5)
	for why, n := range map[string]*network.Network{
		"a new first entry":    aclNetwork([]network.ACLEntry{entry(false, 6, 80, 80, "10.0.1.5/32"), allowAll}, []network.ACLEntry{allowAll}),
		"replies refused":      aclNetwork([]network.ACLEntry{allowAll}, []network.ACLEntry{entry(false, 6, 1024, 65535, "0.0.0.0/0"), allowAll}),
		"every entry is gone":  aclNetwork(nil, nil),
		"from no ACL to a bad": aclNetwork([]network.ACLEntry{denyAll}, nil),
	} {
		if strings.HasPrefix(why, "from no") {
			none := aclNetwork(nil, nil)
			none.VPCs[0].Subnets[1].ACL = ""
			apply(t, f, none)
			alive(t, c, why)
		}
		apply(t, f, n)
		stuck(t, c, why)
		apply(t, f, open)
		// What waited is sent again and comes.
		c.SetDeadline(time.Now().Add(prompt))
		if _, err := c.Read(back); err != nil {
			t.Fatalf("after %s: %v", why, err)
		}
		alive(t, c, "after "+why)
	}
}

func TestACLIsAdoptedAndComparable(t *testing.T) {
	f := start(t)
	n := aclNetwork([]network.ACLEntry{entry(true, 6, 80, 80, "10.0.1.5/32")}, []network.ACLEntry{ephemeral})
	apply(t, f, n)
	echo(t, f.directory, "cl.eni.c", "0.0.0.0:80")
	c := reaches(t, f, "a", "10.0.2.5:80", true, "at first")
	f.Close()
	alive(t, c, "without a process")
	reaches(t, f, "b", "10.0.2.5:80", false, "without a process")
	next, err := Open(Config{Directory: f.directory})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	before := settled(t, next)
	apply(t, next, n)
	if after := settled(t, next); before != after {
		t.Fatalf("adoption changed something:\n%s", difference(before, after))
	}
	alive(t, c, "after adoption")
	for _, room := range []int{0, 1} { // in one batch, and in many
		for _, changed := range []*network.Network{
			aclNetwork([]network.ACLEntry{entry(true, 6, 80, 80, "10.0.1.6/32")}, []network.ACLEntry{ephemeral}),
			aclNetwork([]network.ACLEntry{allowAll}, []network.ACLEntry{allowAll}), pairNetwork(), n, {}, n,
		} {
			if r := next.routers["vpc-1"]; r != nil && r.rules.socket != nil && room > 0 {
				r.rules.room = room
			}
			apply(t, next, changed)
			same(t, next, changed, "a change of ACLs")
		}
	}
}
