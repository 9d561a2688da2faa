package ec2

import (
	"fmt"
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

func (h *house) allow(g string, p ...shape.IpPermission) []shape.SecurityGroupRule {
	h.Helper()
	return must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress",
		&shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: p}).SecurityGroupRules
}

func (h *house) showGroup(id string) shape.SecurityGroup {
	h.Helper()
	return must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{GroupIds: []string{id}}).SecurityGroups[0]
}

// TestTheCallsThatTerraformMakes goes the way of its aws_security_group.
func TestTheCallsThatTerraformMakes(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	g := h.group(v, "tf")
	everything := shape.IpPermission{IpProtocol: new("-1"), FromPort: new(int32(0)), ToPort: new(int32(0))}
	everywhere, everywhere6 := everything, everything
	everywhere.IpRanges = []shape.IpRange{{CidrIp: new("0.0.0.0/0")}}
	everywhere6.Ipv6Ranges = []shape.Ipv6Range{{CidrIpv6: new("::/0")}}
	must[shape.RevokeSecurityGroupEgressResult](h, "RevokeSecurityGroupEgress", &shape.RevokeSecurityGroupEgressRequest{GroupId: &g, IpPermissions: []shape.IpPermission{everywhere}})
	refused[shape.RevokeSecurityGroupEgressResult](h, "RevokeSecurityGroupEgress",
		&shape.RevokeSecurityGroupEgressRequest{GroupId: &g, IpPermissions: []shape.IpPermission{everywhere6}},
		"InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
	if s := h.showGroup(g); len(s.IpPermissionsEgress) != 0 {
		t.Errorf("egress after its revocation: %+v", s.IpPermissionsEgress)
	}
	must[shape.AuthorizeSecurityGroupEgressResult](h, "AuthorizeSecurityGroupEgress", &shape.AuthorizeSecurityGroupEgressRequest{GroupId: &g, IpPermissions: []shape.IpPermission{everywhere}})
	h.allow(g, web("10.0.0.0/16")...)
	s := h.showGroup(g)
	in := s.IpPermissions[0]
	if *in.IpProtocol != "tcp" || *in.FromPort != 443 || *in.IpRanges[0].CidrIp != "10.0.0.0/16" || s.IpPermissionsEgress[0].FromPort != nil {
		t.Errorf("shown as %+v", s)
	}
	must[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &g})
	refused[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{GroupIds: []string{g}},
		"InvalidGroup.NotFound", "The security group '"+g+"' does not exist")
}

