package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "GetSecurityGroupsForVpc", func(c *api.Call, in *shape.GetSecurityGroupsForVpcRequest) []api.Check {
	return []api.Check{check(c, "GetSecurityGroupsForVpc", "vpc", str(in.VpcId))}
}, (*Service).getSecurityGroupsForVpc)

// getSecurityGroupsForVpc gives the groups that an interface in a VPC can have: the VPC's own.
func (s *Service) getSecurityGroupsForVpc(ctx context.Context, c *api.Call, in *shape.GetSecurityGroupsForVpcRequest) (*shape.GetSecurityGroupsForVpcResult, error) {
	if err := begin(in, "VpcId", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.GetSecurityGroupsForVpcResult{SecurityGroupForVpcs: []shape.SecurityGroupForVpc{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := groupsOfVPC(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		page, err := sift(all, func(g *group) string { return g.ID }, func(g *group) map[string]string { return g.Tags },
			query{nil, in.Filters, in.MaxResults, in.NextToken}, fields[*group]{
				"group-id":       one(func(g *group) string { return g.ID }),
				"group-name":     one(func(g *group) string { return g.Name }),
				"description":    one(func(g *group) string { return g.Description }),
				"owner-id":       one(func(g *group) string { return g.Account }),
				"primary-vpc-id": one(func(g *group) string { return g.VPC }),
			})
		for _, g := range page.items {
			out.SecurityGroupForVpcs = append(out.SecurityGroupForVpcs, shape.SecurityGroupForVpc{
				GroupId: &g.ID, GroupName: &g.Name, Description: &g.Description, OwnerId: &g.Account, PrimaryVpcId: &g.VPC, Tags: awsTags(g.Tags),
			})
		}
		out.NextToken = page.next
		return err
	})
}

func groupsOfVPC(tx *store.Tx, account, id string) ([]*group, error) {
	v, err := vpcs.get(tx, account, id)
	if err != nil {
		return nil, err
	}
	return groups.where(tx, account, func(g *group) bool { return g.VPC == v.ID })
}

var _ = api.Define(operations, "DescribeStaleSecurityGroups",
	describes[shape.DescribeStaleSecurityGroupsRequest]("DescribeStaleSecurityGroups"), (*Service).describeStaleSecurityGroups)

// describeStaleSecurityGroups shows the rules of a VPC's groups that name a group beyond a peering which
// is over, or a group there that is gone.
func (s *Service) describeStaleSecurityGroups(ctx context.Context, c *api.Call, in *shape.DescribeStaleSecurityGroupsRequest) (*shape.DescribeStaleSecurityGroupsResult, error) {
	if err := begin(in, "VpcId", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeStaleSecurityGroupsResult{StaleSecurityGroupSet: []shape.StaleSecurityGroup{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := groupsOfVPC(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		var stale []*group
		for _, g := range all {
			left, err := staleRules(tx, g)
			if err != nil {
				return err
			}
			if len(left) > 0 {
				stale = append(stale, &group{head: g.head, VPC: g.VPC, Name: g.Name, Description: g.Description, Rules: left})
			}
		}
		page, err := sift(stale, func(g *group) string { return g.ID }, nil, query{nil, nil, in.MaxResults, in.NextToken}, nil)
		for _, g := range page.items {
			out.StaleSecurityGroupSet = append(out.StaleSecurityGroupSet, shape.StaleSecurityGroup{
				GroupId: &g.ID, GroupName: &g.Name, Description: &g.Description, VpcId: &g.VPC,
				StaleIpPermissions: stalePermissions(g, false), StaleIpPermissionsEgress: stalePermissions(g, true),
			})
		}
		out.NextToken = page.next
		return err
	})
}

func staleRules(tx *store.Tx, g *group) (out []rule, err error) {
	if err := look(tx, g); err != nil {
		return nil, err
	}
	for _, r := range g.Rules {
		if r.Peer == nil {
			continue
		}
		o, err := groups.table.Get(tx, store.Key(r.Peer.Account, r.Group))
		if err != nil {
			return nil, err
		}
		if o == nil || r.Peer.status != peeringActive && r.Peer.status != peeringProvisioning {
			out = append(out, r)
		}
	}
	return out, nil
}

func stalePermissions(g *group, egress bool) []shape.StaleIpPermission {
	out := []shape.StaleIpPermission{}
	for _, p := range permissions(g, egress) {
		out = append(out, shape.StaleIpPermission{
			IpProtocol: p.IpProtocol, FromPort: p.FromPort, ToPort: p.ToPort, UserIdGroupPairs: p.UserIdGroupPairs, IpRanges: []string{}, PrefixListIds: []string{},
		})
	}
	return out
}

var _ = api.Define(operations, "DescribeSecurityGroupReferences",
	describes[shape.DescribeSecurityGroupReferencesRequest]("DescribeSecurityGroupReferences"), (*Service).describeSecurityGroupReferences)

// describeSecurityGroupReferences tells in which VPCs beyond peerings rules name the caller's groups.
func (s *Service) describeSecurityGroupReferences(ctx context.Context, c *api.Call, in *shape.DescribeSecurityGroupReferencesRequest) (*shape.DescribeSecurityGroupReferencesResult, error) {
	if err := begin(in, "GroupId"); err != nil {
		return nil, err
	}
	if len(in.GroupId) == 0 {
		return nil, missingParameter.New("The request must contain the parameter GroupId")
	}
	out := &shape.DescribeSecurityGroupReferencesResult{SecurityGroupReferenceSet: []shape.SecurityGroupReference{}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		list, err := peeringsOf(tx, c.Account())
		if err != nil {
			return err
		}
		for _, id := range distinct(in.GroupId) {
			mine, err := groups.get(tx, c.Account(), id)
			if err != nil {
				return err
			}
			for _, p := range list {
				if !p.joins() || !p.touches(mine.VPC) {
					continue
				}
				there := p.Accepter
				if there.VPC == mine.VPC {
					there = p.Requester
				}
				n, err := countIn(tx, groups, there.Account, func(o *group) bool { return o.VPC == there.VPC && o.names(mine.ID, p.ID) })
				if err != nil {
					return err
				}
				if n > 0 {
					out.SecurityGroupReferenceSet = append(out.SecurityGroupReferenceSet,
						shape.SecurityGroupReference{GroupId: &mine.ID, ReferencingVpcId: new(there.VPC), VpcPeeringConnectionId: &p.ID})
				}
			}
		}
		return nil
	})
}

// names tells whether a rule names a group through a peering.
func (g *group) names(id, pcx string) bool {
	return slices.ContainsFunc(g.Rules, func(r rule) bool { return r.Group == id && r.Peer != nil && r.Peer.Peering == pcx })
}
