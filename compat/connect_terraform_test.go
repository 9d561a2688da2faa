package compat

import (
	"strings"
	"testing"
)

// TestTerraformVPN makes a VPN as code, changes it in place, and destroys it; nothing drifts.
func TestTerraformVPN(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "vpn.tf")
	at := d.internet()
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
	for what, query := range map[string]string{
		"describe-vpn-gateways": "VpnGateways[?State!='deleted'].VpnGatewayId", "describe-vpn-connections": "VpnConnections[?State!='deleted'].VpnConnectionId",
		"describe-customer-gateways": "CustomerGateways[?State!='deleted'].CustomerGatewayId",
	} {
		if left := at.aws(t, "ec2", what, "--query", query); left != "" {
			t.Errorf("after destroy %s still tells of %s", what, left)
		}
	}
}
