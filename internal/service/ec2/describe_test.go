package ec2

import (
	"maps"
	"slices"
	"testing"
	"time"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// furnished is a house with something of everything in it.
func furnished(t *testing.T) *house {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/24", "a")
	r, g := h.table(v), h.group(v, "mine")
	must[shape.AssociateRouteTableResult](h, "AssociateRouteTable", &shape.AssociateRouteTableRequest{RouteTableId: &r, SubnetId: &a})
	p := web("10.0.0.0/16")[0]
	p.UserIdGroupPairs = []shape.UserIdGroupPair{{GroupId: &g, UserId: new(account)}}
	p.PrefixListIds = []shape.PrefixListId{{PrefixListId: new("pl-63a5400a")}}
	h.allow(g, p)
	must[shape.AuthorizeSecurityGroupEgressResult](h, "AuthorizeSecurityGroupEgress", &shape.AuthorizeSecurityGroupEgressRequest{GroupId: &g, IpPermissions: []shape.IpPermission{p}})
	s3 := endpointRequest(v, "s3", "Gateway")
	s3.RouteTableIds = []string{r}
	must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", s3)
	h.interfaceEndpoint(v, "logs", []string{a}, []string{g})
	i := h.eni(a, g).NetworkInterfaceId
	gateway := h.igw(v)
	h.associate(h.eip(), *i)
	nat, pcx := h.newNAT(a, h.eip()), h.peer(v, h.vpc("10.1.0.0/16"))
	for destination, in := range map[string]*shape.CreateRouteRequest{
		"0.0.0.0/0": {GatewayId: &gateway}, "1.0.0.0/8": {NatGatewayId: &nat}, "10.1.0.0/16": {VpcPeeringConnectionId: &pcx}, "2.0.0.0/8": {NetworkInterfaceId: i},
	} {
		in.RouteTableId, in.DestinationCidrBlock = &r, &destination
		must[shape.CreateRouteResult](h, "CreateRoute", in)
	}
	return h
}

func TestEveryFilterFindsWhatItIsAbout(t *testing.T) {
	h := furnished(t)
	count := map[string]func([]shape.Filter) int{
		"vpc": func(f []shape.Filter) int {
			return len(must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{Filters: f}).Vpcs)
		},
		"subnet": func(f []shape.Filter) int {
			return len(must[shape.DescribeSubnetsResult](h, "DescribeSubnets", &shape.DescribeSubnetsRequest{Filters: f}).Subnets)
		},
		"table": func(f []shape.Filter) int {
			return len(must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{Filters: f}).RouteTables)
		},
		"group": func(f []shape.Filter) int {
			return len(must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{Filters: f}).SecurityGroups)
		},
		"endpoint": func(f []shape.Filter) int {
			return len(must[shape.DescribeVpcEndpointsResult](h, "DescribeVpcEndpoints", &shape.DescribeVpcEndpointsRequest{Filters: f}).VpcEndpoints)
		},
		"interface": func(f []shape.Filter) int {
			return len(must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{Filters: f}).NetworkInterfaces)
		},
		"acl": func(f []shape.Filter) int {
			return len(must[shape.DescribeNetworkAclsResult](h, "DescribeNetworkAcls", &shape.DescribeNetworkAclsRequest{Filters: f}).NetworkAcls)
		},
		"gateway": func(f []shape.Filter) int { return len(h.gateways(f...)) },
		"address": func(f []shape.Filter) int {
			return len(must[shape.DescribeAddressesResult](h, "DescribeAddresses", &shape.DescribeAddressesRequest{Filters: f}).Addresses)
		},
		"nat": func(f []shape.Filter) int {
			return len(must[shape.DescribeNatGatewaysResult](h, "DescribeNatGateways", &shape.DescribeNatGatewaysRequest{Filter: f}).NatGateways)
		},
		"peering": func(f []shape.Filter) int {
			return len(must[shape.DescribeVpcPeeringConnectionsResult](h, "DescribeVpcPeeringConnections", &shape.DescribeVpcPeeringConnectionsRequest{Filters: f}).VpcPeeringConnections)
		},
	}
	var view *eniView
	if err := h.DB.View(t.Context(), func(tx *store.Tx) (err error) { view, err = h.eniView(tx, account); return err }); err != nil {
		t.Fatal(err)
	}
	names := map[string][]string{
		"vpc": slices.Collect(maps.Keys(vpcFields)), "subnet": slices.Collect(maps.Keys(h.subnetFields(nil))), "table": slices.Collect(maps.Keys((&routeView{}).fields())),
		"group": slices.Collect(maps.Keys(groupFields(nil))), "endpoint": slices.Collect(maps.Keys(h.endpointFields(time.Now()))),
		"interface": slices.Collect(maps.Keys(view.fields())), "acl": slices.Collect(maps.Keys(aclFields)),
		"gateway": slices.Collect(maps.Keys(internetGatewayFields)), "address": slices.Collect(maps.Keys(h.addressFields(nil))),
		"nat": slices.Collect(maps.Keys(natFields)), "peering": slices.Collect(maps.Keys(peeringFields(time.Now()))),
	}
	never := []string{"attachment.instance-id", "instance-id", "route.instance-id", "route.transit-gateway-id", "route.destination-ipv6-cidr-block",
		"route.egress-only-internet-gateway-id", "expiration-time",
		"ip-permission.ipv6-cidr", "egress.ip-permission.ipv6-cidr", "ipv6-addresses.ipv6-address", "operator.principal", "association.gateway-id",
		"enable-lni-at-device-index", "customer-owned-ipv4-pool", "outpost-arn", "ipv6-cidr-block-association.association-id",
		"ipv6-cidr-block-association.ipv6-cidr-block", "ipv6-cidr-block-association.ipv6-pool", "ipv6-cidr-block-association.state"}
	for what, list := range names {
		for _, name := range list {
			if n := count[what]([]shape.Filter{filter(name, "*")}); n == 0 && !slices.Contains(never, name) {
				t.Errorf("%s: nothing has any %s", what, name)
			}
			if n := count[what]([]shape.Filter{filter(name, "no such value")}); n != 0 {
				t.Errorf("%s: %d have an impossible %s", what, n, name)
			}
		}
	}
}

