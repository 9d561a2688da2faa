package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateVpc", func(c *api.Call, in *shape.CreateVpcRequest) []api.Check {
	return creates(c, "CreateVpc", "vpc", in.TagSpecifications, api.K("ec2:Tenancy", tenancy(in)))
}, (*Service).createVpc)

func (s *Service) createVpc(ctx context.Context, c *api.Call, in *shape.CreateVpcRequest) (*shape.CreateVpcResult, error) {
	if err := begin(in, "CidrBlock", "InstanceTenancy", "TagSpecifications"); err != nil {
		return nil, err
	}
	if tenancy(in) == "host" {
		return nil, invalidValue.New("The tenancy value host is not supported for VPCs.")
	}
	if err := need("cidrBlock", str(in.CidrBlock)); err != nil {
		return nil, err
	}
	cidr, err := parseCIDR("cidrBlock", *in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if !sized(cidr) {
		return nil, vpcRange.New("The CIDR '%s' is invalid.", *in.CidrBlock)
	}
	for _, r := range reserved {
		if r.Overlaps(cidr) {
			return nil, vpcRange.New("The CIDR '%s' is invalid.", *in.CidrBlock)
		}
	}
	tags, err := s.specified(in.TagSpecifications, "vpc")
	if err != nil {
		return nil, err
	}
	var v *vpc
	err = s.change(ctx, func(tx *store.Tx) (err error) {
		if n, err := countIn(tx, vpcs, c.Account(), func(*vpc) bool { return true }); err != nil || n >= s.Quotas.VPCs {
			return either(err, vpcLimit.New("The maximum number of VPCs has been reached."))
		}
		v = &vpc{
			head: vpcs.begin(tx, c.Account(), tags), CIDR: cidr, Association: newID("vpc-cidr-assoc-"), DNSSupport: true,
			DHCPOptionsID: dhcpOptions(c.Account()), Dedicated: tenancy(in) == "dedicated",
		}
		if err := s.ownDHCP(tx, c.Account()); err != nil {
			return err
		}
		return furnish(tx, v)
	})
	if err != nil {
		return nil, err
	}
	return &shape.CreateVpcResult{Vpc: new(awsVPC(v, pending))}, nil
}

// tenancy is that of the instances that a VPC would have. Nothing here stands on machines of its own, but jobs are not
// placed in a VPC that asks for that.
func tenancy(in *shape.CreateVpcRequest) string {
	if t := str(in.InstanceTenancy); t != "" {
		return t
	}
	return "default"
}

// either gives the error there is, or the fault.
func either(err, fault error) error {
	if err != nil {
		return err
	}
	return fault
}

// furnish writes a new VPC with what every VPC has: a main route table, a default
// security group and a default network ACL.
func furnish(tx *store.Tx, v *vpc) error {
	t := &routeTable{head: routeTables.begin(tx, v.Account, nil), VPC: v.ID, Main: newID("rtbassoc-")}
	g := &group{head: groups.begin(tx, v.Account, nil), VPC: v.ID, Name: "default", Description: "default VPC security group"}
	g.Rules = []rule{
		{ID: newID("sgr-"), Protocol: -1, From: -1, To: -1, Group: g.ID},
		{ID: newID("sgr-"), Protocol: -1, From: -1, To: -1, CIDR: anywhere, Egress: true},
	}
	a := defaultACL(tx, v)
	v.Table, v.Group, v.ACL = t.ID, g.ID, a.ID
	if err := acls.put(tx, a); err != nil {
		return err
	}
	if err := routeTables.put(tx, t); err != nil {
		return err
	}
	if err := groups.put(tx, g); err != nil {
		return err
	}
	return vpcs.put(tx, v)
}
