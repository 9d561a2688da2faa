package linux

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloister/internal/value/network"
)

// pairNetwork has two interfaces, of which eni-2 admits port 80 from the first's subnet, an endpoint,
// a third interface of nobody's group, and a host.
func pairNetwork() *network.Network {
	everything := network.Rule{Protocol: -1, From: -1, To: -1, CIDR: everywhere}
	at := netip.MustParseAddr
	return &network.Network{
		VPCs: []network.VPC{{
			ID: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, Resolve: true,
			Subnets: []network.Subnet{{ID: "subnet-1", CIDR: netip.MustParsePrefix("10.0.1.0/24")}},
			Groups: []network.Group{
				{ID: "sg-1", Egress: []network.Rule{everything}},
				{ID: "sg-2", Egress: []network.Rule{everything},
					Ingress: []network.Rule{{Protocol: 6, From: 80, To: 443, CIDR: netip.MustParsePrefix("10.0.1.5/32")}}},
			},
			Names: []network.Name{{Text: "sts.example", Addresses: []netip.Addr{at("10.0.1.10")}},
				{Text: "many.example", Addresses: many("10.0.2.0", 40)}, {Text: "none.example"}},
		}},
		Interfaces: []network.Interface{
			{ID: "eni-1", VPC: "vpc-1", Subnet: "subnet-1", Address: at("10.0.1.5"), Groups: []string{"sg-1"}},
			{ID: "eni-2", VPC: "vpc-1", Subnet: "subnet-1", Address: at("10.0.1.6"), Groups: []string{"sg-2"}},
			{ID: "eni-3", VPC: "vpc-1", Subnet: "subnet-1", Address: at("10.0.1.7"), Groups: []string{"sg-1"}},
			{ID: "eni-e", VPC: "vpc-1", Subnet: "subnet-1", Address: at("10.0.1.10"), Groups: []string{"sg-2"}, Endpoint: "vpce-1"},
		},
		Endpoints: []network.Endpoint{{ID: "vpce-1", VPC: "vpc-1", Service: "com.amazonaws.us-east-1.sts"}},
		Internet: network.Internet{
			Hosts: []network.Host{{ID: "host-1", Address: at("198.51.100.7")}},
			Doors: []netip.Addr{at("203.0.113.10")},
			Names: []network.Name{{Text: "sts.example", Addresses: []netip.Addr{at("203.0.113.10")}}},
		},
	}
}

func many(first string, count int) (list []netip.Addr) {
	for a := netip.MustParseAddr(first); len(list) < count; a = a.Next() {
		list = append(list, a)
	}
	return list
}

// inside runs do in a namespace of an instance, with or without a process that runs it.
func inNamespace(t testing.TB, directory, file string, do func() error) {
	t.Helper()
	ns, err := openNamespace(filepath.Join(directory, "netns", file))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if err := within(int(ns.Fd()), do); err != nil {
		t.Fatal(err)
	}
}

// echo opens a server in a namespace that repeats what it hears.
func echo(t testing.TB, directory, file, at string) net.Listener {
	t.Helper()
	var l net.Listener
	inNamespace(t, directory, file, func() (err error) {
		l, err = net.Listen("tcp4", at)
		return err
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return l
}

// connect dials inside a namespace of an instance.
func connect(t testing.TB, directory, file, to string, wait time.Duration) (net.Conn, error) {
	t.Helper()
	ns, err := openNamespace(filepath.Join(directory, "netns", file))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	type result struct {
		c   net.Conn
		err error
	}
	done := make(chan result)
	go func() {
		c, err := dialFrom(ctx, ns, netip.MustParseAddrPort(to))
		done <- result{c, err}
	}()
	r := <-done
	if r.err == nil {
		t.Cleanup(func() { r.c.Close() })
	}
	return r.c, r.err
}

func alive(t testing.TB, c net.Conn, when string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	back := make([]byte, 5)
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if _, err := io.ReadFull(c, back); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
}

func TestTrafficOutlivesTheProcess(t *testing.T) {
	f := start(t)
	f.Close()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDirectory+"="+f.directory, childNetwork+"=pair")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "<nil>\n" {
		t.Fatalf("child: %q %v", line, err)
	}
	echo(t, f.directory, "cl.eni.eni-2", "0.0.0.0:80")
	conn, err := connect(t, f.directory, "cl.eni.eni-1", "10.0.1.6:80", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	alive(t, conn, "while the process lives")
	c.Process.Kill()
	c.Wait()

	alive(t, conn, "after its death")
	if _, err := connect(t, f.directory, "cl.eni.eni-1", "10.0.1.6:80", 10*time.Second); err != nil {
		t.Errorf("nobody is needed for a new connection, but: %v", err)
	}
	if _, err := connect(t, f.directory, "cl.eni.eni-3", "10.0.1.6:80", 150*time.Millisecond); err == nil {
		t.Error("the groups died with the process")
	}
	if _, err := connect(t, f.directory, "cl.eni.eni-1", "10.0.1.10:443", 10*time.Second); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("an endpoint without a process should refuse: %v", err)
	}

	next, err := Open(Config{Directory: f.directory})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	n := pairNetwork()
	apply(t, next, n)
	alive(t, conn, "after adoption")
	if _, err := connect(t, f.directory, "cl.eni.eni-1", "10.0.1.10:443", 10*time.Second); err != nil {
		t.Errorf("the endpoint does not serve again: %v", err)
	}
	n = pairNetwork()
	n.VPCs[0].Groups[1].Ingress = nil
	next.Close()
	if next, err = Open(Config{Directory: f.directory}); err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	apply(t, next, n)
	alive(t, conn, "after adoption with the rule revoked")
	if _, err := connect(t, f.directory, "cl.eni.eni-1", "10.0.1.6:80", 150*time.Millisecond); err == nil {
		t.Error("the revoked rule still admits")
	}
}
