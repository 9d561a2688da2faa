package sagemaker

import (
	"context"
	"fmt"

	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/sagemaker"
)

// place is what a job or an instance asks of a VPC before interfaces are made for it there.
type place struct {
	vpc   *sagemaker.VpcConfig
	types []string // of its instances
	// marked is a pattern of the descriptions of its own interfaces: what those have taken is not missing.
	marked string
	// hosts serve: they have to be in two zones, and the VPC's tenancy and DHCP options do not matter.
	hosts bool
}

// admit says why a VPC cannot have what is asked of it. The role looks, with its own permissions.
func (s *Service) admit(ctx context.Context, as caller.Caller, p place) error {
	nets, vpc, err := s.admitSubnets(ctx, as, p)
	if err != nil {
		return err
	}
	if err := s.admitGroups(ctx, as, p.vpc.SecurityGroupIds, vpc); err != nil {
		return err
	}
	if err := s.admitVPC(ctx, as, p, vpc); err != nil {
		return err
	}
	return s.admitAddresses(ctx, as, p, nets)
}

// look asks EC2 as the role. What it refuses is the reason why the job fails.
func look[Out any](ctx context.Context, s *Service, as caller.Caller, name, what string, in any) (*Out, error) {
	out, err := api.CallAs[Out](ctx, s.Client, as, "ec2", name, in)
	if f, ok := fault.As(err); ok {
		return nil, fails("ClientError: Unable to describe %s: %s", what, f.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", what, err)
	}
	return out, nil
}

// admitSubnets finds the subnets and the one VPC that they are in.
func (s *Service) admitSubnets(ctx context.Context, as caller.Caller, p place) (nets []ec2.Subnet, vpc string, err error) {
	out, err := look[ec2.DescribeSubnetsResult](ctx, s, as, "DescribeSubnets", "the subnets of the VPC", &ec2.DescribeSubnetsRequest{SubnetIds: p.vpc.Subnets})
	if err != nil {
		return nil, "", err
	}
	if len(out.Subnets) == 0 {
		return nil, "", fails("ClientError: VpcConfig has no subnet.")
	}
	zones := map[string]bool{}
	for _, n := range out.Subnets {
		if first := out.Subnets[0]; text(n.VpcId) != text(first.VpcId) {
			return nil, "", fails("ClientError: The subnets are in different VPCs: %s in %s, %s in %s. All have to be in the same VPC.",
				text(first.SubnetId), text(first.VpcId), text(n.SubnetId), text(n.VpcId))
		}
		zones[text(n.AvailabilityZone)] = true
	}
	if p.hosts && len(zones) < 2 {
		return nil, "", fails("Unable to locate at least 2 availability zone(s) with the requested instance type %s that overlap with SageMaker subnets.", p.types[0])
	}
	return out.Subnets, text(out.Subnets[0].VpcId), nil
}

func (s *Service) admitGroups(ctx context.Context, as caller.Caller, ids []string, vpc string) error {
	out, err := look[ec2.DescribeSecurityGroupsResult](ctx, s, as, "DescribeSecurityGroups", "the security groups of the VPC", &ec2.DescribeSecurityGroupsRequest{GroupIds: ids})
	if err != nil {
		return err
	}
	for _, g := range out.SecurityGroups {
		if text(g.VpcId) != vpc {
			return fails("ClientError: The security group %s is in %s, and the subnets are in %s. All have to be in the same VPC.", text(g.GroupId), text(g.VpcId), vpc)
		}
	}
	return nil
}

// admitVPC looks at the tenancy, which has to be default, and at the DHCP options, which have to name servers and a domain.
func (s *Service) admitVPC(ctx context.Context, as caller.Caller, p place, id string) error {
	out, err := look[ec2.DescribeVpcsResult](ctx, s, as, "DescribeVpcs", "the VPC "+id, &ec2.DescribeVpcsRequest{VpcIds: []string{id}})
	if err != nil {
		return err
	}
	if len(out.Vpcs) != 1 {
		return fmt.Errorf("describe %s: %d VPCs", id, len(out.Vpcs))
	}
	v := out.Vpcs[0]
	if tenancy := text(v.InstanceTenancy); !p.hosts && tenancy != "default" {
		return fails("ClientError: %s has %s tenancy. Only subnets of a VPC with default tenancy can be used.", id, tenancy)
	}
	options := text(v.DhcpOptionsId)
	if options == "" || options == "default" { // the VPC has none
		return nil
	}
	dhcp, err := look[ec2.DescribeDhcpOptionsResult](ctx, s, as, "DescribeDhcpOptions", "the DHCP options of the VPC", &ec2.DescribeDhcpOptionsRequest{DhcpOptionsIds: []string{options}})
	if err != nil || p.hosts {
		return err
	}
	keys := map[string][]string{}
	for _, d := range dhcp.DhcpOptions {
		for _, c := range d.DhcpConfigurations {
			for _, v := range c.Values {
				keys[text(c.Key)] = append(keys[text(c.Key)], text(v.Value))
			}
		}
	}
	const servers, domain = "domain-name-servers", "domain-name"
	if len(keys[servers]) > 0 && len(keys[domain]) > 0 {
		return nil
	}
	return fails("ClientError: expected DHCP options to include keys %s and %s, but missing one or more attributes: {DhcpOptionsId:%s DomainNameServers:%v DomainName:%v}."+
		"Please refer to https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSet.html for more details", servers, domain, options, keys[servers], keys[domain])
}

// admitAddresses counts the free addresses of all subnets together.
func (s *Service) admitAddresses(ctx context.Context, as caller.Caller, p place, nets []ec2.Subnet) error {
	free, need := 0, 0
	for _, n := range nets {
		free += int(number(n.AvailableIpAddressCount, 0))
	}
	for _, t := range p.types {
		need += s.addressesOf(t)
	}
	if free >= need {
		return nil
	}
	own, err := look[ec2.DescribeNetworkInterfacesResult](ctx, s, as, "DescribeNetworkInterfaces", "the network interfaces of the VPC", &ec2.DescribeNetworkInterfacesRequest{
		Filters: []ec2.Filter{{Name: new("description"), Values: []string{p.marked}}},
	})
	if err != nil || free+len(own.NetworkInterfaces) >= need {
		return err
	}
	return fails("ClientError: The subnets have %d free private IP addresses and %d are needed, %d for each instance.", free, need, s.addressesOf(p.types[0]))
}
