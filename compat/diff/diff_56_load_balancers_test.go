package diff

import (
	"strings"
	"testing"
)

// TestDiff56LoadBalancers: load balancers are network ones inside a VPC, with TCP listeners and targets by address, whose
// health is that of the moment.
func TestDiff56LoadBalancers(t *testing.T) {
	vpc, subnet, _ := network(t)
	call := func(action string, params ...string) answer {
		t.Helper()
		return root.query(t, "elasticloadbalancing", action, params...)
	}
	inside := []string{"Name", "diff-56", "Subnets.member.1", subnet, "Scheme", "internal"}
	call("CreateLoadBalancer", inside...).fault(t, 400, "UnsupportedOperation", "Load balancers of the type application are not supported, only network ones.")
	call("CreateLoadBalancer", "Name", "diff-56", "Subnets.member.1", subnet, "Type", "network").
		fault(t, 400, "UnsupportedOperation", "Load balancers of the scheme internet-facing are not supported, only internal ones.")
	balancer := call("CreateLoadBalancer", append(inside, "Type", "network")...).good(t).one(t, "LoadBalancerArn")
	group := []string{"Name", "diff-56", "VpcId", vpc, "Port", "80", "Protocol"}
	call("CreateTargetGroup", append(group, "HTTP", "TargetType", "ip")...).fault(t, 400, "UnsupportedOperation", "Target groups of the protocol HTTP are not supported, only TCP.")
	call("CreateTargetGroup", append(group, "TCP")...).fault(t, 400, "UnsupportedOperation", "Target groups of the target type instance are not supported, only ip.")
	targets := call("CreateTargetGroup", append(group, "TCP", "TargetType", "ip")...).good(t).one(t, "TargetGroupArn")
	call("CreateListener", "LoadBalancerArn", balancer, "Port", "80", "Protocol", "TCP", "DefaultActions.member.1.Type", "forward", "DefaultActions.member.1.TargetGroupArn", targets).good(t)
	address := root.query(t, "ec2", "DescribeNetworkInterfaces", "Filter.1.Name", "subnet-id", "Filter.1.Value.1", subnet).good(t).all("privateIpAddress")[0]
	address = address[:strings.LastIndexByte(address, '.')+1] + "200" // nobody's
	call("RegisterTargets", "TargetGroupArn", targets, "Targets.member.1.Id", address).good(t)
	if state := call("DescribeTargetHealth", "TargetGroupArn", targets).good(t).one(t, "State"); state != "unhealthy" {
		t.Errorf("a target that nobody serves is %s at once", state)
	}
	call("ModifyTargetGroupAttributes", "TargetGroupArn", targets, "Attributes.member.1.Key", "preserve_client_ip.enabled", "Attributes.member.1.Value", "true").
		fault(t, 400, "UnsupportedOperation", "The attribute preserve_client_ip.enabled cannot be true: here it is false.")
	call("DeleteLoadBalancer", "LoadBalancerArn", balancer).good(t)
	call("DeleteTargetGroup", "TargetGroupArn", targets).good(t)
}
