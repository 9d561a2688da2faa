package linux

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"cloister/internal/value/network"
)

func connectContext(ctx context.Context, f *Fabric, id, to string) (net.Conn, error) {
	return f.Dial(ctx, id, netip.MustParseAddrPort(to))
}

// large is a VPC with interfaces in ten groups of twenty rules each.
func large(interfaces int) *network.Network {
	n := pairNetwork()
	v := &n.VPCs[0]
	v.Subnets = append(v.Subnets, network.Subnet{ID: "subnet-2", CIDR: netip.MustParsePrefix("10.0.16.0/20")})
	for g := range 10 {
		group := network.Group{ID: fmt.Sprintf("sg-%02d", g), Egress: v.Groups[0].Egress}
		for i := range 20 {
			group.Ingress = append(group.Ingress, network.Rule{Protocol: 6, From: 1000 + i, To: 1000 + i, CIDR: netip.MustParsePrefix("10.0.0.0/16")})
		}
		v.Groups = append(v.Groups, group)
	}
	address := netip.MustParseAddr("10.0.16.5")
	for i := range interfaces {
		n.Interfaces = append(n.Interfaces, network.Interface{ID: fmt.Sprintf("eni-x%d", i), VPC: "vpc-1", Subnet: "subnet-2",
			Address: address, Groups: []string{fmt.Sprintf("sg-%02d", i%10)}})
		address = address.Next()
	}
	return n
}

var sizes = []int{0, 100, 1000}

// BenchmarkAttach makes one more interface with its namespace, in force when Apply returns. It never
// removes one: the kernel's work after a removal would be counted too.
func BenchmarkAttach(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("beside=%d", size), func(b *testing.B) {
			f := start(b)
			n := large(size)
			apply(b, f, n)
			address := netip.MustParseAddr("10.0.24.0")
			for i := 0; b.Loop(); i++ {
				more := *n
				address = address.Next()
				more.Interfaces = append(n.Interfaces[:len(n.Interfaces):len(n.Interfaces)], network.Interface{
					ID: fmt.Sprintf("eni-y%d", i), VPC: "vpc-1", Subnet: "subnet-2", Address: address, Groups: []string{"sg-1"}})
				apply(b, f, &more)
				n = &more
			}
		})
	}
}

// BenchmarkDetach removes an interface: nothing reaches it when Apply returns.
func BenchmarkDetach(b *testing.B) {
	f := start(b)
	more := large(0)
	more.Interfaces = append(more.Interfaces, network.Interface{ID: "eni-y", VPC: "vpc-1", Subnet: "subnet-1",
		Address: netip.MustParseAddr("10.0.1.100"), Groups: []string{"sg-1"}})
	apply(b, f, large(0))
	for b.Loop() {
		b.StopTimer()
		apply(b, f, more)
		f.sweeper.finish()
		b.StartTimer()
		apply(b, f, large(0))
	}
}

// BenchmarkRule changes one rule of a group of twenty.
func BenchmarkRule(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("interfaces=%d", size), func(b *testing.B) {
			f := start(b)
			apply(b, f, large(size))
			both := []*network.Network{large(size), large(size)}
			both[1].VPCs[0].Groups[5].Ingress[7].From = 999
			for i := 0; b.Loop(); i++ {
				apply(b, f, both[i%2])
			}
		})
	}
}

// BenchmarkRuleOfMany changes one rule of a group that has more and more of them.
func BenchmarkRuleOfMany(b *testing.B) {
	for _, rules := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("rules=%d", rules), func(b *testing.B) {
			f := start(b)
			build := func(port int) *network.Network {
				n := pairNetwork()
				g := &n.VPCs[0].Groups[1]
				for i := range rules {
					g.Ingress = append(g.Ingress, network.Rule{Protocol: 6, From: 1000 + i, To: 1000 + i, CIDR: netip.MustParsePrefix("10.0.0.0/16")})
				}
				g.Ingress[rules/2].From = port
				return n
			}
			both := []*network.Network{build(998), build(999)}
			apply(b, f, both[1])
			for i := 0; b.Loop(); i++ {
				apply(b, f, both[i%2])
			}
		})
	}
}

