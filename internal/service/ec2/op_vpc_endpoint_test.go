package ec2

import (
	"slices"
	"strings"
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func endpointRequest(vpc, service, kind string) *shape.CreateVpcEndpointRequest {
	return &shape.CreateVpcEndpointRequest{VpcId: &vpc, ServiceName: new("com.amazonaws.us-east-1." + service), VpcEndpointType: &kind}
}

func TestAnInterfaceEndpointIsShownAsAWSShowsIt(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a, b := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(v, "10.0.1.0/24", "b")
	in := endpointRequest(v, "sagemaker.api", "Interface")
	in.SubnetIds, in.ClientToken = []string{a, b}, new("t")
	in.TagSpecifications = []shape.TagSpecification{{ResourceType: new("vpc-endpoint"), Tags: []shape.Tag{{Key: new("Name"), Value: new("api")}}}}
	out := must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", in)
	e := out.VpcEndpoint
	if *out.ClientToken != "t" || !*e.PrivateDnsEnabled || *e.PolicyDocument != interfaceDefaultPolicy || *e.Groups[0].GroupName != "default" ||
		*e.Tags[0].Value != "api" || e.RouteTableIds == nil || *e.ServiceRegion != region || *e.IpAddressType != "ipv4" || *e.DnsOptions.DnsRecordIpType != "ipv4" {
		t.Errorf("created %+v", e)
	}
	label := *e.VpcEndpointId + "-"
	regional := *e.DnsEntries[0].DnsName
	suffix, base, _ := strings.Cut(strings.TrimPrefix(regional, label), ".")
	if len(e.DnsEntries) != 4 || len(suffix) != 8 || base != "api.sagemaker.us-east-1.vpce.amazonaws.com" || *e.DnsEntries[0].HostedZoneId != "Z7HUB22UULQXV" {
		t.Fatalf("DNS entries of %s", regional)
	}
	if want := label + suffix + "-us-east-1b." + base; *e.DnsEntries[2].DnsName != want {
		t.Errorf("zonal name %s, want %s", *e.DnsEntries[2].DnsName, want)
	}
	if last := e.DnsEntries[3]; *last.DnsName != privateAPI || *last.HostedZoneId == "Z7HUB22UULQXV" {
		t.Errorf("private name %s in zone %s", *last.DnsName, *last.HostedZoneId)
	}
	i := must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{NetworkInterfaceIds: e.NetworkInterfaceIds[1:]}).NetworkInterfaces[0]
	if *i.SubnetId != b || *i.InterfaceType != "vpc_endpoint" || !*i.RequesterManaged || *i.Status != "in-use" || *i.Description != "VPC Endpoint Interface "+*e.VpcEndpointId ||
		*i.PrivateIpAddress != "10.0.1.4" || *i.Attachment.InstanceOwnerId != "amazon-aws" || *i.AvailabilityZone != "us-east-1b" || len(i.TagSet) != 0 {
		t.Errorf("its interface %+v", i)
	}
	refused[struct{}](h, "DeleteNetworkInterface", &shape.DeleteNetworkInterfaceRequest{NetworkInterfaceId: i.NetworkInterfaceId},
		"InvalidNetworkInterface.InUse", "Network interface '"+*i.NetworkInterfaceId+"' is currently in use.")
	refused[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &b}, "DependencyViolation", "The subnet '"+b+"' has dependencies and cannot be deleted.")
	if again := must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", in).VpcEndpoint; *again.VpcEndpointId != *e.VpcEndpointId {
		t.Error("the same token made a second endpoint")
	}
	in.SubnetIds = in.SubnetIds[:1]
	refused[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", in, "IdempotentParameterMismatch", "")
}

