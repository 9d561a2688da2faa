package ec2

import (
	"fmt"
	"testing"

	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
)

// The default VPC as the VPC guide describes it (facts privatelink 7.1).
func TestTheDefaultVPC(t *testing.T) {
	h := newHouse(t)
	for range 2 { // once only
		if err := h.Begin(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	all := must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{Filters: []shape.Filter{filter("is-default", "true")}}).Vpcs
	if len(all) != 1 || *all[0].CidrBlock != "172.31.0.0/16" || !*all[0].IsDefault {
		t.Fatalf("default VPCs %+v", all)
	}
	v := *all[0].VpcId
	nets := must[shape.DescribeSubnetsResult](h, "DescribeSubnets", &shape.DescribeSubnetsRequest{Filters: []shape.Filter{filter("default-for-az", "true")}}).Subnets
	if len(nets) != 3 || !*nets[0].MapPublicIpOnLaunch || !*nets[0].DefaultForAz {
		t.Errorf("subnets %+v", nets)
	}
	refused[shape.CreateDefaultVpcResult](h, "CreateDefaultVpc", &shape.CreateDefaultVpcRequest{}, "DefaultVpcAlreadyExists", "")
	refused[shape.CreateDefaultSubnetResult](h, "CreateDefaultSubnet", &shape.CreateDefaultSubnetRequest{AvailabilityZone: new(region + "a")}, "DefaultSubnetAlreadyExistsInAvailabilityZone", "")
	g := must[shape.CreateSecurityGroupResult](h, "CreateSecurityGroup", &shape.CreateSecurityGroupRequest{GroupName: new("web"), Description: new("web")})
	if got := must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{GroupIds: []string{*g.GroupId}}).SecurityGroups[0]; *got.VpcId != v {
		t.Errorf("a group without a VPC is in %s", *got.VpcId)
	}
	p := h.fabric.network().VPCs[0]
	if len(p.Tables) != 1 || len(p.Tables[0].Routes) != 1 || p.Tables[0].Routes[0].Target != (network.Target{Kind: network.ToInternetGateway, ID: p.InternetGateway}) || p.InternetGateway == "" {
		t.Errorf("planned %+v", p.Tables)
	}
	must[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: nets[1].SubnetId})
	if n := must[shape.CreateDefaultSubnetResult](h, "CreateDefaultSubnet", &shape.CreateDefaultSubnetRequest{AvailabilityZone: nets[1].AvailabilityZone}).Subnet; *n.CidrBlock != *nets[1].CidrBlock {
		t.Errorf("the subnet came back as %s", *n.CidrBlock)
	}
}

// Groups of the default VPC go by their names too, those of others do not.
func TestGroupsOfTheDefaultVPCByName(t *testing.T) {
	h := newHouse(t)
	must[shape.CreateDefaultVpcResult](h, "CreateDefaultVpc", &shape.CreateDefaultVpcRequest{})
	h.group(h.vpc("10.0.0.0/16"), "elsewhere")
	made := *must[shape.CreateSecurityGroupResult](h, "CreateSecurityGroup", &shape.CreateSecurityGroupRequest{GroupName: new("web"), Description: new("web")}).GroupId
	in := &shape.AuthorizeSecurityGroupIngressRequest{GroupName: new("web"), IpPermissions: []shape.IpPermission{
		{IpProtocol: new("-1"), UserIdGroupPairs: []shape.UserIdGroupPair{{GroupName: new("default")}}},
	}}
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in)
	named := func(names ...string) *shape.DescribeSecurityGroupsRequest {
		return &shape.DescribeSecurityGroupsRequest{GroupNames: names}
	}
	found := must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", named("web", "default")).SecurityGroups
	if len(found) != 2 {
		t.Fatalf("found %d groups by name", len(found))
	}
	for _, filters := range [][]shape.Filter{{filter("ip-permission.group-name", "default"), filter("group-name", "web")}, {filter("ip-permission.user-id", account), filter("group-name", "web")}} {
		got := must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{Filters: filters}).SecurityGroups
		if len(got) != 1 || *got[0].GroupId != made {
			t.Errorf("%v finds %+v", *filters[0].Name, got)
		}
	}
	refused[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", named("elsewhere"), "InvalidGroup.NotFound", "")
	in.IpPermissions[0].UserIdGroupPairs[0].UserId = new(other)
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in, "InvalidParameterCombination", "")
	in.IpPermissions[0].UserIdGroupPairs[0].UserId = nil
	must[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress", &shape.RevokeSecurityGroupIngressRequest{GroupName: new("web"), IpPermissions: in.IpPermissions})
	if gone := must[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupName: new("web")}); *gone.GroupId != made {
		t.Errorf("deleted %s, want %s", *gone.GroupId, made)
	}
	refused[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupName: new("web")}, "InvalidGroup.NotFound", "")
}

