package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeNetworkAcls", describes[shape.DescribeNetworkAclsRequest]("DescribeNetworkAcls"), (*Service).describeNetworkAcls)

// acl is a VPC's default network ACL, the only one it has: it allows everything, so there is nothing
// for the fabric to do about it.
type acl struct {
	vpc     *vpc
	subnets []*subnet
}

// describeNetworkAcls shows what is true of every VPC; ACLs cannot be made or changed.
func (s *Service) describeNetworkAcls(ctx context.Context, c *api.Call, in *shape.DescribeNetworkAclsRequest) (*shape.DescribeNetworkAclsResult, error) {
	if err := begin(in, "NetworkAclIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeNetworkAclsResult{NetworkAcls: []shape.NetworkAcl{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := aclsOf(tx, c.Account(), in.NetworkAclIds)
		if err != nil {
			return err
		}
		page, err := sift(all, acl.id, func(a acl) map[string]string { return a.vpc.ACLTags },
			query{nil, in.Filters, in.MaxResults, in.NextToken}, aclFields)
		for _, a := range page.items {
			out.NetworkAcls = append(out.NetworkAcls, a.aws())
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}

func aclsOf(tx *store.Tx, account string, ids []string) (out []acl, err error) {
	nets, err := subnets.all(tx, account)
	if err != nil {
		return nil, err
	}
	list, err := vpcs.all(tx, account)
	if err != nil {
		return nil, err
	}
	missing := distinct(ids)
	for _, v := range list {
		if len(ids) > 0 && !slices.Contains(ids, v.ACL) {
			continue
		}
		missing = without(missing, []string{v.ACL})
		a := acl{vpc: v}
		for _, n := range nets {
			if n.VPC == v.ID {
				a.subnets = append(a.subnets, n)
			}
		}
		out = append(out, a)
	}
	if len(missing) > 0 {
		return nil, aclNotFound.New("The networkAcl ID '%s' does not exist", missing[0])
	}
	return out, nil
}

func (a acl) id() string { return a.vpc.ACL }

func (a acl) aws() shape.NetworkAcl {
	out := shape.NetworkAcl{
		NetworkAclId: &a.vpc.ACL, VpcId: &a.vpc.ID, OwnerId: &a.vpc.Account, IsDefault: new(true), Tags: awsTags(a.vpc.ACLTags),
		Associations: []shape.NetworkAclAssociation{},
	}
	for _, egress := range []bool{true, false} {
		for _, e := range []struct {
			number int32
			action string
		}{{100, "allow"}, {32767, "deny"}} {
			out.Entries = append(out.Entries, shape.NetworkAclEntry{
				CidrBlock: new("0.0.0.0/0"), Egress: new(egress), Protocol: new("-1"), RuleAction: new(e.action), RuleNumber: new(e.number),
			})
		}
	}
	for _, n := range a.subnets {
		out.Associations = append(out.Associations, shape.NetworkAclAssociation{
			NetworkAclAssociationId: &n.ACLAssociation, NetworkAclId: &a.vpc.ACL, SubnetId: &n.ID,
		})
	}
	return out
}

var aclFields = fields[acl]{
	"network-acl-id": one(acl.id),
	"vpc-id":         one(func(a acl) string { return a.vpc.ID }),
	"owner-id":       one(func(a acl) string { return a.vpc.Account }),
	"default":        one(func(acl) string { return "true" }),
	"association.subnet-id": func(a acl) (out []string) {
		for _, n := range a.subnets {
			out = append(out, n.ID)
		}
		return out
	},
	"association.association-id": func(a acl) (out []string) {
		for _, n := range a.subnets {
			out = append(out, n.ACLAssociation)
		}
		return out
	},
	"association.network-acl-id": func(a acl) []string {
		if len(a.subnets) == 0 {
			return nil
		}
		return []string{a.vpc.ACL}
	},
	"entry.cidr":        one(func(acl) string { return "0.0.0.0/0" }),
	"entry.egress":      func(acl) []string { return []string{"true", "false"} },
	"entry.protocol":    one(func(acl) string { return "-1" }),
	"entry.rule-action": func(acl) []string { return []string{"allow", "deny"} },
	"entry.rule-number": func(acl) []string { return []string{"100", "32767"} },
}
