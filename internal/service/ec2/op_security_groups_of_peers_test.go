package ec2

import (
	"testing"

	shape "cloister/internal/value/shape/ec2"
)

// What the API tells of groups that name each other over a peering: before, during and after it.
func TestReferencesOverAPeering(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	g, o := h.group(v, "a"), h.group(w, "b")
	references := func(id string) []shape.SecurityGroupReference {
		return must[shape.DescribeSecurityGroupReferencesResult](h, "DescribeSecurityGroupReferences", &shape.DescribeSecurityGroupReferencesRequest{GroupId: []string{id}}).SecurityGroupReferenceSet
	}
	stale := func() []shape.StaleSecurityGroup {
		return must[shape.DescribeStaleSecurityGroupsResult](h, "DescribeStaleSecurityGroups", &shape.DescribeStaleSecurityGroupsRequest{VpcId: &v}).StaleSecurityGroupSet
	}
	pcx := h.peer(v, w)
	if r := references(o); len(r) != 0 {
		t.Errorf("nobody names it, and yet %+v", r)
	}
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: from(o, "")})
	if r := references(o); len(r) != 1 || *r[0].ReferencingVpcId != v || *r[0].VpcPeeringConnectionId != pcx {
		t.Errorf("references %+v", r)
	}
	if r := references(g); len(r) != 0 {
		t.Errorf("the one that names is named: %+v", r)
	}
	if s := stale(); len(s) != 0 {
		t.Errorf("stale while peered: %+v", s)
	}
	must[shape.DeleteVpcPeeringConnectionResult](h, "DeleteVpcPeeringConnection", &shape.DeleteVpcPeeringConnectionRequest{VpcPeeringConnectionId: &pcx})
	if r := references(o); len(r) != 0 {
		t.Errorf("references after the peering: %+v", r)
	}
	s := stale()
	if len(s) != 1 || *s[0].GroupId != g || len(s[0].StaleIpPermissions) != 1 || len(s[0].StaleIpPermissionsEgress) != 0 || *s[0].StaleIpPermissions[0].UserIdGroupPairs[0].PeeringStatus != "deleted" {
		t.Errorf("stale %+v", s)
	}
	refused[shape.DescribeStaleSecurityGroupsResult](h, "DescribeStaleSecurityGroups", &shape.DescribeStaleSecurityGroupsRequest{VpcId: new("vpc-0abc")}, "InvalidVpcID.NotFound", "")
	refused[shape.DescribeSecurityGroupReferencesResult](h, "DescribeSecurityGroupReferences", &shape.DescribeSecurityGroupReferencesRequest{GroupId: []string{"sg-0abc"}}, "InvalidGroup.NotFound", "")
	refused[shape.DescribeSecurityGroupReferencesResult](h, "DescribeSecurityGroupReferences", &shape.DescribeSecurityGroupReferencesRequest{}, "MissingParameter", "")
}

func TestAGroupThatWentBeyondAPeeringIsStale(t *testing.T) {
	h := newHouse(t)
	v, w := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	g, o := h.group(v, "a"), h.group(w, "b")
	h.peer(v, w)
	must[shape.AuthorizeSecurityGroupIngressResult](h, "AuthorizeSecurityGroupIngress", &shape.AuthorizeSecurityGroupIngressRequest{GroupId: &g, IpPermissions: from(o, "")})
	must[shape.DeleteSecurityGroupResult](h, "DeleteSecurityGroup", &shape.DeleteSecurityGroupRequest{GroupId: &o})
	if s := must[shape.DescribeStaleSecurityGroupsResult](h, "DescribeStaleSecurityGroups", &shape.DescribeStaleSecurityGroupsRequest{VpcId: &v}).StaleSecurityGroupSet; len(s) != 1 {
		t.Errorf("stale %+v", s)
	}
}

func TestGroupsForAVPC(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.vpc("10.1.0.0/16")
	g := h.group(v, "mine")
	in := &shape.GetSecurityGroupsForVpcRequest{VpcId: &v}
	if got := must[shape.GetSecurityGroupsForVpcResult](h, "GetSecurityGroupsForVpc", in).SecurityGroupForVpcs; len(got) != 2 || *got[0].PrimaryVpcId != v {
		t.Errorf("groups %+v", got)
	}
	in.Filters = []shape.Filter{filter("group-name", "mine"), filter("primary-vpc-id", v), filter("owner-id", account), filter("description", "*"), filter("group-id", g)}
	if got := must[shape.GetSecurityGroupsForVpcResult](h, "GetSecurityGroupsForVpc", in).SecurityGroupForVpcs; len(got) != 1 || *got[0].GroupId != g {
		t.Errorf("found %+v", got)
	}
	refused[shape.GetSecurityGroupsForVpcResult](h, "GetSecurityGroupsForVpc", &shape.GetSecurityGroupsForVpcRequest{VpcId: new("vpc-0abc")}, "InvalidVpcID.NotFound", "")
	refused[shape.GetSecurityGroupsForVpcResult](h, "GetSecurityGroupsForVpc", &shape.GetSecurityGroupsForVpcRequest{VpcId: &v, DryRun: new(true)}, "DryRunOperation", "")
}
