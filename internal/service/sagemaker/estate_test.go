package sagemaker

import (
	"path"

	"cloister/internal/value/shape/ec2"
)

// estate is what the world's ec2 tells of the customer's network. A test may change it before it begins.
type estate struct {
	subnets, zones, groups map[string]string // the VPC and the zone of a subnet, the VPC of a group
	free                   map[string]int    // addresses of a subnet
	tenancy                string
	options                map[string]string // of the VPCs' DHCP options
}

func newEstate() *estate {
	return &estate{
		subnets: map[string]string{"subnet-1": "vpc-1", "subnet-2": "vpc-1"}, zones: map[string]string{"subnet-1": "a", "subnet-2": "b"},
		groups: map[string]string{"sg-1": "vpc-1"}, free: map[string]int{"subnet-1": 1000, "subnet-2": 1000}, tenancy: "default",
		options: map[string]string{"domain-name": "ec2.internal", "domain-name-servers": "AmazonProvidedDNS"},
	}
}

// answer is nil for what it does not know.
func (e *estate) answer(w *world, in any) any {
	switch in := in.(type) {
	case *ec2.CreateNetworkInterfacePermissionRequest:
		return &ec2.CreateNetworkInterfacePermissionResult{}
	case *ec2.DescribeSubnetsRequest:
		out := &ec2.DescribeSubnetsResult{}
		for _, id := range in.SubnetIds {
			out.Subnets = append(out.Subnets, ec2.Subnet{SubnetId: &id, VpcId: new(e.subnets[id]), AvailabilityZone: new(e.zones[id]), AvailableIpAddressCount: new(int32(e.free[id]))})
		}
		return out
	case *ec2.DescribeSecurityGroupsRequest:
		out := &ec2.DescribeSecurityGroupsResult{}
		for _, id := range in.GroupIds {
			out.SecurityGroups = append(out.SecurityGroups, ec2.SecurityGroup{GroupId: &id, VpcId: new(e.groups[id])})
		}
		return out
	case *ec2.DescribeVpcsRequest:
		return &ec2.DescribeVpcsResult{Vpcs: []ec2.Vpc{{VpcId: &in.VpcIds[0], InstanceTenancy: &e.tenancy, DhcpOptionsId: new("dopt-1")}}}
	case *ec2.DescribeDhcpOptionsRequest:
		var all []ec2.DhcpConfiguration
		for k, v := range e.options {
			all = append(all, ec2.DhcpConfiguration{Key: &k, Values: []ec2.AttributeValue{{Value: &v}}})
		}
		return &ec2.DescribeDhcpOptionsResult{DhcpOptions: []ec2.DhcpOptions{{DhcpConfigurations: all}}}
	case *ec2.DescribeNetworkInterfacesRequest:
		out := &ec2.DescribeNetworkInterfacesResult{}
		for id, i := range w.interfaces {
			if in.NetworkInterfaceIds != nil && in.NetworkInterfaceIds[0] != id || in.NetworkInterfaceIds == nil && !like(*i.Description, in.Filters[0].Values[0]) {
				continue
			}
			shown := *i
			shown.PrivateIpAddress = new(w.addressOf(id).String())
			out.NetworkInterfaces = append(out.NetworkInterfaces, shown)
		}
		return out
	}
	return nil
}

// like compares with a pattern in which only * and ? mean something.
func like(s, pattern string) bool {
	escaped := ""
	for _, r := range pattern {
		if r == '[' || r == ']' || r == '\\' {
			escaped += "\\"
		}
		escaped += string(r)
	}
	slashless := func(s string) string { // to path.Match, / is no letter
		out := []rune(s)
		for i, r := range out {
			if r == '/' {
				out[i] = '\x00'
			}
		}
		return string(out)
	}
	ok, _ := path.Match(slashless(escaped), slashless(s))
	return ok
}
