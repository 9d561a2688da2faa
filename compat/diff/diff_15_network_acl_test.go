package diff

import (
	"slices"
	"testing"
)

// TestDiff15NetworkACL: each VPC shows its default network ACL, and nobody can change it or make another.
func TestDiff15NetworkACL(t *testing.T) {
	vpc, _, _ := network(t)
	a := root.query(t, "ec2", "DescribeNetworkAcls", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc).good(t)
	if got := a.all("ruleAction"); !slices.Equal(got, []string{"allow", "deny", "allow", "deny"}) {
		t.Errorf("entries %q", got)
	}
	id := a.one(t, "networkAclId")
	root.query(t, "ec2", "CreateNetworkAclEntry", "NetworkAclId", id, "RuleNumber", "1", "Protocol", "-1", "RuleAction", "deny", "Egress", "false", "CidrBlock", "0.0.0.0/0").
		fault(t, 400, "InvalidAction", "")
	root.query(t, "ec2", "CreateNetworkAcl", "VpcId", vpc).fault(t, 400, "InvalidAction", "")
}
