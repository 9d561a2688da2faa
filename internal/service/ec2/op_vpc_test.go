package ec2

import (
	"strings"
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func TestAVPCComesWithItsTableGroupAndACL(t *testing.T) {
	h := newHouse(t)
	out := must[shape.CreateVpcResult](h, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: new("100.68.0.18/18"), InstanceTenancy: new("default"),
		AmazonProvidedIpv6CidrBlock: new(false), TagSpecifications: []shape.TagSpecification{{ResourceType: new("vpc"), Tags: []shape.Tag{{Key: new("Name"), Value: new("x")}}}}})
	v := out.Vpc
	if *v.State != pending || *v.CidrBlock != "100.68.0.0/18" || len(*v.VpcId) != len("vpc-")+17 || *v.Tags[0].Value != "x" || *v.OwnerId != account {
		t.Errorf("created %+v", v)
	}
	main := must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{
		Filters: []shape.Filter{filter("association.main", "true"), filter("vpc-id", *v.VpcId)}}).RouteTables
	if len(main) != 1 || *main[0].Routes[0].GatewayId != "local" || !*main[0].Associations[0].Main || main[0].Associations[0].SubnetId != nil {
		t.Errorf("main route table %+v", main)
	}
	def := must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{
		Filters: []shape.Filter{filter("group-name", "default"), filter("vpc-id", *v.VpcId)}}).SecurityGroups
	if len(def) != 1 || *def[0].IpPermissions[0].UserIdGroupPairs[0].GroupId != *def[0].GroupId || *def[0].IpPermissionsEgress[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("default group %+v", def)
	}
	if p := def[0].IpPermissions[0]; *p.IpProtocol != "-1" || p.FromPort != nil || p.ToPort != nil {
		t.Errorf("a rule for every protocol has ports: %+v", p)
	}
	n := h.subnet(*v.VpcId, "100.68.0.0/24", "b")
	acls := must[shape.DescribeNetworkAclsResult](h, "DescribeNetworkAcls", &shape.DescribeNetworkAclsRequest{
		Filters: []shape.Filter{filter("default", "true"), filter("vpc-id", *v.VpcId)}}).NetworkAcls
	if len(acls) != 1 || len(acls[0].Entries) != 4 || *acls[0].Associations[0].SubnetId != n {
		t.Errorf("network ACL %+v", acls)
	}
	must[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &n})
	must[struct{}](h, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: v.VpcId})
	refused[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{VpcIds: []string{*v.VpcId}},
		"InvalidVpcID.NotFound", "The vpc ID '"+*v.VpcId+"' does not exist")
	if n := len(must[shape.DescribeRouteTablesResult](h, "DescribeRouteTables", &shape.DescribeRouteTablesRequest{}).RouteTables); n != 0 {
		t.Errorf("%d route tables outlive their VPC", n)
	}
	if n := len(must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{}).SecurityGroups); n != 0 {
		t.Errorf("%d groups outlive their VPC", n)
	}
	if n := len(h.fabric.network().VPCs); n != 0 {
		t.Errorf("the fabric has %d VPCs", n)
	}
}

// TestTheTenancyOfAVPC: it is told again, since jobs ask for it.
func TestTheTenancyOfAVPC(t *testing.T) {
	h := newHouse(t)
	for _, want := range []string{"default", "dedicated"} {
		v := must[shape.CreateVpcResult](h, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), InstanceTenancy: &want}).Vpc
		got := must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{VpcIds: []string{*v.VpcId}}).Vpcs[0]
		if *v.InstanceTenancy != want || *got.InstanceTenancy != want {
			t.Errorf("%s, then %s; %s was asked for", *v.InstanceTenancy, *got.InstanceTenancy, want)
		}
	}
}

