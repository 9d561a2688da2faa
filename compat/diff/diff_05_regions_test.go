package diff

import (
	"slices"
	"testing"
)

// TestDiff05Regions: there are the regions of the configuration, here one; the first credentials are those of the account
// that it was started with. TestRegions has two.
func TestDiff05Regions(t *testing.T) {
	if who := root.query(t, "sts", "GetCallerIdentity").good(t).one(t, "Arn"); who != "arn:aws:iam::"+account+":root" {
		t.Errorf("the first credentials are those of %s", who)
	}
	if names := root.query(t, "ec2", "DescribeRegions", "AllRegions", "true").good(t).all("regionName"); !slices.Equal(names, []string{region}) {
		t.Errorf("regions %q", names)
	}
	root.query(t, "ec2", "DescribeRegions", "RegionName.1", "eu-west-1").fault(t, 400, "InvalidParameterValue", "Invalid region names: [eu-west-1]")
	root.query(t, "ec2", "DescribeVpcEndpointServices", "ServiceRegion.1", "eu-west-1").
		fault(t, 400, "UnsupportedOperation", "Services of the region eu-west-1 are not supported.")
}