func TestSomeFiltersInParticular(t *testing.T) {
	h := furnished(t)
	tables := func(name, value string) int {
		return len(must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{Filters: []shape.Filter{filter(name, value)}}).RouteTables)
	}
	groups := func(name, value string) int {
		return len(must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{Filters: []shape.Filter{filter(name, value)}}).SecurityGroups)
	}
	for what, c := range map[string][2]int{
		"main tables": {tables("association.main", "true"), 2}, "other tables": {tables("association.main", "false"), 1},
		"tables with a gateway": {tables("route.gateway-id", "vpce-*"), 1}, "tables with a local route": {tables("route.gateway-id", "local"), 3},
		"tables with made routes": {tables("route.origin", "CreateRoute"), 1},
		"groups that let 443 in":  {groups("ip-permission.from-port", "443"), 1}, "groups that let 443 out": {groups("egress.ip-permission.to-port", "443"), 1},
		"groups that let everything out": {groups("egress.ip-permission.cidr", "0.0.0.0/0"), 3},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %d, want %d", what, c[0], c[1])
		}
	}
	lists := must[shape.DescribeManagedPrefixListsResult](h, "DescribeManagedPrefixLists", &shape.DescribeManagedPrefixListsRequest{Filters: []shape.Filter{filter("owner-id", "AWS")}}).PrefixLists
	if len(lists) != 2 || *lists[1].PrefixListArn != "arn:aws:ec2:us-east-1:aws:prefix-list/pl-63a5400a" || *lists[0].State != "create-complete" {
		t.Errorf("managed prefix lists %+v", lists)
	}
	refused[shape.DescribeManagedPrefixListsResult](h, "DescribeManagedPrefixLists", &shape.DescribeManagedPrefixListsRequest{PrefixListIds: []string{"pl-0"}}, "InvalidPrefixListID.NotFound", "")
}