// BenchmarkVPCs changes one rule of one VPC, and adds an interface to it, beside others.
func BenchmarkVPCs(b *testing.B) {
	for _, vpcs := range []int{1, 100} {
		several := func() *network.Network {
			n := &network.Network{}
			for v := range vpcs {
				one := large(10)
				one.VPCs[0].ID = fmt.Sprintf("vpc-%d", v)
				for _, i := range one.Interfaces {
					i.ID, i.VPC, i.Endpoint = fmt.Sprintf("%s-%d", i.ID, v), one.VPCs[0].ID, ""
					n.Interfaces = append(n.Interfaces, i)
				}
				n.VPCs = append(n.VPCs, one.VPCs[0])
			}
			return n
		}
		b.Run(fmt.Sprintf("rule/vpcs=%d", vpcs), func(b *testing.B) {
			f := start(b)
			both := []*network.Network{several(), several()}
			both[0].VPCs[0].Groups[5].Ingress[7].From = 999
			apply(b, f, both[1])
			for i := 0; b.Loop(); i++ {
				apply(b, f, both[i%2])
			}
		})
		b.Run(fmt.Sprintf("attach/vpcs=%d", vpcs), func(b *testing.B) {
			f := start(b)
			n := several()
			apply(b, f, n)
			address := netip.MustParseAddr("10.0.24.0")
			for i := 0; b.Loop(); i++ {
				more := *n
				address = address.Next()
				more.Interfaces = append(n.Interfaces[:len(n.Interfaces):len(n.Interfaces)], network.Interface{
					ID: fmt.Sprintf("eni-y%d", i), VPC: "vpc-0", Subnet: "subnet-2", Address: address, Groups: []string{"sg-1"}})
				apply(b, f, &more)
				n = &more
			}
		})
	}
}

// BenchmarkNothing applies what is in force.
func BenchmarkNothing(b *testing.B) {
	f := start(b)
	n := large(100)
	for apply(b, f, n); b.Loop(); {
		apply(b, f, n)
	}
}

// BenchmarkEndpoint makes an endpoint and connects to it: until the connection is accepted.
func BenchmarkEndpoint(b *testing.B) {
	f := start(b)
	n := large(100)
	less := large(100)
	less.Interfaces = append(less.Interfaces[:3:3], less.Interfaces[4:]...)
	less.Endpoints = nil
	apply(b, f, less)
	for b.Loop() {
		apply(b, f, n)
		c, err := connectContext(context.Background(), f, "eni-1", "10.0.1.10:443")
		if err != nil {
			b.Fatal(err)
		}
		s, err := f.Listener().Accept()
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		c.Close()
		s.Close()
		apply(b, f, less)
		b.StartTimer()
	}
}

// BenchmarkConnect opens and accepts one connection through an endpoint.
func BenchmarkConnect(b *testing.B) {
	f := start(b)
	apply(b, f, pairNetwork())
	for b.Loop() {
		c, err := connectContext(context.Background(), f, "eni-1", "10.0.1.10:443")
		if err != nil {
			b.Fatal(err)
		}
		s, err := f.Listener().Accept()
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
		s.Close()
	}
}

// BenchmarkAdopt opens a directory that another process left, and makes it this process's own.
func BenchmarkAdopt(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("interfaces=%d", size), func(b *testing.B) {
			f := start(b)
			n := large(size)
			apply(b, f, n)
			f.Close()
			for b.Loop() {
				next, err := Open(Config{Directory: f.directory})
				if err != nil {
					b.Fatal(err)
				}
				apply(b, next, n)
				b.StopTimer()
				next.Close()
				b.StartTimer()
			}
		})
	}
}
