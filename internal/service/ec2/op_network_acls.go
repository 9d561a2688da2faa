package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeNetworkAcls", describes[shape.DescribeNetworkAclsRequest]("DescribeNetworkAcls"), (*Service).describeNetworkAcls)

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
		page, err := sift(all, func(a shownACL) string { return a.ID }, func(a shownACL) map[string]string { return a.Tags },
			query{nil, in.Filters, in.MaxResults, in.NextToken}, aclFields)
		for _, a := range page.items {
			out.NetworkAcls = append(out.NetworkAcls, a.aws())
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}

var _ = api.Define(operations, "CreateNetworkAcl", func(c *api.Call, in *shape.CreateNetworkAclRequest) []api.Check {
	return append(creates(c, "CreateNetworkAcl", "network-acl", in.TagSpecifications), check(c, "CreateNetworkAcl", "vpc", str(in.VpcId)))
}, (*Service).createNetworkAcl)

// createNetworkAcl makes one that refuses everything.
func (s *Service) createNetworkAcl(ctx context.Context, c *api.Call, in *shape.CreateNetworkAclRequest) (*shape.CreateNetworkAclResult, error) {
	if err := begin(in, "VpcId", "ClientToken", "TagSpecifications"); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "network-acl")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateNetworkAclResult{ClientToken: in.ClientToken}
	return out, s.change(ctx, func(tx *store.Tx) error {
		a, err := again(tx, acls, c.Account(), "CreateNetworkAcl", in.ClientToken, in)
		if err != nil {
			return err
		}
		if a == nil {
			v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
			if err != nil {
				return err
			}
			n, err := countIn(tx, acls, c.Account(), func(a *acl) bool { return a.VPC == v.ID })
			if err != nil || n >= s.Quotas.ACLsPerVPC {
				return either(err, aclLimit.New("The maximum number of network ACLs has been reached."))
			}
			a = &acl{head: acls.begin(tx, c.Account(), tags), VPC: v.ID}
			if err := acls.put(tx, a); err != nil {
				return err
			}
			if err := remember(tx, c.Account(), "CreateNetworkAcl", in.ClientToken, in, a.ID); err != nil {
				return err
			}
		}
		out.NetworkAcl = new(shownACL{acl: a}.aws())
		return nil
	})
}

var _ = api.Define(operations, "DeleteNetworkAcl", named("DeleteNetworkAcl", "network-acl",
	func(in *shape.DeleteNetworkAclRequest) *string { return in.NetworkAclId }), (*Service).deleteNetworkAcl)

func (s *Service) deleteNetworkAcl(ctx context.Context, c *api.Call, in *shape.DeleteNetworkAclRequest) (*struct{}, error) {
	if err := begin(in, "NetworkAclId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		found, err := aclsOf(tx, c.Account(), []string{str(in.NetworkAclId)})
		if err != nil {
			return err
		}
		a := found[0]
		if a.Default {
			return invalidParameter.New("cannot delete default network ACL %s", a.ID)
		}
		if len(a.subnets) > 0 {
			return dependencyViolation.New("The networkAcl '%s' has dependencies and cannot be deleted.", a.ID)
		}
		return acls.remove(tx, a.acl)
	})
}

var _ = api.Define(operations, "ReplaceNetworkAclAssociation", func(c *api.Call, in *shape.ReplaceNetworkAclAssociationRequest) []api.Check {
	return []api.Check{check(c, "ReplaceNetworkAclAssociation", "network-acl", str(in.NetworkAclId))}
}, (*Service).replaceNetworkAclAssociation)

// replaceNetworkAclAssociation gives a subnet another ACL; the association gets another id by it.
func (s *Service) replaceNetworkAclAssociation(ctx context.Context, c *api.Call, in *shape.ReplaceNetworkAclAssociationRequest) (*shape.ReplaceNetworkAclAssociationResult, error) {
	if err := begin(in, "AssociationId", "NetworkAclId"); err != nil {
		return nil, err
	}
	id := str(in.AssociationId)
	if !wellFormed("aclassoc-", id) {
		return nil, malformedAssociation.New("Invalid id: \"%s\" (expecting \"aclassoc-...\")", id)
	}
	out := new(shape.ReplaceNetworkAclAssociationResult)
	return out, s.change(ctx, func(tx *store.Tx) error {
		a, err := acls.get(tx, c.Account(), str(in.NetworkAclId))
		if err != nil {
			return err
		}
		list, err := subnets.where(tx, c.Account(), func(n *subnet) bool { return n.ACLAssociation == id })
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return associationNotFound.New("The association ID '%s' does not exist", id)
		}
		n := list[0]
		if n.VPC != a.VPC {
			return invalidParameter.New("networkAcl %s and subnet %s belong to different networks", a.ID, n.ID)
		}
		n.ACL, n.ACLAssociation = a.ID, newID("aclassoc-")
		if a.Default {
			n.ACL = ""
		}
		out.NewAssociationId = &n.ACLAssociation
		return subnets.put(tx, n)
	})
}

// changeACL changes the entries of an ACL.
func (s *Service) changeACL(ctx context.Context, account, id string, f func(*acl) error) error {
	return s.change(ctx, func(tx *store.Tx) error {
		a, err := acls.get(tx, account, id)
		if err != nil {
			return err
		}
		if err := f(a); err != nil {
			return err
		}
		slices.SortFunc(a.Entries, func(x, y aclEntry) int { return x.Number - y.Number })
		return acls.put(tx, a)
	})
}