func TestDeletingATableTakesItFromItsEndpoint(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	r := h.table(v)
	in := endpointRequest(v, "s3", "Gateway")
	in.RouteTableIds = []string{r}
	id := *must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", in).VpcEndpoint.VpcEndpointId
	must[struct{}](h, "DeleteRouteTable", &shape.DeleteRouteTableRequest{RouteTableId: &r})
	if e := h.endpoint(id); len(e.RouteTableIds) != 0 {
		t.Errorf("the endpoint still has %v", e.RouteTableIds)
	}
	refused[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: &id, RemoveRouteTableIds: []string{r}}, "InvalidRouteTableID.NotFound", "")
	refused[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: &id, AddSubnetIds: []string{"subnet-1"}}, "InvalidParameter", "")
	refused[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: &id, IpAddressType: new("ipv6")}, "UnsupportedOperation", "")
	options := &shape.DnsOptionsSpecification{DnsRecordIpType: new("dualstack")}
	refused[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: &id, DnsOptions: options}, "UnsupportedOperation", "")
}

func TestSubnetAttributes(t *testing.T) {
	h := newHouse(t)
	a := h.subnet(h.vpc("10.0.0.0/16"), "10.0.0.0/24", "a")
	on, off := &shape.AttributeBooleanValue{Value: new(true)}, &shape.AttributeBooleanValue{Value: new(false)}
	must[struct{}](h, "ModifySubnetAttribute", &shape.ModifySubnetAttributeRequest{SubnetId: &a, MapPublicIpOnLaunch: on})
	must[struct{}](h, "ModifySubnetAttribute", &shape.ModifySubnetAttributeRequest{SubnetId: &a, EnableDns64: off, PrivateDnsHostnameTypeOnLaunch: new("ip-name")})
	if n := must[shape.DescribeSubnetsResult](h, "DescribeSubnets", &shape.DescribeSubnetsRequest{}).Subnets[0]; !*n.MapPublicIpOnLaunch {
		t.Error("mapPublicIpOnLaunch did not stay")
	}
	refused[struct{}](h, "ModifySubnetAttribute", &shape.ModifySubnetAttributeRequest{SubnetId: &a, AssignIpv6AddressOnCreation: on}, "UnsupportedOperation",
		"The parameter AssignIpv6AddressOnCreation is not supported.")
}

func TestTheOldFormOfAPermission(t *testing.T) {
	h := newHouse(t)
	g := h.group(h.vpc("10.0.0.0/16"), "mine")
	in := &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpProtocol: new("icmp"), FromPort: new(int32(8)), ToPort: new(int32(-1)), CidrIp: new("10.0.0.0/8")}
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in)
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in, "InvalidPermission.Duplicate",
		`the specified rule "peer: 10.0.0.0/8, ICMP, type: 8, code: -1, ALLOW" already exists`)
	in.IpPermissions = web("10.0.0.0/8")
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in, "InvalidParameterCombination", "")
	everywhere := []shape.IpPermission{{IpProtocol: new("-1"), IpRanges: []shape.IpRange{{CidrIp: new("0.0.0.0/0"), Description: new("out")}}}}
	must[shape.UpdateSecurityGroupRuleDescriptionsEgressResult](h, "UpdateSecurityGroupRuleDescriptionsEgress",
		&shape.UpdateSecurityGroupRuleDescriptionsEgressRequest{GroupId: &g, IpPermissions: everywhere})
	if s := h.showGroup(g); *s.IpPermissionsEgress[0].IpRanges[0].Description != "out" {
		t.Errorf("egress %+v", s.IpPermissionsEgress)
	}
	refused[shape.UpdateSecurityGroupRuleDescriptionsIngressResult](h, "UpdateSecurityGroupRuleDescriptionsIngress",
		&shape.UpdateSecurityGroupRuleDescriptionsIngressRequest{GroupId: &g, IpPermissions: everywhere}, "InvalidPermission.NotFound", "")
	must[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress", &shape.RevokeSecurityGroupIngressRequest{GroupId: &g, IpProtocol: new("icmp"),
		FromPort: new(int32(8)), ToPort: new(int32(-1)), CidrIp: new("10.0.0.0/8")})
	refused[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress", &shape.RevokeSecurityGroupIngressRequest{GroupName: new("mine"), IpPermissions: web("10.0.0.0/8")},
		"VPCIdNotSpecified", "No default VPC for this user")
}
