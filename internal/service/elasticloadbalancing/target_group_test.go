package elasticloadbalancing

import (
	"net/netip"
	"slices"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

func targets(list ...string) (out []shape.TargetDescription) {
	for _, id := range list {
		out = append(out, shape.TargetDescription{Id: new(id)})
	}
	return out
}

func TestListenersForwardToTargets(t *testing.T) {
	w := open(t)
	b, g, spare := w.balancer("orders", "subnet-a"), w.group("orders"), w.group("spare")
	if w.group("orders") != g {
		t.Error("asked for twice with the same settings, there are two groups")
	}
	l := *must[shape.CreateListenerOutput](w, "CreateListener", listening(b, g, 443)).Listeners[0].ListenerArn
	in := &shape.RegisterTargetsInput{TargetGroupArn: &g, Targets: append(targets("10.0.0.5"), shape.TargetDescription{Id: new("10.0.0.6"), Port: new(int32(81))})}
	must[shape.RegisterTargetsOutput](w, "RegisterTargets", in)
	must[shape.RegisterTargetsOutput](w, "RegisterTargets", in)
	five, six := netip.MustParseAddrPort("10.0.0.5:8080"), netip.MustParseAddrPort("10.0.0.6:81")
	carries := func(want ...network.Listener) {
		t.Helper()
		got := w.network().Balancers[0].Listeners
		if !slices.EqualFunc(got, want, func(a, b network.Listener) bool { return a.Port == b.Port && slices.Equal(a.Targets, b.Targets) }) {
			t.Errorf("it carries %+v, not %+v", got, want)
		}
	}
	carries(network.Listener{Port: 443, Targets: []netip.AddrPort{five, six}})
	health := func() (out []string) {
		t.Helper()
		for _, h := range must[shape.DescribeTargetHealthOutput](w, "DescribeTargetHealth", &shape.DescribeTargetHealthInput{TargetGroupArn: &g}).TargetHealthDescriptions {
			out = append(out, *h.Target.Id+" "+*h.TargetHealth.State)
		}
		return out
	}
	w.accepting[five] = true
	if got := health(); !slices.Equal(got, []string{"10.0.0.5 healthy", "10.0.0.6 unhealthy"}) {
		t.Errorf("health: %v", got)
	}
	refused[shape.CreateListenerOutput](w, "CreateListener", listening(b, g, 443), "DuplicateListener")
	refused[shape.DeleteTargetGroupOutput](w, "DeleteTargetGroup", &shape.DeleteTargetGroupInput{TargetGroupArn: &g}, "ResourceInUse")
	must[shape.ModifyListenerOutput](w, "ModifyListener", &shape.ModifyListenerInput{ListenerArn: &l, Port: new(int32(80)), DefaultActions: []shape.Action{{Type: new("forward"), TargetGroupArn: &spare}}})
	carries(network.Listener{Port: 80})
	if got := health(); !slices.Equal(got, []string{"10.0.0.5 unused", "10.0.0.6 unused"}) {
		t.Errorf("health: %v", got)
	}
	if got := must[shape.DescribeTargetGroupsOutput](w, "DescribeTargetGroups", &shape.DescribeTargetGroupsInput{LoadBalancerArn: &b}).TargetGroups; len(got) != 1 || *got[0].TargetGroupArn != spare {
		t.Errorf("the balancer's groups are %+v", got)
	}
	must[shape.DeregisterTargetsOutput](w, "DeregisterTargets", &shape.DeregisterTargetsInput{TargetGroupArn: &g, Targets: targets("10.0.0.5")})
	if got := health(); len(got) != 1 {
		t.Errorf("after one is deregistered: %v", got)
	}
	must[shape.DeleteTargetGroupOutput](w, "DeleteTargetGroup", &shape.DeleteTargetGroupInput{TargetGroupArn: &g})
	must[shape.DeleteListenerOutput](w, "DeleteListener", &shape.DeleteListenerInput{ListenerArn: &l})
	carries()
	refused[shape.DeleteListenerOutput](w, "DeleteListener", &shape.DeleteListenerInput{ListenerArn: &l}, "ListenerNotFound")
	// A balancer takes its listeners along.
	l = *must[shape.CreateListenerOutput](w, "CreateListener", listening(b, spare, 443)).Listeners[0].ListenerArn
	must[shape.DeleteLoadBalancerOutput](w, "DeleteLoadBalancer", &shape.DeleteLoadBalancerInput{LoadBalancerArn: &b})
	refused[shape.DescribeListenersOutput](w, "DescribeListeners", &shape.DescribeListenersInput{ListenerArns: []string{l}}, "ListenerNotFound")
}

func TestTargetGroupsAndListenersThatCannotBe(t *testing.T) {
	w := open(t)
	b, g := w.balancer("orders", "subnet-a"), w.group("orders")
	group := func(code string, change func(*shape.CreateTargetGroupInput)) {
		t.Helper()
		in := &shape.CreateTargetGroupInput{Name: new("other"), Protocol: new("TCP"), TargetType: new("ip"), Port: new(int32(80)), VpcId: new("vpc-1")}
		change(in)
		refused[shape.CreateTargetGroupOutput](w, "CreateTargetGroup", in, code)
	}
	type in = shape.CreateTargetGroupInput
	group("UnsupportedOperation", func(in *in) { in.Protocol = new("HTTP") })
	group("UnsupportedOperation", func(in *in) { in.TargetType = nil })
	group("UnsupportedOperation", func(in *in) { in.HealthCheckProtocol = new("HTTP") })
	group("UnsupportedOperation", func(in *in) { in.IpAddressType = new("ipv6") })
	group("InvalidConfigurationRequest", func(in *in) { in.HealthCheckEnabled = new(false) })
	group("ValidationError", func(in *in) { in.VpcId = nil })
	group("ValidationError", func(in *in) { in.VpcId = new("vpc-9") })
	group("ValidationError", func(in *in) { in.HealthCheckIntervalSeconds = new(int32(1)) })
	group("ValidationError", func(in *in) { in.HealthCheckPort = new("0") })
	group("DuplicateTargetGroupName", func(in *in) { in.Name = new("orders") })
	register := func(code string, list ...shape.TargetDescription) {
		t.Helper()
		refused[shape.RegisterTargetsOutput](w, "RegisterTargets", &shape.RegisterTargetsInput{TargetGroupArn: &g, Targets: list}, code)
	}
	register("ValidationError", targets("i-1")...)
	register("ValidationError", shape.TargetDescription{Id: new("10.0.0.5"), Port: new(int32(0))})
	register("InvalidTarget", targets("192.168.0.1")...)
	register("UnsupportedOperation", shape.TargetDescription{Id: new("192.168.0.1"), AvailabilityZone: new("all")})
	listen := func(code string, change func(*shape.CreateListenerInput)) {
		t.Helper()
		in := listening(b, g, 443)
		change(in)
		refused[shape.CreateListenerOutput](w, "CreateListener", in, code)
	}
	listen("UnsupportedOperation", func(in *shape.CreateListenerInput) { in.Protocol = new("TLS") })
	listen("UnsupportedOperation", func(in *shape.CreateListenerInput) { in.Certificates = []shape.Certificate{{}} })
	listen("UnsupportedOperation", func(in *shape.CreateListenerInput) { in.DefaultActions[0].Type = new("redirect") })
	listen("ValidationError", func(in *shape.CreateListenerInput) { in.Port = nil })
	listen("ValidationError", func(in *shape.CreateListenerInput) { in.DefaultActions[0].TargetGroupArn = nil })
	listen("TargetGroupNotFound", func(in *shape.CreateListenerInput) { in.DefaultActions[0].TargetGroupArn = new(g + "0") })
	listen("LoadBalancerNotFound", func(in *shape.CreateListenerInput) { in.LoadBalancerArn = new(b + "0") })
	for name, attributes := range map[string]any{
		"ModifyLoadBalancerAttributes": &shape.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &b, Attributes: []shape.LoadBalancerAttribute{{Key: new("access_logs.s3.enabled"), Value: new("true")}}},
		"ModifyTargetGroupAttributes":  &shape.ModifyTargetGroupAttributesInput{TargetGroupArn: &g, Attributes: []shape.TargetGroupAttribute{{Key: new("preserve_client_ip.enabled"), Value: new("true")}}},
	} {
		refused[struct{}](w, name, attributes, "UnsupportedOperation")
	}
	refused[struct{}](w, "ModifyTargetGroupAttributes", &shape.ModifyTargetGroupAttributesInput{TargetGroupArn: &g,
		Attributes: []shape.TargetGroupAttribute{{Key: new("deregistration_delay.timeout_seconds"), Value: new("4000")}}}, "ValidationError")
	refused[struct{}](w, "ModifyLoadBalancerAttributes", &shape.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &b,
		Attributes: []shape.LoadBalancerAttribute{{Key: new("no.such"), Value: new("true")}}}, "ValidationError")
}

