package ec2

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeAvailabilityZones",
	describes[shape.DescribeAvailabilityZonesRequest]("DescribeAvailabilityZones"), (*Service).describeAvailabilityZones)

func (s *Service) describeAvailabilityZones(_ context.Context, _ *api.Call, in *shape.DescribeAvailabilityZonesRequest) (*shape.DescribeAvailabilityZonesResult, error) {
	if err := begin(in, "ZoneNames", "ZoneIds", "AllAvailabilityZones", "Filters"); err != nil {
		return nil, err
	}
	all := zones(s.Region)
	for _, wanted := range slices.Concat(in.ZoneNames, in.ZoneIds) {
		if !slices.ContainsFunc(all, func(z zone) bool { return z.Name == wanted || z.ID == wanted }) {
			return nil, invalidValue.New("Invalid availability zone: [%s]", wanted)
		}
	}
	all = slices.DeleteFunc(all, func(z zone) bool {
		return len(in.ZoneNames) > 0 && !slices.Contains(in.ZoneNames, z.Name) || len(in.ZoneIds) > 0 && !slices.Contains(in.ZoneIds, z.ID)
	})
	always := func(v string) func(zone) []string { return func(zone) []string { return []string{v} } }
	page, err := sift(all, func(z zone) string { return z.Name }, nil, query{filters: in.Filters}, fields[zone]{
		"zone-name": one(func(z zone) string { return z.Name }), "zone-id": one(func(z zone) string { return z.ID }),
		"state": always(available), "region-name": always(s.Region), "group-name": always(s.zoneGroup()), "zone-type": always("availability-zone"),
		"opt-in-status": always("opt-in-not-required"), "message": never[zone],
		"group-long-name": always(s.zoneGroupName()), "parent-zone-id": never[zone], "parent-zone-name": never[zone],
	})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeAvailabilityZonesResult{AvailabilityZones: []shape.AvailabilityZone{}}
	for _, z := range page.items {
		out.AvailabilityZones = append(out.AvailabilityZones, shape.AvailabilityZone{
			ZoneName: &z.Name, ZoneId: &z.ID, RegionName: &s.Region, State: new(available), ZoneType: new("availability-zone"),
			OptInStatus: new("opt-in-not-required"), GroupName: new(s.zoneGroup()), GroupLongName: new(s.zoneGroupName()), NetworkBorderGroup: &s.Region,
			Messages: []shape.AvailabilityZoneMessage{},
		})
	}
	return out, nil
}

// zoneGroup is the group of a region's ordinary zones: us-east-1-zg-1.
func (s *Service) zoneGroup() string { return s.Region + "-zg-1" }

// zoneGroupName is that group's name for people: US East (N. Virginia) 1.
func (s *Service) zoneGroupName() string {
	place := map[string]string{
		"us-east-1": "US East (N. Virginia)", "us-east-2": "US East (Ohio)", "us-west-1": "US West (N. California)", "us-west-2": "US West (Oregon)",
		"us-gov-east-1": "AWS GovCloud (US-East)", "us-gov-west-1": "AWS GovCloud (US-West)", "ca-central-1": "Canada (Central)",
		"eu-central-1": "Europe (Frankfurt)", "eu-west-1": "Europe (Ireland)", "eu-west-2": "Europe (London)", "eu-west-3": "Europe (Paris)",
		"eu-north-1": "Europe (Stockholm)", "ap-northeast-1": "Asia Pacific (Tokyo)", "ap-northeast-2": "Asia Pacific (Seoul)",
		"ap-south-1": "Asia Pacific (Mumbai)", "ap-southeast-1": "Asia Pacific (Singapore)", "ap-southeast-2": "Asia Pacific (Sydney)",
		"sa-east-1": "South America (Sao Paulo)",
	}[s.Region]
	if place == "" {
		place = s.Region
	}
	return place + " 1"
}

var _ = api.Define(operations, "DescribeRegions", describes[shape.DescribeRegionsRequest]("DescribeRegions"), (*Service).describeRegions)

// describeRegions shows the regions that are served here.
func (s *Service) describeRegions(_ context.Context, _ *api.Call, in *shape.DescribeRegionsRequest) (*shape.DescribeRegionsResult, error) {
	if err := begin(in, "RegionNames", "AllRegions", "Filters"); err != nil {
		return nil, err
	}
	for _, r := range in.RegionNames {
		if !slices.Contains(s.Regions, r) {
			return nil, invalidValue.New("Invalid region names: [%s]", strings.Join(in.RegionNames, ", "))
		}
	}
	named := slices.DeleteFunc(slices.Sorted(slices.Values(s.Regions)), func(r string) bool {
		return len(in.RegionNames) > 0 && !slices.Contains(in.RegionNames, r)
	})
	endpoint := func(r string) string { return "ec2." + r + ".amazonaws.com" }
	page, err := sift(named, func(r string) string { return r }, nil, query{filters: in.Filters}, fields[string]{
		"region-name": one(func(r string) string { return r }), "endpoint": one(endpoint),
		"opt-in-status": one(func(string) string { return "opt-in-not-required" }),
	})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeRegionsResult{Regions: []shape.Region{}}
	for _, r := range page.items {
		out.Regions = append(out.Regions, shape.Region{RegionName: new(r), Endpoint: new(endpoint(r)), OptInStatus: new("opt-in-not-required")})
	}
	return out, nil
}

var _ = api.Define(operations, "DescribeAccountAttributes",
	describes[shape.DescribeAccountAttributesRequest]("DescribeAccountAttributes"), (*Service).describeAccountAttributes)

func (s *Service) describeAccountAttributes(ctx context.Context, c *api.Call, in *shape.DescribeAccountAttributesRequest) (*shape.DescribeAccountAttributesResult, error) {
	if err := begin(in, "AttributeNames"); err != nil {
		return nil, err
	}
	own := "none"
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		v, err := defaultVPC(tx, c.Account())
		if v != nil {
			own = v.ID
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeAccountAttributesResult{AccountAttributes: []shape.AccountAttribute{}}
	for _, a := range [][2]string{
		{"supported-platforms", "VPC"}, {"default-vpc", own}, {"vpc-max-security-groups-per-interface", text(s.Quotas.GroupsPerInterface)},
		{"max-elastic-ips", text(s.Quotas.Addresses)}, {"vpc-max-elastic-ips", text(s.Quotas.Addresses)},
	} {
		if len(in.AttributeNames) == 0 || slices.Contains(in.AttributeNames, a[0]) {
			out.AccountAttributes = append(out.AccountAttributes, shape.AccountAttribute{
				AttributeName: new(a[0]), AttributeValues: []shape.AccountAttributeValue{{AttributeValue: new(a[1])}},
			})
		}
	}
	return out, nil
}