func TestEndpointsThatCannotBe(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	h.dns(v)
	a, twin, far := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(v, "10.0.1.0/24", "a"), h.subnet(w, "10.1.0.0/24", "b")
	r, alien := h.table(v), h.group(w, "alien")
	h.interfaceEndpoint(v, "sts", nil, nil)
	s3 := endpointRequest(v, "s3", "Gateway")
	s3.RouteTableIds = []string{r}
	must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", s3)
	logs := func(change func(*shape.CreateVpcEndpointRequest)) *shape.CreateVpcEndpointRequest {
		in := endpointRequest(v, "logs", "Interface")
		change(in)
		return in
	}
	for i, c := range []struct {
		in            *shape.CreateVpcEndpointRequest
		code, message string
	}{
		{endpointRequest(v, "kinesis-streams", "Interface"), "InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws.us-east-1.kinesis-streams' does not exist"},
		{endpointRequest(v, "logs", "Gateway"), "InvalidParameter", "Endpoint type (Gateway) does not match available service types ([Interface])."},
		{endpointRequest(v, "sts", "Gateway"), "InvalidParameter", "Endpoint type (Gateway) does not match available service types ([Interface])."},
		{endpointRequest(v, "logs", "GatewayLoadBalancer"), "InvalidParameter", "Endpoint type (GatewayLoadBalancer) does not match available service types ([Interface])."},
		{endpointRequest(v, "logs", "Resource"), "UnsupportedOperation", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.SubnetIds = []string{a, a} }), "DuplicateSubnetsInSameZone", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) {
			in.SubnetIds, in.SubnetConfigurations = []string{a}, []shape.SubnetConfiguration{{SubnetId: &a, Ipv4: new("10.0.0.9")}, {SubnetId: &a, Ipv4: new("10.0.0.10")}}
		}), "InvalidParameter", "The subnet " + a + " has more than one subnet configuration."},
		{endpointRequest("vpc-0abc", "logs", "Interface"), "InvalidVpcID.NotFound", "The vpc ID 'vpc-0abc' does not exist"},
		{endpointRequest(w, "logs", "Interface"), "InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for " + w},
		{endpointRequest(v, "sts", "Interface"), "InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for sts.us-east-1.amazonaws.com in the VPC " + v},
		{s3, "RouteAlreadyExists", "route table " + r + " already has a route with destination-prefix-list-id pl-63a5400a"},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.ServiceName = nil }), "MissingParameter", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.ServiceRegion = new("eu-west-1") }), "UnsupportedOperation", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.IpAddressType = new("dualstack") }), "UnsupportedOperation", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.ResourceConfigurationArn = new("arn") }), "UnsupportedOperation", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.RouteTableIds = []string{r} }), "InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint."},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.SubnetIds = []string{a, twin} }), "DuplicateSubnetsInSameZone",
			"Found another VPC endpoint subnet in the availability zone of " + twin + ". VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.SubnetIds = []string{far} }), "InvalidParameter", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.SubnetIds = []string{"subnet-0abc"} }), "InvalidSubnetID.NotFound", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.SubnetIds = []string{"subnet_x"} }), "InvalidSubnetId.Malformed", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.SecurityGroupIds = []string{alien} }), "InvalidParameter", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) {
			in.SecurityGroupIds = []string{"sg-1", "sg-2", "sg-3", "sg-4", "sg-5", "sg-6"}
		}), "SecurityGroupsPerInterfaceLimitExceeded", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) { in.PolicyDocument = new("{\"Statement\": [}") }), "InvalidPolicyDocument", "The Policy Document is not valid. Syntax error at position (1,16)"},
		{logs(func(in *shape.CreateVpcEndpointRequest) {
			in.PolicyDocument = new("{" + strings.Repeat(" ", 20480) + "}")
		}), "InvalidPolicyDocument", ""},
		{logs(func(in *shape.CreateVpcEndpointRequest) {
			in.SubnetIds, in.SubnetConfigurations = []string{a}, []shape.SubnetConfiguration{{SubnetId: &a, Ipv4: new("10.0.0.3")}}
		}), "InvalidParameterValue", ""},
	} {
		_, err := try[shape.CreateVpcEndpointResult](h, account, "CreateVpcEndpoint", c.in)
		if err == nil || !strings.HasPrefix(err.Error(), c.code+": "+c.message) {
			t.Errorf("case %d: %v\nwant %s: %s", i, err, c.code, c.message)
		}
	}
	gateway := endpointRequest(v, "s3", "Gateway")
	gateway.SubnetIds = []string{a}
	refused[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", gateway, "InvalidParameter", "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	if n := len(h.fabric.network().Endpoints); n != 2 {
		t.Errorf("the fabric has %d endpoints, want the 2 that could be", n)
	}
}

