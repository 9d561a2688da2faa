package compat

import "testing"

// TestTerraformSupplier makes a service behind a load balancer and an endpoint of it as code, moves, renames
// and changes them, and destroys them; nothing drifts.
func TestTerraformSupplier(t *testing.T) {
	t.Parallel()
	terraform := needProgram(t, "terraform")
	d := own(t)
	dir := t.TempDir()
	initialise(t, terraform, dir, "supplier.tf")
	at := d.internet()
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
	for _, query := range [][]string{
		{"ec2", "describe-network-interfaces", "--query", "NetworkInterfaces[].Description"}, {"ec2", "describe-vpc-endpoint-service-configurations", "--query", "ServiceConfigurations[].ServiceId"},
		{"elbv2", "describe-load-balancers", "--query", "LoadBalancers[].LoadBalancerName"}, {"elbv2", "describe-target-groups", "--query", "TargetGroups[].TargetGroupName"},
	} {
		if left := at.aws(t, query...); left != "" {
			t.Errorf("after destroy %s %s tells of %s", query[0], query[1], left)
		}
	}
}