func TestVPCsThatCannotBe(t *testing.T) {
	h := start(t, t.TempDir()+"/db", Quotas{VPCs: 1})
	for cidr, code := range map[string]string{
		"": "MissingParameter", "10.0.0.0": "InvalidParameterValue", "fd00::/56": "InvalidParameterValue", "10.0.0.0/15": "InvalidVpc.Range",
		"10.0.0.0/29": "InvalidVpc.Range", "169.254.0.0/16": "InvalidVpc.Range", "127.0.0.0/16": "InvalidVpc.Range", "224.0.0.0/16": "InvalidVpc.Range",
	} {
		refused[shape.CreateVpcResult](h, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: &cidr}, code, "")
	}
	for _, in := range []*shape.CreateVpcRequest{
		{CidrBlock: new("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: new(true)},
		{CidrBlock: new("10.0.0.0/16"), Ipv6CidrBlock: new("fd00::/56")},
		{Ipv4IpamPoolId: new("ipam-pool-1")},
	} {
		refused[shape.CreateVpcResult](h, "CreateVpc", in, "UnsupportedOperation", "")
	}
	refused[shape.CreateVpcResult](h, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), InstanceTenancy: new("host")}, "InvalidParameterValue", "")
	refused[shape.CreateVpcResult](h, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), DryRun: new(true)},
		"DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	if h.fabric.applied() != 1 {
		t.Error("a refused call changed the network")
	}
	h.vpc("10.0.0.0/16")
	refused[shape.CreateVpcResult](h, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: new("10.0.0.0/16")}, "VpcLimitExceeded", "The maximum number of VPCs has been reached.")
}

func TestSubnetsThatCannotBe(t *testing.T) {
	h := start(t, t.TempDir()+"/db", Quotas{SubnetsPerVPC: 2})
	v := h.vpc("10.0.0.0/20")
	h.subnet(v, "10.0.0.0/24", "a")
	for cidr, code := range map[string]string{
		"10.0.0.0/24": "InvalidSubnet.Conflict", "10.0.0.128/25": "InvalidSubnet.Conflict", "10.0.0.0/20": "InvalidSubnet.Conflict",
		"10.0.16.0/24": "InvalidSubnet.Range", "10.0.0.0/19": "InvalidSubnet.Range", "10.0.1.0/29": "InvalidSubnet.Range", "x": "InvalidParameterValue",
	} {
		refused[shape.CreateSubnetResult](h, "CreateSubnet", &shape.CreateSubnetRequest{VpcId: &v, CidrBlock: &cidr}, code, "")
	}
	for in, code := range map[*shape.CreateSubnetRequest]string{
		{VpcId: new("vpc-0123"), CidrBlock: new("10.0.1.0/24")}:                                     "InvalidVpcID.NotFound",
		{VpcId: new("VPC"), CidrBlock: new("10.0.1.0/24")}:                                          "InvalidVpcID.Malformed",
		{VpcId: &v, CidrBlock: new("10.0.1.0/24"), AvailabilityZone: new("us-east-1z")}:             "InvalidParameterValue",
		{VpcId: &v, CidrBlock: new("10.0.1.0/24"), AvailabilityZoneId: new("use1-az9")}:             "InvalidParameterValue",
		{VpcId: &v, CidrBlock: new("10.0.1.0/24"), Ipv6CidrBlock: new("fd00::/64")}:                 "UnsupportedOperation",
		{VpcId: &v, CidrBlock: new("10.0.1.0/24"), OutpostArn: new("arn:aws:outposts:x:1:outpost")}: "UnsupportedOperation",
		{VpcId: &v}: "MissingParameter",
	} {
		refused[shape.CreateSubnetResult](h, "CreateSubnet", in, code, "")
	}
	out := must[shape.CreateSubnetResult](h, "CreateSubnet", &shape.CreateSubnetRequest{VpcId: &v, CidrBlock: new("10.0.1.9/28"), AvailabilityZoneId: new("use1-az3")}).Subnet
	if *out.AvailabilityZone != "us-east-1c" || *out.CidrBlock != "10.0.1.0/28" || *out.AvailableIpAddressCount != 11 {
		t.Errorf("created %+v", out)
	}
	refused[shape.CreateSubnetResult](h, "CreateSubnet", &shape.CreateSubnetRequest{VpcId: &v, CidrBlock: new("10.0.2.0/24")}, "SubnetLimitExceeded", "")
	refused[struct{}](h, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: &v}, "DependencyViolation", "The vpc '"+v+"' has dependencies and cannot be deleted.")
	refused[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: new("nonsense")}, "InvalidSubnetId.Malformed",
		"Invalid Subnet Id: 'nonsense' (expecting 'subnet-...; the Id may only contain lowercase alphanumeric characters and a single dash')")
	refused[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: new("subnet-0e5f6g7h")}, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0e5f6g7h' does not exist")
}

