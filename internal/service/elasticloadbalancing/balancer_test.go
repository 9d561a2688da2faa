package elasticloadbalancing

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

func TestALoadBalancersLife(t *testing.T) {
	w := open(t)
	arn := w.balancer("orders", "subnet-a", "subnet-b")
	if !strings.HasPrefix(arn, "arn:aws:elasticloadbalancing:us-east-1:"+account+":loadbalancer/net/orders/") {
		t.Errorf("its ARN is %s", arn)
	}
	b := must[shape.DescribeLoadBalancersOutput](w, "DescribeLoadBalancers", &shape.DescribeLoadBalancersInput{Names: []string{"orders"}}).LoadBalancers[0]
	if *b.State.Code != "active" || *b.VpcId != "vpc-1" || *b.Scheme != "internal" || *b.Type != "network" || len(b.AvailabilityZones) != 2 ||
		*b.DNSName != "orders-"+hash(arn)+".elb.us-east-1.amazonaws.com" || *b.LoadBalancerArn != arn {
		t.Errorf("%+v", b)
	}
	if again := w.balancer("orders", "subnet-a", "subnet-b"); again != arn {
		t.Error("asked for twice with the same settings, there are two")
	}
	refused[shape.CreateLoadBalancerOutput](w, "CreateLoadBalancer", wanted("orders", "subnet-a"), "DuplicateLoadBalancerName")
	if got := w.subnets(); !slices.Equal(got, []string{"subnet-a", "subnet-b"}) {
		t.Errorf("it stands in %v", got)
	}
	n := w.network()
	if len(n.Internet.Names) != 1 || n.Internet.Names[0].Text != *b.DNSName || len(n.Internet.Names[0].Addresses) != 2 || !n.Balancers[0].Zonal {
		t.Errorf("%+v", n)
	}
	set := func(subnets ...string) {
		t.Helper()
		must[shape.SetSubnetsOutput](w, "SetSubnets", &shape.SetSubnetsInput{LoadBalancerArn: &arn, Subnets: subnets})
		if got := w.subnets(); !slices.Equal(got, subnets) {
			t.Errorf("it stands in %v, not %v", got, subnets)
		}
	}
	set("subnet-b", "subnet-c")
	set("subnet-a", "subnet-b") // again, by a token of its own
	set("subnet-a", "subnet-b")
	before := w.network().Interfaces
	w.fail = "CreateNetworkInterface"
	refused[shape.SetSubnetsOutput](w, "SetSubnets", &shape.SetSubnetsInput{LoadBalancerArn: &arn, Subnets: []string{"subnet-c"}}, "InvalidSubnet")
	w.fail = ""
	if got := w.subnets(); !slices.Equal(got, []string{"subnet-a", "subnet-b"}) || len(before) != 2 {
		t.Errorf("after what could not be it stands in %v", got)
	}
	if _, err := try[shape.SetSubnetsOutput](w, other, "SetSubnets", &shape.SetSubnetsInput{LoadBalancerArn: &arn, Subnets: []string{"subnet-c"}}); err == nil {
		t.Error("another account moves it")
	}
	remove := &shape.DeleteLoadBalancerInput{LoadBalancerArn: &arn}
	w.serving[arn] = true
	refused[shape.DeleteLoadBalancerOutput](w, "DeleteLoadBalancer", remove, "ResourceInUse")
	w.serving[arn] = false
	protect := func(v string) {
		t.Helper()
		must[shape.ModifyLoadBalancerAttributesOutput](w, "ModifyLoadBalancerAttributes", &shape.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &arn,
			Attributes: []shape.LoadBalancerAttribute{{Key: new("deletion_protection.enabled"), Value: &v}, {Key: new("load_balancing.cross_zone.enabled"), Value: &v}}})
	}
	protect("true")
	if w.network().Balancers[0].Zonal {
		t.Error("cross-zone, and it keeps to zones")
	}
	refused[shape.DeleteLoadBalancerOutput](w, "DeleteLoadBalancer", remove, "OperationNotPermitted")
	protect("false")
	must[shape.DeleteLoadBalancerOutput](w, "DeleteLoadBalancer", remove)
	must[shape.DeleteLoadBalancerOutput](w, "DeleteLoadBalancer", remove) // as AWS has it
	if n := w.network(); len(n.Interfaces)+len(n.Balancers)+len(n.Internet.Names) != 0 {
		t.Errorf("left behind: %+v", n)
	}
	refused[shape.DescribeLoadBalancersOutput](w, "DescribeLoadBalancers", &shape.DescribeLoadBalancersInput{LoadBalancerArns: []string{arn}}, "LoadBalancerNotFound")
}

