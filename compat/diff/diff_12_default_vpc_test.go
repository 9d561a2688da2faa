package diff

import (
	"slices"
	"testing"
)

// TestDiff12DefaultVPC: a new account has a default VPC, and DescribeAccountAttributes tells five things.
func TestDiff12DefaultVPC(t *testing.T) {
	got := root.query(t, "ec2", "DescribeVpcs", "Filter.1.Name", "is-default", "Filter.1.Value.1", "true").good(t).all("vpcId")
	if len(got) != 1 {
		t.Fatalf("default VPCs %q", got)
	}
	a := root.query(t, "ec2", "DescribeAccountAttributes").good(t)
	if names := a.all("attributeName"); !slices.Equal(names, []string{"supported-platforms", "default-vpc", "vpc-max-security-groups-per-interface", "max-elastic-ips", "vpc-max-elastic-ips"}) {
		t.Errorf("attributes %q", names)
	}
	if values := a.all("attributeValue"); len(values) < 2 || values[1] != got[0] {
		t.Errorf("values %q", values)
	}
}