func TestWithoutADefaultVPC(t *testing.T) {
	h := newHouse(t)
	refused[shape.CreateSecurityGroupResult](h, "CreateSecurityGroup", &shape.CreateSecurityGroupRequest{GroupName: new("web"), Description: new("web")}, "VPCIdNotSpecified", "No default VPC for this user")
	refused[shape.CreateDefaultSubnetResult](h, "CreateDefaultSubnet", &shape.CreateDefaultSubnetRequest{AvailabilityZone: new(region + "a")}, "DefaultVpcDoesNotExist", "")
	made := must[shape.CreateDefaultVpcResult](h, "CreateDefaultVpc", &shape.CreateDefaultVpcRequest{}).Vpc
	for _, a := range must[shape.DescribeAccountAttributesResult](h, "DescribeAccountAttributes", &shape.DescribeAccountAttributesRequest{AttributeNames: []string{"default-vpc"}}).AccountAttributes {
		if *a.AttributeValues[0].AttributeValue != *made.VpcId {
			t.Errorf("the account's default VPC is %s", *a.AttributeValues[0].AttributeValue)
		}
	}
}

func TestMoreRangesOfAVPC(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	add := func(cidr string) *shape.AssociateVpcCidrBlockRequest {
		return &shape.AssociateVpcCidrBlockRequest{VpcId: &v, CidrBlock: &cidr}
	}
	for cidr, code := range map[string]string{"10.0.128.0/17": "InvalidVpc.Range", "10.1.0.0/15": "InvalidVpc.Range", "192.168.0.0/24": "InvalidVpc.Range", "169.254.0.0/24": "InvalidVpc.Range", "x": "InvalidParameterValue"} {
		refused[shape.AssociateVpcCidrBlockResult](h, "AssociateVpcCidrBlock", add(cidr), code, "")
	}
	made := must[shape.AssociateVpcCidrBlockResult](h, "AssociateVpcCidrBlock", add("10.1.0.0/16")).CidrBlockAssociation
	n := h.subnet(v, "10.1.3.0/24", "a")
	if p := h.fabric.network().VPCs[0]; fmt.Sprint(p.CIDRs) != "[10.0.0.0/16 10.1.0.0/16]" {
		t.Errorf("ranges %v", p.CIDRs)
	}
	h.eni(n)
	routes := must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{}).RouteTables[0].Routes
	if len(routes) != 2 || *routes[1].DestinationCidrBlock != "10.1.0.0/16" || *routes[1].GatewayId != "local" {
		t.Errorf("routes %+v", routes)
	}
	for _, cidr := range []string{"100.64.0.0/16", "10.2.0.0/16", "10.3.0.0/16"} {
		must[shape.AssociateVpcCidrBlockResult](h, "AssociateVpcCidrBlock", add(cidr))
	}
	refused[shape.AssociateVpcCidrBlockResult](h, "AssociateVpcCidrBlock", add("10.4.0.0/16"), "CidrLimitExceeded", "This network "+v+" has met its maximum number of allowed CIDRs: 5")
	remove := func(id string) *shape.DisassociateVpcCidrBlockRequest {
		return &shape.DisassociateVpcCidrBlockRequest{AssociationId: &id}
	}
	refused[shape.DisassociateVpcCidrBlockResult](h, "DisassociateVpcCidrBlock", remove(*made.AssociationId), "DependencyViolation", "")
	first := must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{VpcIds: []string{v}}).Vpcs[0].CidrBlockAssociationSet
	refused[shape.DisassociateVpcCidrBlockResult](h, "DisassociateVpcCidrBlock", remove(*first[0].AssociationId), "OperationNotPermitted", "")
	refused[shape.DisassociateVpcCidrBlockResult](h, "DisassociateVpcCidrBlock", remove("vpc-cidr-assoc-0abc"), "InvalidVpcCidrBlockAssociationID.NotFound", "")
	must[shape.DisassociateVpcCidrBlockResult](h, "DisassociateVpcCidrBlock", remove(*first[4].AssociationId))
	if n := len(must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{Filters: []shape.Filter{filter("cidr-block-association.association-id", *first[4].AssociationId)}}).Vpcs); n != 0 {
		t.Error("a range that was taken away is still there")
	}
}

