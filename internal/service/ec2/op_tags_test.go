package ec2

import (
	"fmt"
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func tag(k, v string) shape.Tag { return shape.Tag{Key: &k, Value: &v} }

func TestEveryResourceCanBeTagged(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	rules := must[shape.DescribeSecurityGroupRulesResult](h, "DescribeSecurityGroupRules", &shape.DescribeSecurityGroupRulesRequest{}).SecurityGroupRules
	acl := *must[shape.DescribeNetworkAclsResult](h, "DescribeNetworkAcls", &shape.DescribeNetworkAclsRequest{}).NetworkAcls[0].NetworkAclId
	gateway := *must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", endpointRequest(v, "s3", "Gateway")).VpcEndpoint.VpcEndpointId
	ids := []string{v, a, h.table(v), h.group(v, "g"), gateway, *h.eni(a).NetworkInterfaceId, *rules[0].SecurityGroupRuleId, acl}
	must[struct{}](h, "CreateTags", &shape.CreateTagsRequest{Resources: ids, Tags: []shape.Tag{tag("team", "blue"), tag("stage", "test")}})
	must[struct{}](h, "CreateTags", &shape.CreateTagsRequest{Resources: ids[:1], Tags: []shape.Tag{tag("team", "red")}})
	for filters, want := range map[*[]shape.Filter]int{
		{}: 16, {filter("key", "team")}: 8, {filter("value", "red")}: 1, {filter("resource-id", v)}: 2, {filter("resource-type", "network-acl", "vpc")}: 4,
		{filter("tag:team", "b*")}: 7, {filter("key", "team"), filter("value", "test")}: 0,
	} {
		if got := must[shape.DescribeTagsResult](h, "DescribeTags", &shape.DescribeTagsRequest{Filters: *filters}).Tags; len(got) != want {
			t.Errorf("%+v finds %d tags, want %d", *filters, len(got), want)
		}
	}
	if got := must[shape.DescribeVpcsResult](h, "DescribeVpcs", &shape.DescribeVpcsRequest{}).Vpcs[0].Tags; len(got) != 2 || *got[1].Value != "red" {
		t.Errorf("the VPC shows %+v", got)
	}
	must[struct{}](h, "DeleteTags", &shape.DeleteTagsRequest{Resources: ids, Tags: []shape.Tag{tag("team", "blue"), {Key: new("stage")}}})
	if got := must[shape.DescribeTagsResult](h, "DescribeTags", &shape.DescribeTagsRequest{}).Tags; len(got) != 1 || *got[0].Value != "red" {
		t.Errorf("left: %+v", got)
	}
	must[struct{}](h, "DeleteTags", &shape.DeleteTagsRequest{Resources: []string{v}})
	if got := must[shape.DescribeTagsResult](h, "DescribeTags", &shape.DescribeTagsRequest{}).Tags; len(got) != 0 {
		t.Errorf("left: %+v", got)
	}
}

func TestTagsThatCannotBe(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	var many []shape.Tag
	for i := range 51 {
		many = append(many, tag(fmt.Sprint("k", i), ""))
	}
	for code, in := range map[string]*shape.CreateTagsRequest{
		"InvalidID":             {Resources: []string{"xyz-0abc"}, Tags: []shape.Tag{tag("a", "b")}},
		"InvalidVpcID.NotFound": {Resources: []string{v, "vpc-0abc"}, Tags: []shape.Tag{tag("a", "b")}},
		"MissingParameter":      {Resources: []string{v}},
		"InvalidParameterValue": {Resources: []string{v}, Tags: []shape.Tag{tag("aws:mine", "b")}},
		"TagLimitExceeded":      {Resources: []string{v}, Tags: many},
	} {
		refused[struct{}](h, "CreateTags", in, code, "")
	}
	if got := must[shape.DescribeTagsResult](h, "DescribeTags", &shape.DescribeTagsRequest{}).Tags; len(got) != 0 {
		t.Errorf("a refused call left %+v", got)
	}
	wrong := &shape.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), TagSpecifications: []shape.TagSpecification{{ResourceType: new("subnet"), Tags: many[:1]}}}
	refused[shape.CreateVpcResult](h, "CreateVpc", wrong, "InvalidParameterValue", "'subnet' is not a valid taggable resource type for this operation.")
	wrong.TagSpecifications = []shape.TagSpecification{{ResourceType: new("vpc")}}
	refused[shape.CreateVpcResult](h, "CreateVpc", wrong, "InvalidParameterValue", "Tag specification must have at least one tag")
}

func TestATagKeyIsGivenOnce(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	twice := []shape.Tag{tag("team", "red"), tag("team", "blue")}
	refused[struct{}](h, "CreateTags", &shape.CreateTagsRequest{Resources: []string{v}, Tags: twice}, "InvalidParameterValue", "Duplicate tag key 'team' specified.")
	specs := []shape.TagSpecification{{ResourceType: new("vpc"), Tags: twice[:1]}, {ResourceType: new("vpc"), Tags: twice[1:]}}
	refused[shape.CreateVpcResult](h, "CreateVpc", &shape.CreateVpcRequest{CidrBlock: new("10.1.0.0/16"), TagSpecifications: specs}, "InvalidParameterValue", "Duplicate tag key 'team' specified.")
}
