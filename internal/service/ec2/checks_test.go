package ec2

import (
	"slices"
	"strings"
	"testing"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/ec2"
)

// asked writes checks as lines: the action, the resource's tail, and those keys that are not about
// the region or an id.
func asked(checks []api.Check) (out []string) {
	for _, c := range checks {
		line := strings.TrimPrefix(c.Action, "ec2:") + " " + strings.TrimPrefix(c.Resource, "arn:aws:ec2:us-east-1:"+account+":")
		for _, k := range c.Keys {
			if k.Name != "ec2:Region" && !strings.HasSuffix(k.Name, "ID") {
				line += " " + k.Name + "=" + strings.Join(k.Values, "+")
			}
		}
		out = append(out, line)
	}
	return out
}

func TestChecks(t *testing.T) {
	s := New(Config{Region: region})
	bound, err := s.Bind()
	if err != nil {
		t.Fatal(err)
	}
	tags := func(kind string) []shape.TagSpecification {
		return []shape.TagSpecification{{ResourceType: &kind, Tags: []shape.Tag{tag("a", "1")}}}
	}
	for name, c := range map[string]struct {
		in   any
		want []string
	}{
		"CreateVpc": {&shape.CreateVpcRequest{TagSpecifications: tags("vpc"), InstanceTenancy: new("dedicated")}, []string{
			"CreateVpc vpc/* ec2:Tenancy=dedicated aws:RequestTag/a=1 aws:TagKeys=a", "CreateTags vpc/* aws:RequestTag/a=1 aws:TagKeys=a ec2:CreateAction=CreateVpc"}},
		"DescribeVpcs": {&shape.DescribeVpcsRequest{VpcIds: []string{"vpc-1"}}, []string{"DescribeVpcs *"}},
		"CreateSubnet": {&shape.CreateSubnetRequest{VpcId: new("vpc-1")}, []string{"CreateSubnet subnet/*", "CreateSubnet vpc/vpc-1"}},
		"CreateVpcEndpoint": {&shape.CreateVpcEndpointRequest{VpcId: new("vpc-1"), ServiceName: new("s"), SubnetIds: []string{"subnet-1", "subnet-1"},
			SecurityGroupIds: []string{"sg-1"}, RouteTableIds: []string{"rtb-1"}}, []string{
			"CreateVpcEndpoint vpc/vpc-1", "CreateVpcEndpoint vpc-endpoint/* ec2:VpceServiceName=s ec2:VpceServiceOwner=amazon",
			"CreateVpcEndpoint subnet/subnet-1", "CreateVpcEndpoint security-group/sg-1", "CreateVpcEndpoint route-table/rtb-1"}},
		"DeleteVpcEndpoints": {&shape.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{"vpce-1", "vpce-2"}}, []string{
			"DeleteVpcEndpoints vpc-endpoint/vpce-1", "DeleteVpcEndpoints vpc-endpoint/vpce-2"}},
		"CreateNetworkInterface": {&shape.CreateNetworkInterfaceRequest{SubnetId: new("subnet-1"), Groups: []string{"sg-1"}}, []string{
			"CreateNetworkInterface network-interface/*", "CreateNetworkInterface subnet/subnet-1", "CreateNetworkInterface security-group/sg-1"}},
		"CreateNetworkInterfacePermission": {&shape.CreateNetworkInterfacePermissionRequest{NetworkInterfaceId: new("eni-1"), AwsService: new("s")}, []string{
			"CreateNetworkInterfacePermission network-interface/eni-1 ec2:AuthorizedService=s"}},
		"CreateTags": {&shape.CreateTagsRequest{Resources: []string{"sgr-1", "what"}, Tags: []shape.Tag{tag("a", "1")}}, []string{
			"CreateTags security-group-rule/sgr-1 aws:RequestTag/a=1 aws:TagKeys=a", "CreateTags */what aws:RequestTag/a=1 aws:TagKeys=a"}},
		"DeleteSecurityGroup": {&shape.DeleteSecurityGroupRequest{GroupName: new("x")}, []string{"DeleteSecurityGroup security-group/*"}},
	} {
		if got := asked(bound.Operations[name].Checks(callOf(account), c.in)); !slices.Equal(got, c.want) {
			t.Errorf("%s asks %q\nwant %q", name, got, c.want)
		}
	}
}

func TestEveryOperationAsksSomethingOfAnEmptyInput(t *testing.T) {
	bound, err := New(Config{Region: region}).Bind()
	if err != nil {
		t.Fatal(err)
	}
	for name, op := range bound.Operations {
		checks := op.Checks(callOf(account), op.New())
		if len(checks) == 0 {
			t.Errorf("%s asks nothing: nobody may", name)
		}
		for _, c := range checks {
			if c.Demand != api.Allowed || c.Action != "ec2:"+name {
				t.Errorf("%s asks %+v", name, c)
			}
			if strings.HasPrefix(name, "Describe") && !strings.Contains("DescribeVpcAttribute DescribeNetworkInterfaceAttribute DescribeVpcEndpointServicePermissions", name) && c.Resource != "*" {
				t.Errorf("%s asks of %s", name, c.Resource)
			}
		}
	}
}
