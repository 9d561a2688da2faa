package ec2

import (
	"testing"

	"cloister/internal/engine/reach"
	shape "cloister/internal/value/shape/ec2"
)

// from is a permission for a group, of another account if one is named.
func from(group, account string) []shape.IpPermission {
	pair := shape.UserIdGroupPair{GroupId: &group}
	if account != "" {
		pair.UserId = &account
	}
	return []shape.IpPermission{{IpProtocol: new("tcp"), FromPort: new(int32(80)), ToPort: new(int32(80)), UserIdGroupPairs: []shape.UserIdGroupPair{pair}}}
}

func TestGroupsOfPeers(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpcOf(other, "10.1.0.0/16")
	g := h.group(v, "mine")
	made, err := try[shape.CreateSecurityGroupResult](h, other, "CreateSecurityGroup", &shape.CreateSecurityGroupRequest{VpcId: &w, GroupName: new("theirs"), Description: new("theirs")})
	if err != nil {
		t.Fatal(err)
	}
	theirs := *made.GroupId
	in := &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: from(theirs, other)}
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in, "InvalidGroup.NotFound", "The security group '"+theirs+"' does not exist")
	pcx := *h.ask(account, v, other, w).VpcPeeringConnectionId
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in, "InvalidGroup.NotFound", "")
	if _, err := try[shape.AcceptVpcPeeringConnectionResult](h, other, "AcceptVpcPeeringConnection", &shape.AcceptVpcPeeringConnectionRequest{VpcPeeringConnectionId: &pcx}); err != nil {
		t.Fatal(err)
	}
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: from(theirs, "")}, "InvalidGroup.NotFound", "")
	rule := must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in).SecurityGroupRules[0]
	if r := rule.ReferencedGroupInfo; *r.UserId != other || *r.VpcId != w || *r.VpcPeeringConnectionId != pcx || *r.PeeringStatus != "provisioning" && *r.PeeringStatus != "active" {
		t.Errorf("made %+v", r)
	}
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: from(other+"/"+theirs, "")}, "InvalidPermission.Duplicate", "")
	must[shape.ModifySecurityGroupRulesResult](h, "ModifySecurityGroupRules", &shape.ModifySecurityGroupRulesRequest{GroupId: &g, SecurityGroupRules: []shape.SecurityGroupRuleUpdate{{
		SecurityGroupRuleId: rule.SecurityGroupRuleId, SecurityGroupRule: &shape.SecurityGroupRuleRequest{IpProtocol: new("tcp"), FromPort: new(int32(80)), ToPort: new(int32(81)), ReferencedGroupId: &theirs}}}})
	pair := func() shape.UserIdGroupPair {
		return must[shape.DescribeSecurityGroupsResult](h, "DescribeSecurityGroups", &shape.DescribeSecurityGroupsRequest{GroupIds: []string{g}}).SecurityGroups[0].IpPermissions[0].UserIdGroupPairs[0]
	}
	if p := pair(); *p.GroupId != theirs || *p.UserId != other || *p.VpcPeeringConnectionId != pcx || *p.PeeringStatus != "active" {
		t.Errorf("described %+v", p)
	}
	if _, err := reach.NewIndex(h.fabric.network()); err != nil {
		t.Errorf("the network contradicts itself: %v", err)
	}
	// Their group may go, and the rule is stale.
	if _, err := try[shape.DeleteSecurityGroupResult](h, other, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &theirs}); err != nil {
		t.Error(err)
	}
	must[shape.DeleteVpcPeeringConnectionResult](h, "DeleteVpcPeeringConnection", &shape.DeleteVpcPeeringConnectionRequest{VpcPeeringConnectionId: &pcx})
	if p := pair(); *p.PeeringStatus != "deleted" {
		t.Errorf("stale %+v", p)
	}
	must[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress", &shape.RevokeSecurityGroupIngressRequest{GroupId: &g, SecurityGroupRuleIds: []string{*rule.SecurityGroupRuleId}})
}

func TestGroupsOfOnesOwnPeers(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	g, o := h.group(v, "a"), h.group(w, "b")
	in := &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: from(o, "")}
	refused[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in, "InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
	h.peer(v, w)
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", in)
	must[shape.RevokeSecurityGroupIngressResult](h, "RevokeSecurityGroupIngress", &shape.RevokeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: from(o, "")})
}
