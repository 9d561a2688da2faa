package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DeleteSecurityGroup", named("DeleteSecurityGroup", "security-group",
	func(in *shape.DeleteSecurityGroupRequest) *string { return in.GroupId }), (*Service).deleteSecurityGroup)

func (s *Service) deleteSecurityGroup(ctx context.Context, c *api.Call, in *shape.DeleteSecurityGroupRequest) (*shape.DeleteSecurityGroupResult, error) {
	if err := begin(in, "GroupId", "GroupName"); err != nil {
		return nil, err
	}
	out := &shape.DeleteSecurityGroupResult{Return: new(true)}
	return out, s.change(ctx, func(tx *store.Tx) error {
		g, err := groupByEither(tx, c.Account(), in.GroupId, in.GroupName)
		if err != nil {
			return err
		}
		if g.Name == "default" {
			return cannotDelete.New(`the specified group: "%s" name: "default" cannot be deleted by a user`, g.ID)
		}
		used, err := groupInUse(tx, g)
		if err != nil {
			return err
		}
		if used {
			return dependencyViolation.New("resource %s has a dependent object", g.ID)
		}
		out.GroupId = &g.ID
		return groups.remove(tx, g)
	})
}

// groupInUse tells whether an interface, an endpoint or a rule of another group in the same VPC names
// a group. Rules elsewhere, beyond a peering, go stale.
func groupInUse(tx *store.Tx, g *group) (bool, error) {
	n, err := countIn(tx, enis, g.Account, func(i *eni) bool { return slices.Contains(i.Groups, g.ID) })
	if err != nil || n > 0 {
		return true, err
	}
	n, err = countIn(tx, endpoints, g.Account, func(e *endpoint) bool { return slices.Contains(e.Groups, g.ID) })
	if err != nil || n > 0 {
		return true, err
	}
	n, err = countIn(tx, groups, g.Account, func(o *group) bool {
		return o.ID != g.ID && slices.ContainsFunc(o.Rules, func(r rule) bool { return r.Group == g.ID && r.Peer == nil })
	})
	return n > 0, err
}
