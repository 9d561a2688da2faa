package diff

import (
	"slices"
	"testing"
)

// TestDiff12NoDefaultVPC: a new account has no VPC, and DescribeAccountAttributes tells three things.
func TestDiff12NoDefaultVPC(t *testing.T) {
	if got := root.query(t, "ec2", "DescribeVpcs", "Filter.1.Name", "is-default", "Filter.1.Value.1", "true").good(t).all("vpcId"); len(got) > 0 {
		t.Errorf("default VPCs %q", got)
	}
	a := root.query(t, "ec2", "DescribeAccountAttributes").good(t)
	if got := a.all("attributeName"); !slices.Equal(got, []string{"supported-platforms", "default-vpc", "vpc-max-security-groups-per-interface"}) {
		t.Errorf("attributes %q", got)
	}
	if got := a.all("attributeValue"); len(got) != 3 || got[1] != "none" {
		t.Errorf("values %q", got)
	}
	root.query(t, "ec2", "CreateDefaultVpc").fault(t, 400, "InvalidAction", "")
}