func TestModifyVpcEndpoint(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a, b, twin := h.subnet(v, "10.0.0.0/24", "a"), h.subnet(v, "10.0.1.0/24", "b"), h.subnet(v, "10.0.2.0/24", "b")
	g := h.group(v, "mine")
	id := *h.interfaceEndpoint(v, "logs", []string{a}, nil).VpcEndpointId
	modify := func(in shape.ModifyVpcEndpointRequest) {
		t.Helper()
		in.VpcEndpointId = &id
		must[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &in)
	}
	cannot := func(in shape.ModifyVpcEndpointRequest, code string) {
		t.Helper()
		in.VpcEndpointId = &id
		refused[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &in, code, "")
	}
	modify(shape.ModifyVpcEndpointRequest{AddSubnetIds: []string{b}})
	if e := h.endpoint(id); len(e.NetworkInterfaceIds) != 2 || len(e.DnsEntries) != 4 || len(h.fabric.network().Interfaces) != 2 {
		t.Errorf("with a second subnet %+v", e)
	}
	cannot(shape.ModifyVpcEndpointRequest{AddSubnetIds: []string{twin}}, "DuplicateSubnetsInSameZone")
	modify(shape.ModifyVpcEndpointRequest{AddSubnetIds: []string{twin}, RemoveSubnetIds: []string{b},
		SubnetConfigurations: []shape.SubnetConfiguration{{SubnetId: &twin, Ipv4: new("10.0.2.77")}}})
	if e := h.endpoint(id); !slices.Equal(e.SubnetIds, []string{a, twin}) {
		t.Errorf("subnets %v", e.SubnetIds)
	}
	if n := len(h.fabric.network().Interfaces); n != 2 {
		t.Errorf("the fabric has %d interfaces", n)
	}
	must[struct{}](h, "DeleteSubnet", &shape.DeleteSubnetRequest{SubnetId: &b})
	cannot(shape.ModifyVpcEndpointRequest{RemoveSubnetIds: []string{b}}, "InvalidSubnetID.NotFound")

	old := *h.endpoint(id).Groups[0].GroupId
	modify(shape.ModifyVpcEndpointRequest{AddSecurityGroupIds: []string{g}, RemoveSecurityGroupIds: []string{old}})
	for _, i := range h.fabric.network().Interfaces {
		if !slices.Equal(i.Groups, []string{g}) {
			t.Errorf("%s has the groups %v", i.ID, i.Groups)
		}
	}
	cannot(shape.ModifyVpcEndpointRequest{RemoveSecurityGroupIds: []string{g}}, "InvalidParameter")
	cannot(shape.ModifyVpcEndpointRequest{RemoveSecurityGroupIds: []string{old}}, "InvalidGroup.NotFound")
	refused[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &g}, "DependencyViolation", "")

	const deny = `{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`
	modify(shape.ModifyVpcEndpointRequest{PolicyDocument: new(deny)})
	if h.policyOf(id) != deny || *h.endpoint(id).PolicyDocument != deny {
		t.Error("the policy is not in force when the call returns")
	}
	cannot(shape.ModifyVpcEndpointRequest{PolicyDocument: new("[]")}, "InvalidPolicyDocument")
	cannot(shape.ModifyVpcEndpointRequest{PolicyDocument: new(deny), ResetPolicy: new(true)}, "InvalidParameterCombination")
	modify(shape.ModifyVpcEndpointRequest{ResetPolicy: new(true)})
	if h.policyOf(id) != interfaceDefaultPolicy {
		t.Errorf("after the reset the policy is %s", h.policyOf(id))
	}

	modify(shape.ModifyVpcEndpointRequest{PrivateDnsEnabled: new(false)})
	second := *h.interfaceEndpoint(v, "logs", nil, nil).VpcEndpointId
	cannot(shape.ModifyVpcEndpointRequest{PrivateDnsEnabled: new(true)}, "InvalidParameter")
	if out := must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{second}}); len(out.Unsuccessful) != 0 {
		t.Errorf("not deleted: %+v", out.Unsuccessful)
	}
	modify(shape.ModifyVpcEndpointRequest{PrivateDnsEnabled: new(true)})
	cannot(shape.ModifyVpcEndpointRequest{AddRouteTableIds: []string{h.table(v)}}, "InvalidParameter")
	id = "vpce-0abc"
	cannot(shape.ModifyVpcEndpointRequest{PrivateDnsEnabled: new(true)}, "InvalidVpcEndpointId.NotFound")
}

func TestDeletingSaysPerEndpointWhatWasWrong(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	a := h.subnet(v, "10.0.0.0/24", "a")
	id := *h.interfaceEndpoint(v, "logs", []string{a}, nil).VpcEndpointId
	out := must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{id, "vpce-0abc", id}})
	if len(out.Unsuccessful) != 1 || *out.Unsuccessful[0].Error.Code != "InvalidVpcEndpoint.NotFound" || *out.Unsuccessful[0].ResourceId != "vpce-0abc" {
		t.Errorf("unsuccessful: %+v", out.Unsuccessful)
	}
	if got := must[shape.DescribeNetworkInterfacesResult](h, "DescribeNetworkInterfaces", &shape.DescribeNetworkInterfacesRequest{}).NetworkInterfaces; len(got) != 0 {
		t.Errorf("its interface is left: %+v", got)
	}
	out = must[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{id}})
	if len(out.Unsuccessful) != 1 {
		t.Errorf("deleted twice: %+v", out.Unsuccessful)
	}
	refused[shape.DeleteVpcEndpointsResult](h, "DeleteVpcEndpoints", &shape.DeleteVpcEndpointsRequest{}, "MissingParameter", "")
}