func TestLoadBalancersThatCannotBe(t *testing.T) {
	w := open(t)
	for what, c := range map[string]struct {
		change func(*shape.CreateLoadBalancerInput)
		code   string
	}{
		"an application load balancer": {func(in *shape.CreateLoadBalancerInput) { in.Type = nil }, "UnsupportedOperation"},
		"a gateway load balancer":      {func(in *shape.CreateLoadBalancerInput) { in.Type = new("gateway") }, "UnsupportedOperation"},
		"on the internet":              {func(in *shape.CreateLoadBalancerInput) { in.Scheme = nil }, "UnsupportedOperation"},
		"dual stack":                   {func(in *shape.CreateLoadBalancerInput) { in.IpAddressType = new("dualstack") }, "UnsupportedOperation"},
		"with groups":                  {func(in *shape.CreateLoadBalancerInput) { in.SecurityGroups = []string{"sg-1"} }, "UnsupportedOperation"},
		"with an elastic address": {func(in *shape.CreateLoadBalancerInput) {
			in.Subnets, in.SubnetMappings = nil, []shape.SubnetMapping{{SubnetId: new("subnet-a"), AllocationId: new("eipalloc-1")}}
		}, "UnsupportedOperation"},
		"nowhere":             {func(in *shape.CreateLoadBalancerInput) { in.Subnets = nil }, "ValidationError"},
		"twice in a zone":     {func(in *shape.CreateLoadBalancerInput) { in.Subnets = []string{"subnet-a", "subnet-a2"} }, "InvalidConfigurationRequest"},
		"in two VPCs":         {func(in *shape.CreateLoadBalancerInput) { in.Subnets = []string{"subnet-a", "subnet-far"} }, "InvalidSubnet"},
		"in no subnet":        {func(in *shape.CreateLoadBalancerInput) { in.Subnets = []string{"x"} }, "SubnetNotFound"},
		"of a name too long":  {func(in *shape.CreateLoadBalancerInput) { in.Name = new(strings.Repeat("x", 33)) }, "ValidationError"},
		"of a reserved name":  {func(in *shape.CreateLoadBalancerInput) { in.Name = new("internal-x") }, "ValidationError"},
		"with a reserved tag": {func(in *shape.CreateLoadBalancerInput) { in.Tags = []shape.Tag{{Key: new("aws:x")}} }, "ValidationError"},
	} {
		in := wanted("orders", "subnet-a")
		c.change(in)
		if _, err := try[shape.CreateLoadBalancerOutput](w, account, "CreateLoadBalancer", in); err == nil || !strings.HasPrefix(err.Error(), c.code+":") {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.fail = "CreateNetworkInterface"
	refused[shape.CreateLoadBalancerOutput](w, "CreateLoadBalancer", wanted("orders", "subnet-a"), "InvalidSubnet")
	w.fail = ""
	w.balancer("orders", "subnet-a") // nothing is in its way
}

// TestSettle: what a stop left half done is ended at the next start.
func TestSettle(t *testing.T) {
	w := open(t)
	arn := w.balancer("orders", "subnet-a", "subnet-b")
	half := w.balancer("half", "subnet-a")
	put := func(arn string, change func(*balancer)) {
		t.Helper()
		err := w.DB.Update(t.Context(), func(tx *store.Tx) error {
			b, err := balancers.Get(tx, store.Key(account, arn))
			if err != nil {
				return err
			}
			change(b)
			return balancers.Put(tx, store.Key(account, arn), b)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(half, func(b *balancer) { b.State = provisioning })
	put(arn, func(b *balancer) { // one zone is left but not released, another wanted but not made
		b.Zones = []zone{b.Zones[1], {Subnet: "subnet-c", Zone: "us-east-1c", Token: "unused"}}
	})
	for range 2 {
		if err := w.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.subnets(); !slices.Equal(got, []string{"subnet-b", "subnet-c"}) {
			t.Errorf("it stands in %v", got)
		}
	}
	put(arn, func(b *balancer) { b.State, b.Zones = deleting, nil }) // stopped before its interfaces went
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.network(); len(n.Interfaces)+len(n.Balancers) != 0 {
		t.Errorf("left behind: %+v", n)
	}
}

// TestTogether: whatever is done at once, interfaces are those of the balancer.
func TestTogether(t *testing.T) {
	w := open(t)
	arn := w.balancer("orders", "subnet-a")
	var all sync.WaitGroup
	for _, subnets := range [][]string{{"subnet-a"}, {"subnet-b"}, {"subnet-a", "subnet-c"}, {"subnet-b", "subnet-c"}} {
		all.Go(func() {
			if _, err := try[shape.SetSubnetsOutput](w, account, "SetSubnets", &shape.SetSubnetsInput{LoadBalancerArn: &arn, Subnets: subnets}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.subnets()
	all.Go(func() {
		try[shape.SetSubnetsOutput](w, account, "SetSubnets", &shape.SetSubnetsInput{LoadBalancerArn: &arn, Subnets: []string{"subnet-c"}})
	})
	all.Go(func() {
		must[shape.DeleteLoadBalancerOutput](w, "DeleteLoadBalancer", &shape.DeleteLoadBalancerInput{LoadBalancerArn: &arn})
	})
	all.Wait()
	if n := w.network(); len(n.Interfaces)+len(n.Balancers) != 0 {
		t.Errorf("left behind: %+v", n)
	}
}