func TestEveryDependencyKeepsAVPC(t *testing.T) {
	h := newHouse(t)
	for name, use := range map[string]func(v string){
		"subnet": func(v string) { h.subnet(v, "10.0.0.0/24", "") },
		"group":  func(v string) { h.group(v, "mine") },
		"table": func(v string) {
			must[shape.CreateRouteTableResult](h, "CreateRouteTable", &shape.CreateRouteTableRequest{VpcId: &v})
		},
		"gateway endpoint": func(v string) {
			must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", &shape.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws.us-east-1.s3")})
		},
	} {
		v := h.vpc("10.0.0.0/16")
		use(v)
		_, err := try[struct{}](h, account, "DeleteVpc", &shape.DeleteVpcRequest{VpcId: &v})
		if err == nil || !strings.HasPrefix(err.Error(), "DependencyViolation") {
			t.Errorf("with a %s: %v", name, err)
		}
	}
}

func TestVPCAttributes(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	value := func(name string) bool {
		out := must[shape.DescribeVpcAttributeResult](h, "DescribeVpcAttribute", &shape.DescribeVpcAttributeRequest{VpcId: &v, Attribute: &name})
		for _, a := range []*shape.AttributeBooleanValue{out.EnableDnsHostnames, out.EnableDnsSupport, out.EnableNetworkAddressUsageMetrics} {
			if a != nil {
				return *a.Value
			}
		}
		t.Fatalf("no value of %s", name)
		return false
	}
	if value("enableDnsHostnames") || !value("enableDnsSupport") || value("enableNetworkAddressUsageMetrics") {
		t.Error("a new VPC resolves names and gives none")
	}
	h.dns(v)
	if !value("enableDnsHostnames") {
		t.Error("enableDnsHostnames did not stay")
	}
	on, off := &shape.AttributeBooleanValue{Value: new(true)}, &shape.AttributeBooleanValue{Value: new(false)}
	must[struct{}](h, "ModifyVpcAttribute", &shape.ModifyVpcAttributeRequest{VpcId: &v, EnableDnsSupport: off})
	if h.fabric.network().VPCs[0].Resolve {
		t.Error("without enableDnsSupport the resolver answers")
	}
	refused[struct{}](h, "ModifyVpcAttribute", &shape.ModifyVpcAttributeRequest{VpcId: &v}, "InvalidParameterCombination", "")
	refused[struct{}](h, "ModifyVpcAttribute", &shape.ModifyVpcAttributeRequest{VpcId: &v, EnableDnsSupport: on, EnableDnsHostnames: on}, "InvalidParameterCombination", "")
	refused[struct{}](h, "ModifyVpcAttribute", &shape.ModifyVpcAttributeRequest{VpcId: &v, EnableNetworkAddressUsageMetrics: on}, "UnsupportedOperation", "")
	refused[shape.DescribeVpcAttributeResult](h, "DescribeVpcAttribute", &shape.DescribeVpcAttributeRequest{VpcId: &v, Attribute: new("colour")}, "InvalidParameterValue", "")
}

func TestAnAccountSeesOnlyItsOwn(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	g := h.group(v, "mine")
	e := h.eni(a)
	if out, err := try[shape.DescribeVpcsResult](h, other, "DescribeVpcs", &shape.DescribeVpcsRequest{}); err != nil || len(out.Vpcs) != 0 {
		t.Errorf("another account sees %v, %v", out, err)
	}
	for name, in := range map[string]any{
		"DeleteVpc": &shape.DeleteVpcRequest{VpcId: &v}, "DeleteSubnet": &shape.DeleteSubnetRequest{SubnetId: &a},
		"DeleteNetworkInterface": &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: e.NetworkInterfaceId},
		"CreateTags":             &shape.CreateTagsRequest{Resources: []string{v}, Tags: []shape.Tag{{Key: new("a"), Value: new("b")}}},
		"ModifySubnetAttribute":  &shape.ModifySubnetAttributeRequest{SubnetId: &a, MapPublicIpOnLaunch: &shape.AttributeBooleanValue{Value: new(true)}},
	} {
		if _, err := try[struct{}](h, other, name, in); err == nil || !strings.Contains(err.Error(), ".NotFound") {
			t.Errorf("%s of another account: %v", name, err)
		}
	}
	if _, err := try[shape.DeleteSecurityGroupResult](h, other, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &g}); err == nil {
		t.Error("a stranger deleted a group")
	}
}