func TestEndpointQuotas(t *testing.T) {
	h := start(t, t.TempDir()+"/db", Quotas{InterfaceEndpoints: 1, GatewayEndpoints: 1})
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	h.interfaceEndpoint(v, "logs", nil, nil)
	must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", endpointRequest(v, "s3", "Gateway"))
	refused[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", endpointRequest(v, "sts", "Interface"), "VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.")
	refused[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", endpointRequest(h.vpc("10.1.0.0/16"), "s3", "Gateway"), "VpcEndpointLimitExceeded", "")
}

func TestEndpointServices(t *testing.T) {
	h := newHouse(t)
	all := must[shape.DescribeVpcEndpointServicesResult](h, "DescribeVpcEndpointServices", &shape.DescribeVpcEndpointServicesRequest{})
	if len(all.ServiceDetails) != 34 || !slices.Contains(all.ServiceNames, "com.amazonaws.us-east-1.sagemaker.runtime") {
		t.Errorf("services %v", all.ServiceNames)
	}
	one := must[shape.DescribeVpcEndpointServicesResult](h, "DescribeVpcEndpointServices", &shape.DescribeVpcEndpointServicesRequest{
		ServiceNames: []string{"com.amazonaws.us-east-1.s3"}, Filters: []shape.Filter{filter("service-type", "Gateway")}}).ServiceDetails
	if len(one) != 1 || *one[0].Owner != "amazon" || one[0].BaseEndpointDnsNames[0] != "s3.us-east-1.amazonaws.com" || len(one[0].AvailabilityZones) != 3 {
		t.Errorf("s3 is %+v", one)
	}
	refused[shape.DescribeVpcEndpointServicesResult](h, "DescribeVpcEndpointServices", &shape.DescribeVpcEndpointServicesRequest{ServiceNames: []string{"com.amazonaws.us-east-1.x"}},
		"InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws.us-east-1.x' does not exist")
	lists := must[shape.DescribePrefixListsResult](h, "DescribePrefixLists", &shape.DescribePrefixListsRequest{Filters: []shape.Filter{filter("prefix-list-name", "com.amazonaws.us-east-1.s3")}}).PrefixLists
	if len(lists) != 1 || !slices.Equal(lists[0].Cidrs, []string{"52.216.0.0/15", "54.231.0.0/17"}) {
		t.Errorf("prefix lists %+v", lists)
	}
	if none := must[shape.DescribePrefixListsResult](h, "DescribePrefixLists", &shape.DescribePrefixListsRequest{Filters: []shape.Filter{filter("prefix-list-name", "com.amazonaws.us-east-1.sts")}}).PrefixLists; len(none) != 0 {
		t.Errorf("sts has a prefix list %+v", none)
	}
}

// A gateway endpoint shows the DNS record IP type that it was given; one with names has what it answers.
func TestDNSRecordTypesOfEndpoints(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	in := endpointRequest(v, "dynamodb", "Gateway")
	id := *must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", in).VpcEndpoint.VpcEndpointId
	if o := h.endpoint(id).DnsOptions; *o.DnsRecordIpType != "ipv4" {
		t.Errorf("a gateway endpoint has %s", *o.DnsRecordIpType)
	}
	defined := &shape.DnsOptionsSpecification{DnsRecordIpType: new("service-defined")}
	must[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: &id, DnsOptions: defined})
	if o := h.endpoint(id).DnsOptions; *o.DnsRecordIpType != "service-defined" {
		t.Errorf("modified, it has %s", *o.DnsRecordIpType)
	}
	in = endpointRequest(v, "s3", "Gateway")
	in.DnsOptions = defined
	if o := must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", in).VpcEndpoint.DnsOptions; *o.DnsRecordIpType != "service-defined" {
		t.Errorf("made, it has %s", *o.DnsRecordIpType)
	}
	in = endpointRequest(v, "logs", "Interface")
	in.DnsOptions = defined
	refused[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", in, "UnsupportedOperation", "The DNS record IP type service-defined is not supported.")
}
