package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "ModifyVpcEndpoint", func(c *api.Call, in *shape.ModifyVpcEndpointRequest) []api.Check {
	const action = "ModifyVpcEndpoint"
	out := []api.Check{check(c, action, "vpc-endpoint", str(in.VpcEndpointId))}
	out = append(out, each(c, action, "subnet", slices.Concat(in.AddSubnetIds, in.RemoveSubnetIds))...)
	out = append(out, each(c, action, "security-group", slices.Concat(in.AddSecurityGroupIds, in.RemoveSecurityGroupIds))...)
	return append(out, each(c, action, "route-table", slices.Concat(in.AddRouteTableIds, in.RemoveRouteTableIds))...)
}, (*Service).modifyVpcEndpoint)

func (s *Service) modifyVpcEndpoint(ctx context.Context, c *api.Call, in *shape.ModifyVpcEndpointRequest) (*shape.ModifyVpcEndpointResult, error) {
	err := begin(in, "VpcEndpointId", "ResetPolicy", "PolicyDocument", "AddRouteTableIds", "RemoveRouteTableIds", "AddSubnetIds", "RemoveSubnetIds",
		"AddSecurityGroupIds", "RemoveSecurityGroupIds", "IpAddressType", "DnsOptions", "PrivateDnsEnabled", "SubnetConfigurations")
	if err != nil {
		return nil, err
	}
	policy, principals := str(in.PolicyDocument), map[string]string(nil)
	if policy != "" {
		if yes(in.ResetPolicy) {
			return nil, invalidCombination.New("The parameter ResetPolicy may not be used in combination with PolicyDocument")
		}
		if principals, err = s.checkPolicy(policy); err != nil {
			return nil, err
		}
	}
	return &shape.ModifyVpcEndpointResult{Return: new(true)}, s.change(ctx, func(tx *store.Tx) error {
		e, err := endpoints.get(tx, c.Account(), str(in.VpcEndpointId))
		if err != nil {
			return err
		}
		if e.State == deleting {
			return endpoints.missing(e.ID)
		}
		if err := onlyIPv4(e.Gateway, in.IpAddressType, in.DnsOptions); err != nil {
			return err
		}
		e.setRecordType(in.DnsOptions)
		v, err := vpcs.get(tx, c.Account(), e.VPC)
		if err != nil {
			return err
		}
		if err := s.modify(tx, v, e, in); err != nil {
			return err
		}
		if row, ok := e.row(s.Region); ok && row.NoPolicy && policy != "" {
			return noPolicy(e.Service)
		}
		if policy != "" || yes(in.ResetPolicy) {
			e.Policy, e.Principals = policy, principals
			if err := s.announce(tx, e); err != nil {
				return err
			}
		}
		return endpoints.put(tx, e)
	})
}

func (s *Service) modify(tx *store.Tx, v *vpc, e *endpoint, in *shape.ModifyVpcEndpointRequest) error {
	err := forKind(e.Gateway, slices.Concat(in.AddRouteTableIds, in.RemoveRouteTableIds),
		slices.Concat(in.AddSubnetIds, in.RemoveSubnetIds, configured(in.SubnetConfigurations)),
		slices.Concat(in.AddSecurityGroupIds, in.RemoveSecurityGroupIds), yes(in.PrivateDnsEnabled))
	if err != nil {
		return err
	}
	if e.Gateway {
		return modifyRoutes(tx, v, e, in)
	}
	if err := s.modifyGroups(tx, v, e, in); err != nil {
		return err
	}
	if err := s.modifySubnets(tx, v, e, in); err != nil {
		return err
	}
	if in.PrivateDnsEnabled != nil {
		if *in.PrivateDnsEnabled && !e.PrivateDNS {
			if err := s.renamed(tx, e); err != nil {
				return err
			}
			if err := s.private(tx, v, e); err != nil {
				return err
			}
		}
		e.PrivateDNS = *in.PrivateDnsEnabled
	}
	return nil
}

func modifyRoutes(tx *store.Tx, v *vpc, e *endpoint, in *shape.ModifyVpcEndpointRequest) error {
	for _, id := range in.RemoveRouteTableIds {
		if err := routeTables.valid(id); err != nil {
			return err
		}
		if !slices.Contains(e.Tables, id) {
			return routeTables.missing(id)
		}
	}
	add := distinct(in.AddRouteTableIds)
	if err := routable(tx, v, e, add); err != nil {
		return err
	}
	e.Tables = distinct(append(without(e.Tables, in.RemoveRouteTableIds), add...))
	return nil
}

// modifyGroups changes the groups of an endpoint and of its interfaces, which always have the same.
func (s *Service) modifyGroups(tx *store.Tx, v *vpc, e *endpoint, in *shape.ModifyVpcEndpointRequest) error {
	if len(in.AddSecurityGroupIds)+len(in.RemoveSecurityGroupIds) == 0 {
		return nil
	}
	for _, id := range in.RemoveSecurityGroupIds {
		if !slices.Contains(e.Groups, id) {
			return groups.missing(id)
		}
	}
	now := distinct(append(without(e.Groups, in.RemoveSecurityGroupIds), in.AddSecurityGroupIds...))
	if len(now) == 0 {
		return invalidParameter.New("An interface VPC endpoint must have at least one security group.")
	}
	var err error
	if e.Groups, err = s.usable(tx, v, now, firstOf(e.Subnets)); err != nil {
		return err
	}
	own, err := enis.where(tx, e.Account, func(i *eni) bool { return i.Endpoint == e.ID })
	if err != nil {
		return err
	}
	for _, i := range own {
		i.Groups = e.Groups
		if err := enis.put(tx, i); err != nil {
			return err
		}
	}
	return nil
}

// modifySubnets gives an endpoint an interface in each new subnet and takes away those of the
// subnets it leaves; one whose address is pinned anew is made anew.
func (s *Service) modifySubnets(tx *store.Tx, v *vpc, e *endpoint, in *shape.ModifyVpcEndpointRequest) error {
	for _, id := range in.RemoveSubnetIds {
		if err := subnets.valid(id); err != nil {
			return err
		}
		if !slices.Contains(e.Subnets, id) {
			return subnets.missing(id)
		}
	}
	now := append(without(e.Subnets, in.RemoveSubnetIds), in.AddSubnetIds...)
	nets, err := subnetsOf(tx, v, now)
	if err != nil {
		return err
	}
	if err := s.suppliedIn(tx, e, in.AddSubnetIds); err != nil {
		return err
	}
	pinned, err := pins(in.SubnetConfigurations, now)
	if err != nil {
		return err
	}
	own, err := enis.where(tx, e.Account, func(i *eni) bool { return i.Endpoint == e.ID })
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, i := range own {
		want := pinned[i.Subnet]
		if slices.Contains(now, i.Subnet) && (want == "" || want == i.Address.String()) {
			has[i.Subnet] = true
			continue
		}
		if err := enis.remove(tx, i); err != nil {
			return err
		}
	}
	e.Subnets = now
	for _, n := range nets {
		if has[n.ID] {
			continue
		}
		if err := attach(tx, e, n, pinned); err != nil {
			return err
		}
	}
	return nil
}
