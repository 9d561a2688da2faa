package linux

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"cloister/internal/value/network"
)

// supplied is a provider's VPC with a balancer before two servers, and a consumer's VPC with an endpoint.
func supplied() *network.Network {
	anything := network.Rule{Protocol: -1, From: -1, To: -1, CIDR: everywhere}
	at := netip.MustParseAddr
	vpc := func(s string) network.VPC {
		return network.VPC{ID: "vpc-" + s, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
			Subnets: []network.Subnet{{ID: "subnet-" + s, Table: "rtb-" + s, CIDR: netip.MustParsePrefix("10.0.1.0/24")}}, Tables: []network.RouteTable{{ID: "rtb-" + s}},
			Groups: []network.Group{{ID: "sg-" + s, Egress: []network.Rule{anything}, Ingress: []network.Rule{anything}}}}
	}
	eni := func(id, s, address string) network.Interface {
		return network.Interface{ID: id, VPC: "vpc-" + s, Subnet: "subnet-" + s, Address: at(address), Groups: []string{"sg-" + s}}
	}
	front, endpoint := eni("front", "p", "10.0.1.20"), eni("e", "c", "10.0.1.10")
	front.Open, front.Groups, endpoint.Endpoint = true, nil, "vpce-1"
	targets := []netip.AddrPort{netip.MustParseAddrPort("10.0.1.5:8080"), netip.MustParseAddrPort("10.0.1.6:8080"), netip.MustParseAddrPort("10.0.1.77:8080"), netip.MustParseAddrPort("10.0.1.20:443")}
	return &network.Network{
		VPCs:       []network.VPC{vpc("p"), vpc("c")},
		Interfaces: []network.Interface{front, endpoint, eni("s1", "p", "10.0.1.5"), eni("s2", "p", "10.0.1.6"), eni("client", "c", "10.0.1.5"), eni("near", "p", "10.0.1.9")},
		Endpoints:  []network.Endpoint{{ID: "vpce-1", VPC: "vpc-c", Service: "com.amazonaws.vpce.us-east-1.vpce-svc-1", Balancer: "lb"}},
		Balancers: []network.Balancer{{ID: "lb", VPC: "vpc-p", Interfaces: []string{"front"}, Listeners: []network.Listener{
			{Port: 443, Targets: targets}, {Port: 5432, Targets: targets[:1]}}}},
	}
}

// telling serves on port 8080 of a namespace: it says who called and repeats what it hears.
func telling(t *testing.T, f *Fabric, id string) {
	t.Helper()
	l, err := f.ListenIn(id, netip.MustParseAddrPort("0.0.0.0:8080"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprintf(c, "%s for %s\n", id, c.RemoteAddr().(*net.TCPAddr).IP)
				io.Copy(c, c)
			}()
		}
	}()
}

// ask connects and reads the greeting.
func askAt(t *testing.T, f *Fabric, id, to string) (net.Conn, string) {
	t.Helper()
	c, err := connect(t, f.directory, "cl.eni."+id, to, prompt)
	if err != nil {
		t.Fatalf("%s does not reach %s: %v", id, to, err)
	}
	c.SetDeadline(time.Now().Add(prompt))
	line, err := bufio.NewReader(io.LimitReader(c, 64)).ReadString('\n')
	if err != nil {
		t.Fatalf("%s to %s: %v", id, to, err)
	}
	return c, line
}

func TestABalancerCarriesConnections(t *testing.T) {
	f := start(t)
	n := supplied()
	apply(t, f, n)
	telling(t, f, "s1")
	telling(t, f, "s2")
	seen := map[string]bool{}
	for range 8 {
		c, line := askAt(t, f, "client", "10.0.1.10:443")
		seen[line] = true
		alive(t, c, "through the endpoint")
		c.Close()
	}
	if !seen["s1 for 10.0.1.20\n"] || !seen["s2 for 10.0.1.20\n"] || len(seen) != 2 {
		t.Errorf("the targets saw %v", seen)
	}
	if _, line := askAt(t, f, "near", "10.0.1.20:5432"); line != "s1 for 10.0.1.20\n" {
		t.Errorf("in the balancer's own VPC: %q", line)
	}
	c, line := askAt(t, f, "client", "10.0.1.10:5432")
	if line != "s1 for 10.0.1.20\n" {
		t.Errorf("another port: %q", line)
	}
	reaches(t, f, "client", "10.0.1.10:8080", false, "a port without a listener")

	// Half a close goes through, and comes back.
	c.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(c); err != nil || len(rest) != 0 {
		t.Errorf("after half a close: %q, %v", rest, err)
	}
}

func TestABalancersConnectionsEndWhenNothingIsSaid(t *testing.T) {
	f := start(t)
	f.relays.idle = 300 * time.Millisecond
	apply(t, f, supplied())
	telling(t, f, "s1")
	c, _ := askAt(t, f, "client", "10.0.1.10:5432")
	for range 5 { // longer than the idle time, but never idle
		time.Sleep(150 * time.Millisecond)
		alive(t, c, "talking")
	}
	c.SetDeadline(time.Now().Add(prompt))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("an idle connection gave a byte")
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Error("an idle connection lives on")
	}
}

