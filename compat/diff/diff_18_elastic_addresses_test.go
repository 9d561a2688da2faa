package diff

import (
	"net/netip"
	"testing"
)

// TestDiff18ElasticAddresses: they are of a range that nobody has, and nothing gets one by itself.
func TestDiff18ElasticAddresses(t *testing.T) {
	_, subnet, _ := network(t)
	root.query(t, "ec2", "ModifySubnetAttribute", "SubnetId", subnet, "MapPublicIpOnLaunch.Value", "true").good(t)
	if got := root.query(t, "ec2", "DescribeSubnets", "SubnetId.1", subnet).good(t).one(t, "mapPublicIpOnLaunch"); got != "true" {
		t.Errorf("mapPublicIpOnLaunch is %s", got)
	}
	if got := root.query(t, "ec2", "CreateNetworkInterface", "SubnetId", subnet).good(t).all("publicIp"); len(got) > 0 {
		t.Errorf("public addresses %q", got)
	}
	made := root.query(t, "ec2", "AllocateAddress", "Domain", "vpc").good(t)
	id, public := made.one(t, "allocationId"), made.one(t, "publicIp")
	t.Cleanup(func() { root.query(t, "ec2", "ReleaseAddress", "AllocationId", id).good(t) })
	if !netip.MustParsePrefix("198.18.0.0/15").Contains(netip.MustParseAddr(public)) {
		t.Errorf("the address is %s", public)
	}
	root.query(t, "ec2", "ModifyAddressAttribute", "AllocationId", id, "DomainName", "a.example.com").fault(t, 400, "InvalidAction", "")
	root.query(t, "ec2", "AllocateAddress", "Address", "198.18.0.1").fault(t, 400, "UnsupportedOperation", "The parameter Address is not supported.")
}
