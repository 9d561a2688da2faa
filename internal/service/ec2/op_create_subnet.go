package ec2

import (
	"context"
	"net/netip"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateSubnet", func(c *api.Call, in *shape.CreateSubnetRequest) []api.Check {
	return append(creates(c, "CreateSubnet", "subnet", in.TagSpecifications), check(c, "CreateSubnet", "vpc", str(in.VpcId)))
}, (*Service).createSubnet)

func (s *Service) createSubnet(ctx context.Context, c *api.Call, in *shape.CreateSubnetRequest) (*shape.CreateSubnetResult, error) {
	if err := begin(in, "VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId", "TagSpecifications"); err != nil {
		return nil, err
	}
	if err := need("cidrBlock", str(in.CidrBlock)); err != nil {
		return nil, err
	}
	cidr, err := parseCIDR("cidrBlock", *in.CidrBlock)
	if err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "subnet")
	if err != nil {
		return nil, err
	}
	var n *subnet
	err = s.change(ctx, func(tx *store.Tx) error {
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		others, err := subnets.where(tx, c.Account(), func(o *subnet) bool { return o.VPC == v.ID })
		if err != nil {
			return err
		}
		if err := s.fits(v, cidr, *in.CidrBlock, others); err != nil {
			return err
		}
		zone, err := s.subnetZone(str(in.AvailabilityZone), str(in.AvailabilityZoneId), len(others))
		if err != nil {
			return err
		}
		n = &subnet{head: subnets.begin(tx, c.Account(), tags), VPC: v.ID, CIDR: cidr, Zone: zone, ACLAssociation: newID("aclassoc-")}
		return subnets.put(tx, n)
	})
	if err != nil {
		return nil, err
	}
	return &shape.CreateSubnetResult{Subnet: new(s.awsSubnet(n, capacity(n.CIDR)))}, nil
}

// fits says why a range cannot be a new subnet of a VPC.
func (s *Service) fits(v *vpc, cidr netip.Prefix, given string, others []*subnet) error {
	if !sized(cidr) || !v.holds(cidr) {
		return subnetRange.New("The CIDR '%s' is invalid.", given)
	}
	for _, o := range others {
		if o.CIDR.Overlaps(cidr) {
			return subnetConflict.New("The CIDR '%s' conflicts with another subnet", given)
		}
	}
	if len(others) >= s.Quotas.SubnetsPerVPC {
		return subnetLimit.New("The maximum number of subnets has been reached.")
	}
	return nil
}

// subnetZone gives the zone that was named, or one of the region's in turn.
func (s *Service) subnetZone(name, id string, turn int) (string, error) {
	all := zones(s.Region)
	if name == "" && id == "" {
		return all[turn%len(all)].Name, nil
	}
	if name != "" && id != "" {
		return "", invalidCombination.New("The parameters availabilityZone and availabilityZoneId cannot be used together")
	}
	for _, z := range all {
		if z.Name == name || z.ID == id {
			return z.Name, nil
		}
	}
	if name == "" {
		return "", invalidValue.New("Value (%s) for parameter availabilityZoneId is invalid. Subnets can currently only be created in the following availability zones: %s.", id, zoneIDs(all))
	}
	return "", invalidValue.New("Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.", name, zoneNames(all))
}