func TestACustomersPrefixList(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	g := h.group(v, "g")
	create := func(change func(*shape.CreateManagedPrefixListRequest)) *shape.CreateManagedPrefixListRequest {
		in := &shape.CreateManagedPrefixListRequest{PrefixListName: new("mine"), AddressFamily: new("IPv4"), MaxEntries: new(int32(3)),
			Entries: []shape.AddPrefixListEntry{{Cidr: new("192.0.2.0/24"), Description: new("docs")}}, ClientToken: new("t")}
		if change != nil {
			change(in)
		}
		return in
	}
	l := must[shape.CreateManagedPrefixListResult](h, "CreateManagedPrefixList", create(nil)).PrefixList
	if again := must[shape.CreateManagedPrefixListResult](h, "CreateManagedPrefixList", create(nil)).PrefixList; *again.PrefixListId != *l.PrefixListId {
		t.Error("the same token made two")
	}
	id := *l.PrefixListId
	h.allow(g, shape.IpPermission{IpProtocol: new("tcp"), FromPort: new(int32(443)), ToPort: new(int32(443)), PrefixListIds: []shape.PrefixListId{{PrefixListId: &id}}})
	planned := func() string {
		for _, g := range h.fabric.network().VPCs[0].Groups {
			for _, r := range g.Ingress {
				if r.Group == "" {
					return fmt.Sprint(r.Prefixes)
				}
			}
		}
		return ""
	}
	if planned() != "[192.0.2.0/24]" {
		t.Errorf("planned %s", planned())
	}
	modify := func(version int64, change func(*shape.ModifyManagedPrefixListRequest)) *shape.ModifyManagedPrefixListRequest {
		in := &shape.ModifyManagedPrefixListRequest{PrefixListId: &id, CurrentVersion: &version}
		change(in)
		return in
	}
	more := func(in *shape.ModifyManagedPrefixListRequest) {
		in.AddEntries = []shape.AddPrefixListEntry{{Cidr: new("198.51.100.0/24")}}
		in.RemoveEntries = []shape.RemovePrefixListEntry{{Cidr: new("192.0.2.0/24")}}
	}
	refused[shape.ModifyManagedPrefixListResult](h, "ModifyManagedPrefixList", modify(2, more), "PrefixListVersionMismatch", "")
	if m := must[shape.ModifyManagedPrefixListResult](h, "ModifyManagedPrefixList", modify(1, more)).PrefixList; *m.Version != 2 || *m.State != "modify-complete" || planned() != "[198.51.100.0/24]" {
		t.Errorf("modified %d %s, planned %s", *m.Version, *m.State, planned())
	}
	if e := must[shape.GetManagedPrefixListEntriesResult](h, "GetManagedPrefixListEntries", &shape.GetManagedPrefixListEntriesRequest{PrefixListId: &id, TargetVersion: new(int64(1))}).Entries; len(e) != 1 || *e[0].Description != "docs" {
		t.Errorf("version 1 is %+v", e)
	}
	must[shape.RestoreManagedPrefixListVersionResult](h, "RestoreManagedPrefixListVersion", &shape.RestoreManagedPrefixListVersionRequest{PrefixListId: &id, PreviousVersion: new(int64(1)), CurrentVersion: new(int64(2))})
	if planned() != "[192.0.2.0/24]" {
		t.Errorf("restored %s", planned())
	}
	users := must[shape.GetManagedPrefixListAssociationsResult](h, "GetManagedPrefixListAssociations", &shape.GetManagedPrefixListAssociationsRequest{PrefixListId: &id}).PrefixListAssociations
	if len(users) != 1 || *users[0].ResourceId != g {
		t.Errorf("users %+v", users)
	}
	refused[shape.DeleteManagedPrefixListResult](h, "DeleteManagedPrefixList", &shape.DeleteManagedPrefixListRequest{PrefixListId: &id}, "PrefixListInUse", "")
	refused[shape.DeleteManagedPrefixListResult](h, "DeleteManagedPrefixList", &shape.DeleteManagedPrefixListRequest{PrefixListId: new("pl-63a5400a")}, "InvalidPrefixListID.NotFound", "")
	for what, change := range map[string]func(*shape.CreateManagedPrefixListRequest){
		"name":   func(in *shape.CreateManagedPrefixListRequest) { in.PrefixListName = new("com.amazonaws.x") },
		"family": func(in *shape.CreateManagedPrefixListRequest) { in.AddressFamily = new("IPv5") },
		"size":   func(in *shape.CreateManagedPrefixListRequest) { in.MaxEntries = new(int32(1001)) },
		"twice":  func(in *shape.CreateManagedPrefixListRequest) { in.Entries = append(in.Entries, in.Entries[0]) },
		"cidr":   func(in *shape.CreateManagedPrefixListRequest) { in.Entries[0].Cidr = new("::/0") },
	} {
		t.Run(what, func(t *testing.T) {
			refused[shape.CreateManagedPrefixListResult](h, "CreateManagedPrefixList", create(func(in *shape.CreateManagedPrefixListRequest) { in.ClientToken = nil; change(in) }), "InvalidParameterValue", "")
		})
	}
	big := *must[shape.CreateManagedPrefixListResult](h, "CreateManagedPrefixList", create(func(in *shape.CreateManagedPrefixListRequest) {
		in.ClientToken, in.MaxEntries, in.Entries = nil, new(int32(60)), nil
	})).PrefixList.PrefixListId
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: []shape.IpPermission{
		{IpProtocol: new("tcp"), FromPort: new(int32(443)), ToPort: new(int32(443)), PrefixListIds: []shape.PrefixListId{{PrefixListId: &big}}}}}, "RulesPerSecurityGroupLimitExceeded", "")
}
