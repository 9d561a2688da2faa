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
	initialise(t, terraform, dir, "main.tf")
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

// TestTerraformWaysOut makes every way out of a VPC as code, changes it, and destroys it; nothing drifts.
func TestTerraformWaysOut(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "ways.tf")
	at := d.internet()
	before := at.must(t, "aws", "ec2", "describe-internet-gateways", "--query", "InternetGateways[].InternetGatewayId", "--output", "text")
	for _, changed := range []string{"changed=false", "changed=true"} {
		run := func(args ...string) {
			t.Helper()
			at.must(t, append(append([]string{terraform, "-chdir=" + dir}, args...), "-no-color", "-input=false", "-var", changed)...)
		}
		run("apply", "-auto-approve")
		if out, err := at.try(terraform, "-chdir="+dir, "plan", "-detailed-exitcode", "-no-color", "-input=false", "-var", changed); err != nil {
			t.Fatalf("%s: the second plan is not empty: %v\n%s", changed, err, out)
		}
	}
	at.must(t, terraform, "-chdir="+dir, "destroy", "-auto-approve", "-no-color", "-input=false")
	for what, query := range map[string]string{
		"describe-addresses": "Addresses[].AllocationId", "describe-nat-gateways": "NatGateways[?State!='deleted'].NatGatewayId",
		"describe-vpc-peering-connections": "VpcPeeringConnections[?Status.Code!='deleted'].VpcPeeringConnectionId",
	} {
		if left := at.must(t, "aws", "ec2", what, "--query", query, "--output", "text"); left != "" {
			t.Errorf("after destroy %s still tells of %s", what, left)
		}
	}
	if after := at.must(t, "aws", "ec2", "describe-internet-gateways", "--query", "InternetGateways[].InternetGatewayId", "--output", "text"); after != before {
		t.Errorf("internet gateways were %q and are %q", before, after)
	}
}

// TestTerraformModule applies one configuration with every kind of resource of a private network, in the shape
// of the community's VPC module, changes it, and destroys it; nothing drifts and nothing is left.
func TestTerraformModule(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "module.tf")
	at := d.internet()
	left := map[string]string{
		"describe-vpcs": "Vpcs[].VpcId", "describe-subnets": "Subnets[].SubnetId", "describe-security-groups": "SecurityGroups[].GroupId",
		"describe-route-tables": "RouteTables[].RouteTableId", "describe-network-acls": "NetworkAcls[].NetworkAclId", "describe-network-interfaces": "NetworkInterfaces[].NetworkInterfaceId",
		"describe-vpc-endpoints": "VpcEndpoints[].VpcEndpointId", "describe-flow-logs": "FlowLogs[].FlowLogId", "describe-dhcp-options": "DhcpOptions[].DhcpOptionsId",
		"describe-managed-prefix-lists": "PrefixLists[].PrefixListId", "describe-addresses": "Addresses[].AllocationId", "describe-internet-gateways": "InternetGateways[].InternetGatewayId",
		"describe-nat-gateways": "NatGateways[?State!='deleted'].NatGatewayId", "describe-vpc-peering-connections": "VpcPeeringConnections[?Status.Code!='deleted'].VpcPeeringConnectionId",
		"describe-vpn-gateways": "VpnGateways[?State!='deleted'].VpnGatewayId", "describe-customer-gateways": "CustomerGateways[?State!='deleted'].CustomerGatewayId",
		"describe-vpn-connections": "VpnConnections[?State!='deleted'].VpnConnectionId",
	}
	all := func(what string) string {
		return at.must(t, "aws", "ec2", what, "--query", "sort("+left[what]+")", "--output", "text")
	}
	before := map[string]string{}
	for what := range left {
		before[what] = all(what)
	}
	for _, changed := range []string{"changed=false", "changed=true"} {
		at.must(t, terraform, "-chdir="+dir, "apply", "-auto-approve", "-no-color", "-input=false", "-var", changed)
		if out, err := at.try(terraform, "-chdir="+dir, "plan", "-detailed-exitcode", "-no-color", "-input=false", "-var", changed); err != nil {
			t.Fatalf("%s: the second plan is not empty: %v\n%s", changed, err, out)
		}
	}
	at.must(t, terraform, "-chdir="+dir, "destroy", "-auto-approve", "-no-color", "-input=false", "-var", "changed=true")
	for what := range left {
		if after := all(what); after != before[what] {
			t.Errorf("%s told of %q and after all of %q", what, before[what], after)
		}
	}
}

// initialise copies a configuration and fetches its provider: from a folder on this machine if there is
// one (CLOISTER_TERRAFORM_PLUGINS says where), else as Terraform does by itself. Without either the test is skipped.
func initialise(t *testing.T, terraform, dir, file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("terraform", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), text, 0o644); err != nil {
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
