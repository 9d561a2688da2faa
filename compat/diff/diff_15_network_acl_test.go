package diff

import "testing"

// TestDiff15NetworkACL: an entry for IPv6 is taken and told back.
func TestDiff15NetworkACL(t *testing.T) {
	vpc, _, _ := network(t)
	id := root.query(t, "ec2", "CreateNetworkAcl", "VpcId", vpc).good(t).one(t, "networkAclId")
	root.query(t, "ec2", "CreateNetworkAclEntry", "NetworkAclId", id, "RuleNumber", "1", "Protocol", "-1", "RuleAction", "allow", "Egress", "false", "Ipv6CidrBlock", "::/0").good(t)
	got := root.query(t, "ec2", "DescribeNetworkAcls", "NetworkAclId.1", id).good(t)
	if six := got.all("ipv6CidrBlock"); len(six) != 1 || six[0] != "::/0" {
		t.Errorf("entries for IPv6 %q", six)
	}
	root.query(t, "ec2", "DeleteNetworkAcl", "NetworkAclId", id).good(t)
}