func TestTagsAndPages(t *testing.T) {
	w := open(t)
	a, b := w.group("a"), w.group("b")
	known := map[string]int{}
	if err := w.WatchTags(t.Context(), w.Region, func(arn string, tags []caller.Tag) { known[arn] = len(tags) }); err != nil {
		t.Fatal(err)
	}
	must[shape.AddTagsOutput](w, "AddTags", &shape.AddTagsInput{ResourceArns: []string{a, b}, Tags: []shape.Tag{{Key: new("k"), Value: new("1")}, {Key: new("l"), Value: new("2")}}})
	must[shape.RemoveTagsOutput](w, "RemoveTags", &shape.RemoveTagsInput{ResourceArns: []string{a}, TagKeys: []string{"k"}})
	got := must[shape.DescribeTagsOutput](w, "DescribeTags", &shape.DescribeTagsInput{ResourceArns: []string{a, b}}).TagDescriptions
	if len(got) != 2 || len(got[0].Tags) != 1 || len(got[1].Tags) != 2 || *got[1].Tags[0].Key != "k" {
		t.Errorf("%+v", got)
	}
	if known[a] != 1 || known[b] != 2 {
		t.Errorf("decisions know of %v", known)
	}
	refused[shape.AddTagsOutput](w, "AddTags", &shape.AddTagsInput{ResourceArns: []string{a + "0"}}, "TargetGroupNotFound")
	first := must[shape.DescribeTargetGroupsOutput](w, "DescribeTargetGroups", &shape.DescribeTargetGroupsInput{PageSize: new(int32(1))})
	if len(first.TargetGroups) != 1 || first.NextMarker == nil {
		t.Fatalf("%+v", first)
	}
	second := must[shape.DescribeTargetGroupsOutput](w, "DescribeTargetGroups", &shape.DescribeTargetGroupsInput{PageSize: new(int32(1)), Marker: first.NextMarker})
	if len(second.TargetGroups) != 1 || second.NextMarker != nil || *second.TargetGroups[0].TargetGroupArn == *first.TargetGroups[0].TargetGroupArn {
		t.Errorf("%+v", second)
	}
	refused[shape.DescribeTargetGroupsOutput](w, "DescribeTargetGroups", &shape.DescribeTargetGroupsInput{Marker: new("x")}, "ValidationError")
	if _, err := try[shape.DescribeTargetGroupsOutput](w, other, "DescribeTargetGroups", &shape.DescribeTargetGroupsInput{Names: []string{"a"}}); err == nil {
		t.Error("another account sees them")
	}
}
