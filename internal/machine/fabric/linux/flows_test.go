package linux

import (
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"cloister/internal/value/network"
)

// watched is a fabric that tells of live flows often.
func watched(t *testing.T) (*Fabric, *watcher) {
	t.Helper()
	f, seen := start(t), &watcher{}
	f.flowInterval = 50 * time.Millisecond
	f.Observe(seen)
	return f, seen
}

// flowing lets eni-1 and eni-3 reach eni-2 by UDP and by TCP port 80; nobody reaches eni-1, and eni-4
// may send nothing.
func flowing(log bool) *network.Network {
	n := pairNetwork()
	v := &n.VPCs[0]
	v.LogFlows = log
	v.Groups[1].Ingress = append(v.Groups[1].Ingress, network.Rule{Protocol: 17, From: 5000, To: 5000, CIDR: everywhere})
	v.Groups = append(v.Groups, network.Group{ID: "sg-mute"})
	n.Interfaces = append(n.Interfaces, network.Interface{ID: "eni-4", VPC: "vpc-1", Subnet: "subnet-1",
		Address: netip.MustParseAddr("10.0.1.8"), Groups: []string{"sg-mute"}})
	return n
}

// sum adds up what was told of flows to a target, and waits until it is what is wanted.
func (w *watcher) sum(t *testing.T, want func(network.Flow) bool, target string, accepted bool) network.Flow {
	t.Helper()
	var total network.Flow
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		total = network.Flow{}
		w.mu.Lock()
		for _, f := range w.flows {
			if f.Target.String() != target || f.Accepted != accepted {
				continue
			}
			if total.VPC == "" {
				total.Start = f.Start
			}
			f.Packets[0], f.Packets[1] = f.Packets[0]+total.Packets[0], f.Packets[1]+total.Packets[1]
			f.Bytes[0], f.Bytes[1] = f.Bytes[0]+total.Bytes[0], f.Bytes[1]+total.Bytes[1]
			f.Start = total.Start
			total = f
		}
		w.mu.Unlock()
		if total.VPC != "" && want(total) {
			return total
		}
	}
	t.Errorf("flows to %s, accepted %v: %+v", target, accepted, total)
	return total
}

func exists(network.Flow) bool { return true }