func TestRules(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	g, peer := h.group(v, "servers"), h.group(v, "clients")
	p := web("10.0.0.0/16")[0]
	p.IpRanges = append(p.IpRanges, shape.IpRange{CidrIp: new("10.9.9.9/8"), Description: new("all of ours")})
	p.UserIdGroupPairs = []shape.UserIdGroupPair{{GroupId: &peer}}
	p.PrefixListIds = []shape.PrefixListId{{PrefixListId: new("pl-63a5400a")}}
	made := h.allow(g, p)
	if len(made) != 4 || *made[1].CidrIpv4 != "10.0.0.0/8" || *made[1].Description != "all of ours" || *made[2].ReferencedGroupInfo.GroupId != peer {
		t.Fatalf("made %+v", made)
	}
	if s := h.showGroup(g); len(s.IpPermissions) != 1 || len(s.IpPermissions[0].IpRanges) != 2 || len(s.IpPermissions[0].PrefixListIds) != 1 {
		t.Errorf("the group shows %+v", s.IpPermissions)
	}
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: web("10.0.0.0/16")},
		"InvalidPermission.Duplicate", `the specified rule "peer: 10.0.0.0/16, TCP, from port: 443, to port: 443, ALLOW" already exists`)
	refused[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &peer},
		"DependencyViolation", "resource "+peer+" has a dependent object")

	byID := &shape.DescribeSecurityGroupRulesRequest{SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}}
	if out := must[shape.DescribeSecurityGroupRulesResult](h, "DescribeSecurityGroupRules", byID).SecurityGroupRules; len(out) != 1 || *out[0].GroupId != g {
		t.Errorf("found %+v", out)
	}
	byGroup := &shape.DescribeSecurityGroupRulesRequest{Filters: []shape.Filter{filter("group-id", g)}}
	if out := must[shape.DescribeSecurityGroupRulesResult](h, "DescribeSecurityGroupRules", byGroup).SecurityGroupRules; len(out) != 5 {
		t.Errorf("the group has %d rules, want 5", len(out))
	}
	must[shape.ModifySecurityGroupRulesResult](h, "ModifySecurityGroupRules", &shape.ModifySecurityGroupRulesRequest{GroupId: &g,
		SecurityGroupRules: []shape.SecurityGroupRuleUpdate{{SecurityGroupRuleId: made[0].SecurityGroupRuleId, SecurityGroupRule: &shape.SecurityGroupRuleRequest{
			IpProtocol: new("udp"), FromPort: new(int32(53)), ToPort: new(int32(54)), CidrIpv4: new("10.2.0.0/16")}}}})
	if out := must[shape.DescribeSecurityGroupRulesResult](h, "DescribeSecurityGroupRules", byID).SecurityGroupRules[0]; *out.IpProtocol != "udp" || *out.CidrIpv4 != "10.2.0.0/16" {
		t.Errorf("modified to %+v", out)
	}
	must[shape.UpdateSecurityGroupRuleDescriptionsIngressResult](h, "UpdateSecurityGroupRuleDescriptionsIngress", &shape.UpdateSecurityGroupRuleDescriptionsIngressRequest{
		GroupId: &g, SecurityGroupRuleDescriptions: []shape.SecurityGroupRuleDescription{{SecurityGroupRuleId: made[0].SecurityGroupRuleId, Description: new("names")}}})
	if out := must[shape.DescribeSecurityGroupRulesResult](h, "DescribeSecurityGroupRules", byID).SecurityGroupRules[0]; *out.Description != "names" {
		t.Errorf("described as %+v", out)
	}

	gone := must[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress",
		&shape.RevokeSecurityGroupIngressRequest{GroupId: &g, SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId, *made[2].SecurityGroupRuleId}}).RevokedSecurityGroupRules
	if len(gone) != 2 {
		t.Errorf("revoked %+v", gone)
	}
	refused[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress", &shape.RevokeSecurityGroupIngressRequest{GroupId: &g, SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}},
		"InvalidSecurityGroupRuleId.NotFound", "")
	must[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &peer})
}

func TestAGroupThatNamesOnlyItselfCanGo(t *testing.T) {
	h := newHouse(t)
	g := h.group(h.vpc("10.0.0.0/16"), "peers")
	h.allow(g, shape.IpPermission{IpProtocol: new("-1"), UserIdGroupPairs: []shape.UserIdGroupPair{{GroupId: &g}}})
	must[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &g})
}

func TestNamesOfGroupsAreTheirVPCs(t *testing.T) {
	h := newHouse(t)
	one, two := h.group(h.vpc("10.0.0.0/16"), "same"), h.group(h.vpc("10.1.0.0/16"), "same")
	if one == two {
		t.Errorf("both are %s", one)
	}
}

