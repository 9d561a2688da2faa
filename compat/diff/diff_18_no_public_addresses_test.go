package diff

import "testing"

// TestDiff18NoPublicAddresses: a subnet remembers that it gives public addresses, and none is given.
func TestDiff18NoPublicAddresses(t *testing.T) {
	_, subnet, _ := network(t)
	root.query(t, "ec2", "ModifySubnetAttribute", "SubnetId", subnet, "MapPublicIpOnLaunch.Value", "true").good(t)
	if got := root.query(t, "ec2", "DescribeSubnets", "SubnetId.1", subnet).good(t).one(t, "mapPublicIpOnLaunch"); got != "true" {
		t.Errorf("mapPublicIpOnLaunch is %s", got)
	}
	if got := root.query(t, "ec2", "CreateNetworkInterface", "SubnetId", subnet).good(t).all("publicIp"); len(got) > 0 {
		t.Errorf("public addresses %q", got)
	}
	root.query(t, "ec2", "AllocateAddress", "Domain", "vpc").fault(t, 400, "InvalidAction", "")
}