// TestKeepalivesKeepAlive: what says nothing but keepalives is not idle, as with AWS's.
func TestKeepalivesKeepAlive(t *testing.T) {
	f := start(t)
	f.relays.idle = 2500 * time.Millisecond
	apply(t, f, supplied())
	telling(t, f, "s1")
	c, _ := askAt(t, f, "client", "10.0.1.10:5432")
	silent, _ := askAt(t, f, "client", "10.0.1.10:5432")
	if err := errors.Join(c.(*net.TCPConn).SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 9}),
		silent.(*net.TCPConn).SetKeepAlive(false)); err != nil {
		t.Fatal(err)
	}
	silent.SetDeadline(time.Now().Add(prompt))
	if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an idle connection lives on: %v", err)
	}
	time.Sleep(time.Second)
	alive(t, c, "with keepalives")
}

// TestATargetThatDoesNotAcceptComesLast: for a while, or until it accepts. Nobody serves at s1.
func TestATargetThatDoesNotAcceptComesLast(t *testing.T) {
	f := start(t)
	n := supplied()
	n.Balancers[0].Listeners[0].Targets = n.Balancers[0].Listeners[0].Targets[:2]
	apply(t, f, n)
	telling(t, f, "s2")
	for range 3 {
		c, line := askAt(t, f, "client", "10.0.1.10:443")
		if c.Close(); line != "s2 for 10.0.1.20\n" {
			t.Fatalf("carried to %q", line)
		}
	}
	shut, good := try{"front", n.Balancers[0].Listeners[0].Targets[0]}, try{"front", n.Balancers[0].Listeners[0].Targets[1]}
	if got := f.relays.health.order([]try{shut, good}); got[0] != good {
		t.Errorf("tried in the order %v", got)
	}
	// When it accepts again it is as good as any.
	f.relays.health.note(shut, true)
	if got := f.relays.health.order([]try{shut, good}); got[0] != shut {
		t.Errorf("tried in the order %v", got)
	}
}

// TestABalancerServesAgainAfterARestart: connections end with the process that carried them, and the next
// process carries new ones.
func TestABalancerServesAgainAfterARestart(t *testing.T) {
	f := start(t)
	apply(t, f, supplied())
	telling(t, f, "s1")
	through, _ := askAt(t, f, "client", "10.0.1.10:5432")
	direct, _ := askAt(t, f, "near", "10.0.1.20:5432")
	for at, want := range map[string]bool{"10.0.1.10:5432": true, "10.0.1.10:443": true} {
		c, _ := askAt(t, f, "client", at)
		alive(t, c, fmt.Sprint(at, want))
	}
	f.Close()
	for _, c := range []net.Conn{through, direct} {
		c.SetDeadline(time.Now().Add(prompt))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection outlives who carries it: %v", err)
		}
	}
	for _, to := range []string{"10.0.1.10:5432", "10.0.1.10:443"} {
		if _, err := connect(t, f.directory, "cl.eni.client", to, prompt); err == nil {
			t.Errorf("%s is answered without a process", to)
		}
	}
	next, err := Open(Config{Directory: f.directory})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	apply(t, next, supplied())
	for id, to := range map[string]string{"client": "10.0.1.10:5432", "near": "10.0.1.20:5432"} {
		if c, line := askAt(t, next, id, to); line != "s1 for 10.0.1.20\n" {
			t.Errorf("%s is carried to %q", id, line)
		} else {
			alive(t, c, "after the restart")
		}
	}
}

// TestRoom: whatever the many take, the few find room.
func TestRoom(t *testing.T) {
	for _, c := range []struct {
		taken, own int
		want       bool
	}{{0, 0, true}, {74, 40, true}, {75, 40, false}, {75, 2, true}, {99, 2, true}, {100, 0, false}, {50, 50, false}, {99, 5, false}} {
		if got := room(c.taken, 100, c.own, 50, 5); got != c.want {
			t.Errorf("%d of 100 taken, %d of them own: %t", c.taken, c.own, got)
		}
	}
	r := &relays{open: map[*carried]struct{}{}, counts: map[string]int{}}
	admitted := map[string]int{}
	for front := range 8 { // four greedy endpoints' worth of clients and more, then modest ones
		for source := range 8 {
			for range relayedSource {
				c := &carried{front: fmt.Sprint("vpce-", front), source: netip.AddrFrom4([4]byte{10, 0, 0, byte(source)})}
				if r.admits(c) {
					r.open[c] = struct{}{}
					r.counts[c.front]++
					r.counts[c.share()]++
					admitted[c.front]++
					admitted[c.share()]++
				}
			}
		}
	}
	for front := range 8 {
		if admitted[fmt.Sprint("vpce-", front)] < relayedFrontFew {
			t.Errorf("endpoint %d has %d connections", front, admitted[fmt.Sprint("vpce-", front)])
		}
	}
	for source := range 8 {
		if n := admitted[fmt.Sprint("vpce-0 10.0.0.", source)]; n < relayedSourceFew {
			t.Errorf("source %d at a full endpoint has %d connections", source, n)
		}
	}
}

func TestOneClientLeavesRoomAtABalancer(t *testing.T) {
	f := start(t)
	apply(t, f, supplied())
	telling(t, f, "s1")
	var held []net.Conn
	for range relayedSource {
		c, _ := askAt(t, f, "client", "10.0.1.10:5432")
		held = append(held, c)
	}
	c, err := connect(t, f.directory, "cl.eni.client", "10.0.1.10:5432", prompt)
	if err == nil {
		c.SetDeadline(time.Now().Add(prompt))
		if _, err = c.Read(make([]byte, 1)); err == nil {
			t.Error("one client has more than its share")
		}
	}
	if _, line := askAt(t, f, "near", "10.0.1.20:5432"); line == "" {
		t.Error("another client finds no room")
	}
	for _, c := range held {
		c.Close()
	}
}