func TestAuthorizeIsAllOrNothing(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	g := h.group(v, "servers")
	h.allow(g, web("10.0.0.0/16")...)
	two := append(web("10.5.0.0/16"), web("10.0.0.0/16")...)
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: two}, "InvalidPermission.Duplicate", "")
	refused[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress",
		&shape.RevokeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: append(web("10.0.0.0/16"), web("10.6.0.0/16")...)}, "InvalidPermission.NotFound", "")
	if s := h.showGroup(g); len(s.IpPermissions[0].IpRanges) != 1 {
		t.Errorf("half of a refused call stayed, or left: %+v", s.IpPermissions)
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	h := start(t, t.TempDir()+"/db", Quotas{RulesPerDirection: 2})
	v := h.vpc("10.0.0.0/16")
	g, foreign := h.group(v, "servers"), h.group(h.vpc("10.1.0.0/16"), "foreign")
	port := func(protocol string, from, to int32) shape.IpPermission {
		return shape.IpPermission{IpProtocol: &protocol, FromPort: &from, ToPort: &to, IpRanges: []shape.IpRange{{CidrIp: new("10.0.0.0/8")}}}
	}
	for i, c := range []struct {
		p    []shape.IpPermission
		code string
	}{
		{nil, "MissingParameter"},
		{[]shape.IpPermission{{IpProtocol: new("tcp"), FromPort: new(int32(1)), ToPort: new(int32(2))}}, "MissingParameter"},
		{[]shape.IpPermission{{IpRanges: []shape.IpRange{{CidrIp: new("10.0.0.0/8")}}}}, "MissingParameter"},
		{[]shape.IpPermission{{IpProtocol: new("tcp"), IpRanges: []shape.IpRange{{CidrIp: new("10.0.0.0/8")}}}}, "InvalidParameterValue"},
		{[]shape.IpPermission{port("tcp", 443, 80)}, "InvalidParameterValue"},
		{[]shape.IpPermission{port("tcp", 0, 65536)}, "InvalidParameterValue"},
		{[]shape.IpPermission{port("smtp", 25, 25)}, "InvalidParameterValue"},
		{[]shape.IpPermission{port("256", 0, 0)}, "InvalidParameterValue"},
		{[]shape.IpPermission{port("icmp", -1, 8)}, "InvalidParameterValue"},
		{[]shape.IpPermission{port("icmpv6", -1, -1)}, "UnsupportedOperation"},
		{web("10.0.0.0/33"), "InvalidParameterValue"},
		{web("10.0.0.0"), "InvalidParameterValue"},
		{append(web("10.0.0.0/8"), web("10.1.2.3/8")...), "InvalidParameterValue"},
		{[]shape.IpPermission{{IpProtocol: new("-1"), Ipv6Ranges: []shape.Ipv6Range{{CidrIpv6: new("::/0")}}}}, "UnsupportedOperation"},
		{[]shape.IpPermission{{IpProtocol: new("-1"), UserIdGroupPairs: []shape.UserIdGroupPair{{GroupId: &foreign}}}}, "InvalidGroup.NotFound"},
		{[]shape.IpPermission{{IpProtocol: new("-1"), UserIdGroupPairs: []shape.UserIdGroupPair{{GroupId: new("sg-0abc")}}}}, "InvalidGroup.NotFound"},
		{[]shape.IpPermission{{IpProtocol: new("-1"), UserIdGroupPairs: []shape.UserIdGroupPair{{GroupId: new("group")}}}}, "InvalidGroupId.Malformed"},
		{[]shape.IpPermission{{IpProtocol: new("-1"), PrefixListIds: []shape.PrefixListId{{PrefixListId: new("pl-00000000")}}}}, "InvalidPrefixListID.NotFound"},
		{[]shape.IpPermission{{IpProtocol: new("-1"), IpRanges: []shape.IpRange{{CidrIp: new("10.0.0.0/8"), Description: new("<b>")}}}}, "InvalidParameterValue"},
		{append(append(web("10.0.0.0/16"), web("10.1.0.0/16")...), web("10.2.0.0/16")...), "RulesPerSecurityGroupLimitExceeded"},
	} {
		_, err := try[shape.AuthorizeSecurityGroupIngressResult](h, account, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: c.p})
		if err == nil || fmt.Sprint(err)[:len(c.code)] != c.code {
			t.Errorf("case %d: %v, want %s", i, err, c.code)
		}
	}
	if s := h.showGroup(g); len(s.IpPermissions) != 0 {
		t.Errorf("a refused rule stayed: %+v", s.IpPermissions)
	}
	for in, code := range map[*shape.CreateSecurityGroupRequest]string{
		{VpcId: &v, GroupName: new("servers"), Description: new("x")}: "InvalidGroup.Duplicate",
		{VpcId: &v, GroupName: new("sg-x"), Description: new("x")}:    "InvalidParameterValue",
		{VpcId: &v, GroupName: new("default"), Description: new("x")}: "InvalidParameterValue",
		{VpcId: &v, GroupName: new("x")}:                              "MissingParameter",
		{GroupName: new("x"), Description: new("x")}:                  "VPCIdNotSpecified",
	} {
		refused[shape.CreateSecurityGroupResult](h, "CreateSecurityGroup", in, code, "")
	}
	def := must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{Filters: []shape.Filter{filter("group-name", "default")}}).SecurityGroups[0]
	refused[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: def.GroupId}, "CannotDelete", "")
	refused[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{GroupNames: []string{"servers"}}, "VPCIdNotSpecified", "")
	refused[shape.DescribeSecurityGroupRulesResult](h, "DescribeSecurityGroupRules", &shape.DescribeSecurityGroupRulesRequest{SecurityGroupRuleIds: []string{"sg-1"}},
		"InvalidSecurityGroupRuleId.Malformed", `Invalid id: "sg-1" (expecting "sgr-...")`)
}
