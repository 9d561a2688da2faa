package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTerraform applies the usual endpoints example, plans again, uses what was made, and destroys it.
// The example as it is published asks for an interface endpoint of Secrets Manager, which Cloister does
// not serve: it has sagemaker.api in its place here, and the original's answer is asserted too.
func TestTerraform(t *testing.T) {
	t.Parallel()
	f := terraform(t)
	d := own(t)
	f.copy(t, d, "example")
	f.fetch(t)
	at := d.internet()
	f.apply(t)
	f.settled(t)
	vpc := f.run(t, "output", "-raw", "vpc")
	inside := d.at(f.output(t, "subnet"), f.output(t, "group"))
	// The example as printed: its endpoint is there, and says itself that nothing is behind it yet.
	addresses, _ := inside.dig(t, "secretsmanager."+region+".amazonaws.com")
	if len(addresses) != 2 || !strings.HasPrefix(addresses[0], "10.20.") {
		t.Errorf("the default name is %v inside, wanted the endpoint's two addresses", addresses)
	}
	if out, err := inside.try("aws", "secretsmanager", "list-secrets"); err == nil || !strings.Contains(out, "is not served by this Cloister") {
		t.Errorf("a call to a service that is not served: %v\n%s", err, out)
	}
	// And the same with a service that is.
	f.apply(t, "interface_service=sagemaker.api")
	if got := inside.aws(t, "sagemaker", "list-training-jobs", "--max-results", "1", "--query", "length(TrainingJobSummaries) >= `0`"); got != "True" {
		t.Errorf("a call through the endpoint that Terraform made answers %s", got)
	}

	f.run(t, "destroy", "-auto-approve", "-no-color", "-input=false")
	for _, kind := range []string{"vpc-endpoints", "subnets", "route-tables", "security-groups", "network-interfaces", "vpcs"} {
		if left := at.must(t, "aws", "ec2", "describe-"+kind, "--filters", "Name=vpc-id,Values="+vpc, "--query", "*[]", "--output", "text"); left != "" {
			t.Errorf("after destroy there are %s: %s", kind, left)
		}
	}
}

// TestTerraformNetwork applies one configuration with every kind of resource of a private network, a VPC in
// the shape of the community's module among them, changes it, and destroys it; nothing drifts and nothing is left.
func TestTerraformNetwork(t *testing.T) {
	t.Parallel()
	f := terraform(t)
	needRoot(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	// Nine VPCs, and six elastic addresses.
	if err := os.WriteFile(filepath.Join(d.data, "config.yaml"), []byte("quotas:\n  vpcs: 9\n  elastic_ips: 6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t)
	f.initialise(t, d, "network")
	at := d.internet()
	before := everything(t, at)
	for _, changed := range []string{"changed=false", "changed=true"} {
		f.apply(t, changed)
		f.settled(t, changed)
		want := map[string]string{"changed=false": "192.168.1.0/24", "changed=true": "192.168.2.0/24"}[changed]
		got := at.aws(t, "ec2", "describe-route-tables", "--route-table-ids", f.output(t, "table"),
			"--query", "RouteTables[0].Routes[?Origin=='EnableVgwRoutePropagation'].DestinationCidrBlock")
		if !strings.Contains(got, want) || !strings.Contains(got, "192.168.0.0/24") || strings.Count(got, "/") != 2 {
			t.Errorf("%s: propagated are %s", changed, got)
		}
	}
	if conf := at.aws(t, "ec2", "describe-vpn-connections", "--query", "VpnConnections[0].CustomerGatewayConfiguration"); !strings.Contains(conf, "<private_key>") || strings.Count(conf, "<ipsec_tunnel>") != 2 {
		t.Error("the customer's configuration has no key")
	}
	f.destroy(t, "changed=true")
	for what, after := range everything(t, at) {
		if after != before[what] {
			t.Errorf("%s told of %q and after all of %q", what, before[what], after)
		}
	}
}

// everything is what there is of each kind of resource.
func everything(t *testing.T, at place) map[string]string {
	t.Helper()
	out := map[string]string{}
	for what, query := range map[string]string{
		"ec2 describe-vpcs": "Vpcs[].VpcId", "ec2 describe-subnets": "Subnets[].SubnetId", "ec2 describe-security-groups": "SecurityGroups[].GroupId",
		"ec2 describe-route-tables": "RouteTables[].RouteTableId", "ec2 describe-network-acls": "NetworkAcls[].NetworkAclId",
		"ec2 describe-network-interfaces": "NetworkInterfaces[].NetworkInterfaceId", "ec2 describe-vpc-endpoints": "VpcEndpoints[].VpcEndpointId",
		"ec2 describe-flow-logs": "FlowLogs[].FlowLogId", "ec2 describe-dhcp-options": "DhcpOptions[].DhcpOptionsId",
		"ec2 describe-managed-prefix-lists": "PrefixLists[].PrefixListId", "ec2 describe-addresses": "Addresses[].AllocationId",
		"ec2 describe-internet-gateways": "InternetGateways[].InternetGatewayId", "ec2 describe-nat-gateways": "NatGateways[?State!='deleted'].NatGatewayId",
		"ec2 describe-vpc-peering-connections":             "VpcPeeringConnections[?Status.Code!='deleted'].VpcPeeringConnectionId",
		"ec2 describe-vpn-gateways":                        "VpnGateways[?State!='deleted'].VpnGatewayId",
		"ec2 describe-customer-gateways":                   "CustomerGateways[?State!='deleted'].CustomerGatewayId",
		"ec2 describe-vpn-connections":                     "VpnConnections[?State!='deleted'].VpnConnectionId",
		"ec2 describe-vpc-endpoint-service-configurations": "ServiceConfigurations[].ServiceId",
		"elbv2 describe-load-balancers":                    "LoadBalancers[].LoadBalancerName", "elbv2 describe-target-groups": "TargetGroups[].TargetGroupName",
		"route53 list-hosted-zones": "HostedZones[].Id", "route53resolver list-resolver-endpoints": "ResolverEndpoints[].Id",
		"route53resolver list-resolver-query-log-configs": "ResolverQueryLogConfigs[].Id",
		"logs describe-log-groups":                        "logGroups[].logGroupName", "iam list-roles": "Roles[].RoleName", "s3api list-buckets": "Buckets[].Name",
	} {
		out[what] = at.aws(t, append(strings.Fields(what), "--query", "sort("+query+" || `[]`)")...)
	}
	return out
}