// in opens a connection from inside an interface's namespace.
func in(t *testing.T, f *Fabric, id, transport, to string) net.Conn {
	t.Helper()
	var c net.Conn
	inNamespace(t, f.directory, "cl.eni."+id, func() (err error) {
		c, err = net.DialTimeout(transport, to, 10*time.Second)
		return err
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// echoes repeats what it is told over TCP port 80 and UDP port 5000 of eni-2.
func echoes(t *testing.T, f *Fabric) {
	t.Helper()
	inNamespace(t, f.directory, "cl.eni.eni-2", func() error {
		l, err := net.Listen("tcp4", "10.0.1.6:80")
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		p, err := net.ListenPacket("udp4", "10.0.1.6:5000")
		if err != nil {
			return err
		}
		t.Cleanup(func() { p.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { io.Copy(c, c); c.Close() }()
			}
		}()
		go func() {
			b := make([]byte, 2000)
			for {
				n, from, err := p.ReadFrom(b)
				if err != nil {
					return
				}
				p.WriteTo(b[:n], from)
			}
		}()
		return nil
	})
}

func repeat(t *testing.T, c net.Conn, size int) {
	t.Helper()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, size)); err != nil {
		t.Fatal(err)
	}
}

func TestAcceptedFlows(t *testing.T) {
	f, seen := watched(t)
	began := time.Now().Add(-time.Second)
	apply(t, f, flowing(true))
	echoes(t, f)
	c := in(t, f, "eni-1", "tcp4", "10.0.1.6:80")
	repeat(t, c, 1000)
	got := seen.sum(t, func(f network.Flow) bool { return f.Bytes[0] > 1000 && f.Bytes[1] > 1000 }, "10.0.1.6:80", true)
	if got.VPC != "vpc-1" || got.Protocol != 6 || got.Source.Addr().String() != "10.0.1.5" || got.Source.Port() == 0 || got.Refuser != "" ||
		got.Start.Before(began) || got.End.Before(got.Start) || got.End.After(time.Now().Add(time.Second)) || got.Packets[0] < 3 || got.Packets[1] < 2 {
		t.Errorf("a connection that lives: %+v", got)
	}
	repeat(t, c, 5000)
	c.Close()
	// What came after the first telling is told too, and nothing twice: the sums are the connection's.
	got = seen.sum(t, func(f network.Flow) bool { return f.Bytes[0] > 6000 && f.Bytes[1] > 6000 }, "10.0.1.6:80", true)
	if got.Bytes[0] > 9000 || got.Bytes[1] > 9000 {
		t.Errorf("told twice: %+v", got)
	}
	u := in(t, f, "eni-3", "udp4", "10.0.1.6:5000")
	repeat(t, u, 100)
	repeat(t, u, 100)
	two := func(f network.Flow) bool { return f.Packets == [2]uint64{2, 2} && f.Bytes == [2]uint64{256, 256} }
	if got := seen.sum(t, two, "10.0.1.6:5000", true); got.Protocol != 17 || got.Source.String() != u.LocalAddr().String() {
		t.Errorf("packets: %+v", got)
	}
}

func TestRefusedFlows(t *testing.T) {
	f, seen := watched(t)
	apply(t, f, flowing(true))
	try := func(id, to string) {
		u := in(t, f, id, "udp4", to)
		for range 3 {
			if _, err := u.Write(make([]byte, 72)); err != nil {
				t.Fatal(err)
			}
		}
	}
	try("eni-3", "10.0.1.5:7000") // nothing comes in to eni-1
	try("eni-4", "10.0.1.6:5000") // nothing goes out of eni-4
	three := func(f network.Flow) bool { return f.Packets == [2]uint64{3, 0} && f.Bytes == [2]uint64{300, 0} }
	if got := seen.sum(t, three, "10.0.1.5:7000", false); got.Refuser != "eni-1" || got.Source.Addr().String() != "10.0.1.7" || got.Protocol != 17 {
		t.Errorf("refused by the receiver: %+v", got)
	}
	if got := seen.sum(t, three, "10.0.1.6:5000", false); got.Refuser != "eni-4" || got.Source.Addr().String() != "10.0.1.8" || got.Start.IsZero() {
		t.Errorf("refused by the sender: %+v", got)
	}
	inNamespace(t, f.directory, "cl.eni.eni-1", func() error {
		if c, err := net.DialTimeout("tcp4", "10.0.1.10:443", 100*time.Millisecond); err == nil {
			c.Close()
		}
		return nil
	})
	seen.sum(t, exists, "10.0.1.10:443", true)
	inNamespace(t, f.directory, "cl.eni.eni-3", func() error {
		if c, err := net.DialTimeout("tcp4", "10.0.1.10:443", 100*time.Millisecond); err == nil {
			t.Error("the endpoint's group does not refuse")
			c.Close()
		}
		return nil
	})
	if got := seen.sum(t, exists, "10.0.1.10:443", false); got.Refuser != "eni-e" || got.Protocol != 6 {
		t.Errorf("refused by an endpoint: %+v", got)
	}
}

func TestPlumbingIsNoFlow(t *testing.T) {
	f, seen := watched(t)
	apply(t, f, flowing(true))
	echoes(t, f)
	for _, server := range []string{"10.0.0.2:53", "169.254.169.253:53"} {
		for _, transport := range []string{"udp4", "tcp4"} {
			if _, err := ask(t, f, "cl.eni.eni-1", transport, server, question("sts.example.", dns.TypeA), 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, to := range []string{"10.0.1.1:9", "10.0.0.2:9"} {
		in(t, f, "eni-4", "udp4", to).Write([]byte("x"))
	}
	repeat(t, in(t, f, "eni-1", "udp4", "10.0.1.6:5000"), 10)
	seen.sum(t, exists, "10.0.1.6:5000", true)
	time.Sleep(3 * f.flowInterval)
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for _, flow := range seen.flows {
		if flow.Target.Port() != 5000 {
			t.Errorf("%+v", flow)
		}
	}
}

// settings gives the sysctls that logging changes.
func settings(t *testing.T, f *Fabric) (out string) {
	t.Helper()
	inNamespace(t, f.directory, "cl.vpc.vpc-1", func() error {
		for _, s := range loggedSettings {
			b, err := os.ReadFile("/proc/sys/net/" + s[0])
			if err != nil {
				return err
			}
			out += strings.TrimSpace(string(b))
		}
		return nil
	})
	return out
}

func TestFlowsThatAreNotLogged(t *testing.T) {
	f, seen := watched(t)
	apply(t, f, flowing(false))
	echoes(t, f)
	plain := settled(t, f)
	u := in(t, f, "eni-1", "udp4", "10.0.1.6:5000")
	repeat(t, u, 10)
	in(t, f, "eni-4", "udp4", "10.0.1.6:5000").Write([]byte("x"))
	if f.routers["vpc-1"].flows != nil || settings(t, f) != "02" {
		t.Errorf("something follows flows: settings %s", settings(t, f))
	}
	apply(t, f, flowing(true))
	if settings(t, f) != "11" || settled(t, f) == plain {
		t.Errorf("nothing follows flows: settings %s", settings(t, f))
	}
	// A connection that was there before is told of from here on.
	repeat(t, u, 20)
	got := seen.sum(t, exists, "10.0.1.6:5000", true)
	if got.Packets != [2]uint64{1, 1} || got.Bytes != [2]uint64{48, 48} {
		t.Errorf("a flow older than its log: %+v", got)
	}
	repeat(t, u, 30)
	apply(t, f, flowing(false))
	if got := seen.sum(t, exists, "10.0.1.6:5000", true); got.Bytes[0] != 48+58 {
		t.Errorf("the last of a log: %+v", got)
	}
	if f.routers["vpc-1"].flows != nil || settings(t, f) != "02" || settled(t, f) != plain {
		t.Errorf("something is left that follows flows: settings %s", settings(t, f))
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if slices.ContainsFunc(seen.flows, func(f network.Flow) bool { return !f.Accepted }) {
		t.Errorf("%+v", seen.flows)
	}
}

func TestFlowsOverARestart(t *testing.T) {
	f, _ := watched(t)
	f.flowInterval = time.Hour
	apply(t, f, flowing(true))
	echoes(t, f)
	u := in(t, f, "eni-1", "udp4", "10.0.1.6:5000")
	repeat(t, u, 10)
	f.Close()
	next, err := Open(Config{Directory: f.directory})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	seen := &watcher{}
	next.Observe(seen)
	next.flowInterval = 50 * time.Millisecond
	apply(t, next, flowing(true))
	repeat(t, u, 10)
	both := func(f network.Flow) bool { return f.Bytes[0] == 2*38 }
	if got := seen.sum(t, both, "10.0.1.6:5000", true); got.Start.IsZero() || got.Start.After(got.End) {
		t.Errorf("%+v", got)
	}
}

func TestFlowReadingNeverPanics(t *testing.T) {
	for i := range 2000 {
		b := make([]byte, i%97)
		for k := range b {
			b[k] = byte(i * (k + 3) >> 2)
		}
		eachMessage(b, func(kind uint16, body []byte) { readConnection(body); readRefused(kind, body) })
		readConnection(b)
		readRefused(unixPacket, b)
		ends(b)
	}
	if _, ok := readRefused(unixPacket, nil); ok {
		t.Error("nothing is a packet")
	}
}

const unixPacket = 4<<8 | logPacket

func TestFlowsRefusedByAnACL(t *testing.T) {
	f, seen := watched(t)
	n := flowing(true)
	v := &n.VPCs[0]
	all := network.ACLEntry{Allow: true, Protocol: -1, CIDR: everywhere}
	v.ACLs = []network.ACL{{ID: "acl-1", Ingress: []network.ACLEntry{{Protocol: 17, From: 7000, To: 7000, CIDR: everywhere}, all}, Egress: []network.ACLEntry{{Protocol: 17, From: 6000, To: 6000, CIDR: everywhere}, all}}}
	v.Subnets = append(v.Subnets, network.Subnet{ID: "subnet-2", CIDR: netip.MustParsePrefix("10.0.2.0/24"), ACL: "acl-1"})
	n.Interfaces = append(n.Interfaces, network.Interface{ID: "eni-5", VPC: "vpc-1", Subnet: "subnet-2", Address: netip.MustParseAddr("10.0.2.5"), Groups: []string{"sg-1"}})
	apply(t, f, n)
	in(t, f, "eni-1", "udp4", "10.0.2.5:7000").Write([]byte("x"))
	if got := seen.sum(t, exists, "10.0.2.5:7000", false); got.Refuser != "eni-5" || got.Packets[0] != 1 {
		t.Errorf("refused where it came: %+v", got)
	}
	in(t, f, "eni-5", "udp4", "10.0.1.6:6000").Write([]byte("x"))
	if got := seen.sum(t, exists, "10.0.1.6:6000", false); got.Refuser != "eni-5" || got.Packets[0] != 1 {
		t.Errorf("refused where it left: %+v", got)
	}
}
