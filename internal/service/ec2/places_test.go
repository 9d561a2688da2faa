package ec2

import (
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func TestPlaces(t *testing.T) {
	h := newHouse(t)
	zones := must[shape.DescribeAvailabilityZonesResult](h, "DescribeAvailabilityZones", &shape.DescribeAvailabilityZonesRequest{Filters: []shape.Filter{filter("state", "available")}}).AvailabilityZones
	if len(zones) != 3 || *zones[1].ZoneName != "us-east-1b" || *zones[1].ZoneId != "use1-az2" || *zones[1].OptInStatus != "opt-in-not-required" {
		t.Errorf("zones %+v", zones)
	}
	if one := must[shape.DescribeAvailabilityZonesResult](h, "DescribeAvailabilityZones", &shape.DescribeAvailabilityZonesRequest{ZoneIds: []string{"use1-az3"}}).AvailabilityZones; len(one) != 1 || *one[0].ZoneName != "us-east-1c" {
		t.Errorf("by id: %+v", one)
	}
	refused[shape.DescribeAvailabilityZonesResult](h, "DescribeAvailabilityZones", &shape.DescribeAvailabilityZonesRequest{ZoneNames: []string{"us-east-1z"}}, "InvalidParameterValue", "")
	if r := must[shape.DescribeRegionsResult](h, "DescribeRegions", &shape.DescribeRegionsRequest{}).Regions; len(r) != 1 || *r[0].Endpoint != "ec2.us-east-1.amazonaws.com" {
		t.Errorf("regions %+v", r)
	}
	refused[shape.DescribeRegionsResult](h, "DescribeRegions", &shape.DescribeRegionsRequest{RegionNames: []string{"moon-1"}}, "InvalidParameterValue", "")
	if a := must[shape.DescribeAccountAttributesResult](h, "DescribeAccountAttributes", &shape.DescribeAccountAttributesRequest{AttributeNames: []string{"default-vpc"}}).AccountAttributes; len(a) != 1 || *a[0].AttributeValues[0].AttributeValue != "none" {
		t.Errorf("attributes %+v", a)
	}
	entries := must[shape.GetManagedPrefixListEntriesResult](h, "GetManagedPrefixListEntries", &shape.GetManagedPrefixListEntriesRequest{PrefixListId: new("pl-63a5400a")}).Entries
	if len(entries) != 2 {
		t.Errorf("prefix list entries %+v", entries)
	}
}

func TestZonePrefix(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "use1", "eu-central-2": "euc2", "ap-southeast-3": "apse3", "ap-northeast-1": "apne1", "us-gov-west-1": "usgw1", "ca-central-1": "cac1",
	} {
		if got := zonePrefix(region); got != want {
			t.Errorf("%s is %s, want %s", region, got, want)
		}
	}
}
