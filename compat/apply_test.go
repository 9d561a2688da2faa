package compat

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTerraform applies the usual endpoints example, plans again, uses what was made, and destroys it.
// The example as it is published asks for an interface endpoint of Secrets Manager, which Cloister does
// not serve: it has sagemaker.api in its place here, and the original's answer is asserted too.
func TestTerraform(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "example")
	at := d.internet()
	run := func(args ...string) string {
		t.Helper()
		return at.must(t, append([]string{terraform, "-chdir=" + dir}, args...)...)
	}
	run("apply", "-auto-approve", "-no-color", "-input=false")
	if out, err := at.try(terraform, "-chdir="+dir, "plan", "-detailed-exitcode", "-no-color", "-input=false"); err != nil {
		t.Fatalf("the second plan is not empty: %v\n%s", err, out)
	}
	output := func(name string) string { return run("output", "-raw", name) }
	vpc := output("vpc")
	inside := d.at(output("subnet"), output("group"))
	// The example as printed: its endpoint is there, and says itself that nothing is behind it yet.
	addresses, _ := inside.dig(t, "secretsmanager."+region+".amazonaws.com")
	if len(addresses) != 2 || !strings.HasPrefix(addresses[0], "10.20.") {
		t.Errorf("the default name is %v inside, wanted the endpoint's two addresses", addresses)
	}
	if out, err := inside.try("aws", "secretsmanager", "list-secrets"); err == nil || !strings.Contains(out, "is not served by this Cloister") {
		t.Errorf("a call to a service that is not served: %v\n%s", err, out)
	}
	// And the same with a service that is.
	run("apply", "-auto-approve", "-no-color", "-input=false", "-var", "interface_service=sagemaker.api")
	if got := inside.aws(t, "sagemaker", "list-training-jobs", "--max-results", "1", "--query", "length(TrainingJobSummaries) >= `0`"); got != "True" {
		t.Errorf("a call through the endpoint that Terraform made answers %s", got)
	}

	run("destroy", "-auto-approve", "-no-color", "-input=false")
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
	terraform := needProgram(t, "terraform")
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
	dir := t.TempDir()
	initialise(t, terraform, dir, "network")
	at := d.internet()
	before := everything(t, at)
	run := func(args ...string) string {
		t.Helper()
		return at.must(t, append([]string{terraform, "-chdir=" + dir}, args...)...)
	}
	for _, changed := range []string{"changed=false", "changed=true"} {
		run("apply", "-auto-approve", "-no-color", "-input=false", "-var", changed)
		if out, err := at.try(terraform, "-chdir="+dir, "plan", "-detailed-exitcode", "-no-color", "-input=false", "-var", changed); err != nil {
			t.Fatalf("%s: the second plan is not empty: %v\n%s", changed, err, out)
		}
		want := map[string]string{"changed=false": "192.168.1.0/24", "changed=true": "192.168.2.0/24"}[changed]
		got := at.aws(t, "ec2", "describe-route-tables", "--route-table-ids", run("output", "-raw", "table"),
			"--query", "RouteTables[0].Routes[?Origin=='EnableVgwRoutePropagation'].DestinationCidrBlock")
		if !strings.Contains(got, want) || !strings.Contains(got, "192.168.0.0/24") || strings.Count(got, "/") != 2 {
			t.Errorf("%s: propagated are %s", changed, got)
		}
	}
	if conf := at.aws(t, "ec2", "describe-vpn-connections", "--query", "VpnConnections[0].CustomerGatewayConfiguration"); !strings.Contains(conf, "<private_key>") || strings.Count(conf, "<ipsec_tunnel>") != 2 {
		t.Error("the customer's configuration has no key")
	}
	run("destroy", "-auto-approve", "-no-color", "-input=false", "-var", "changed=true")
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

// initialise copies a configuration and fetches its provider: from a folder on this machine if there is
// one (CLOISTER_TERRAFORM_PLUGINS says where), else as Terraform does by itself. Without either the test is skipped.
func initialise(t *testing.T, terraform, dir, name string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("terraform", name))); err != nil {
		t.Fatal(err)
	}
	args := []string{"-chdir=" + dir, "init", "-no-color", "-input=false"}
	mirror := cmp.Or(os.Getenv("CLOISTER_TERRAFORM_PLUGINS"), "/opt/tf-plugins")
	if _, err := os.Stat(mirror); err == nil {
		args = append(args, "-plugin-dir="+mirror)
	}
	if out, err := exec.Command(terraform, args...).CombinedOutput(); err != nil {
		t.Skipf("Terraform's AWS provider is not on this machine and cannot be fetched: %v\n%s", err, out)
	}
}
