package linux

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"cloister/internal/value/network"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(Config{Directory: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		f.Close()
		if err := Purge(dir); err != nil {
			t.Error(err)
		}
	}()
	p := netip.MustParsePrefix
	all := network.Rule{Protocol: -1, CIDR: p("0.0.0.0/0")}
	n := &network.Network{
		VPCs: []network.VPC{{ID: "vpc-1", CIDRs: []netip.Prefix{p("10.0.0.0/16")}, Resolve: true,
			Subnets: []network.Subnet{{ID: "subnet-1", CIDR: p("10.0.1.0/24"), Table: "rtb-1"}},
			Tables:  []network.RouteTable{{ID: "rtb-1", Routes: []network.Route{{Destinations: []netip.Prefix{p("52.216.0.0/15")}, Endpoint: "vpce-2"}}}},
			Groups:  []network.Group{{ID: "sg-1", Ingress: []network.Rule{{Protocol: 6, From: 443, To: 443, CIDR: p("10.0.0.0/16")}, {Protocol: 6, From: 8080, To: 8081, Group: "sg-1"}}, Egress: []network.Rule{all}}},
			Names:   []network.Name{{Text: "api.example.com", Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.10")}}},
		}},
		Interfaces: []network.Interface{
			{ID: "eni-1", VPC: "vpc-1", Subnet: "subnet-1", Address: netip.MustParseAddr("10.0.1.5"), Groups: []string{"sg-1"}},
			{ID: "eni-2", VPC: "vpc-1", Subnet: "subnet-1", Address: netip.MustParseAddr("10.0.1.6"), Groups: []string{"sg-1"}},
			{ID: "eni-3", VPC: "vpc-1", Subnet: "subnet-1", Address: netip.MustParseAddr("10.0.1.10"), Groups: []string{"sg-1"}, Endpoint: "vpce-1"},
		},
		Endpoints: []network.Endpoint{{ID: "vpce-1", VPC: "vpc-1", Service: "com.amazonaws.us-east-1.sts"},
			{ID: "vpce-2", VPC: "vpc-1", Service: "com.amazonaws.us-east-1.s3", Gateway: true, Prefixes: []netip.Prefix{p("52.216.0.0/15")}}},
		Internet: network.Internet{Doors: []netip.Addr{netip.MustParseAddr("203.0.113.1")}, Hosts: []network.Host{{ID: "h1", Address: netip.MustParseAddr("198.51.100.7")}}},
		Isolated: []string{"job-1"},
	}
	start := time.Now()
	if err := f.Apply(context.Background(), n); err != nil {
		t.Fatal(err)
	}
	fmt.Println("apply", time.Since(start))
	start = time.Now()
	if err := f.Apply(context.Background(), n); err != nil {
		t.Fatal(err)
	}
	fmt.Println("again", time.Since(start))
	out, _ := exec.Command("nsenter", "--net="+f.path("cl.vpc.vpc-1"), "sh", "-c", "nft list ruleset; ip rule; ip route show table all; ip neigh; ip -d addr").CombinedOutput()
	fmt.Println(string(out))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	for _, d := range []struct{ id, to string }{{"eni-1", "10.0.1.10:443"}, {"eni-2", "52.216.1.1:443"}, {"h1", "203.0.113.1:443"}} {
		start = time.Now()
		c, err := f.Dial(ctx, d.id, netip.MustParseAddrPort(d.to))
		if err != nil {
			t.Error(err)
			continue
		}
		fmt.Println("dial", time.Since(start))
		s, _ := f.Listener().Accept()
		fmt.Printf("%+v\n", s.(*conn).Origin())
		c.Close()
		s.Close()
	}
	l, err := f.ListenIn("eni-2", netip.MustParseAddrPort("10.0.1.6:8080"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Dial(ctx, "eni-1", netip.MustParseAddrPort("10.0.1.6:8080"))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	l.Close()
}
