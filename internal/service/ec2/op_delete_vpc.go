package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DeleteVpc", named("DeleteVpc", "vpc", func(in *shape.DeleteVpcRequest) *string { return in.VpcId }),
	(*Service).deleteVpc)

func (s *Service) deleteVpc(ctx context.Context, c *api.Call, in *shape.DeleteVpcRequest) (*struct{}, error) {
	if err := begin(in, "VpcId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		used, err := inhabited(tx, v)
		if err != nil {
			return err
		}
		if used {
			return dependencyViolation.New("The vpc '%s' has dependencies and cannot be deleted.", v.ID)
		}
		if err := routeTables.remove(tx, &routeTable{head: head{ID: v.Table, Account: v.Account}}); err != nil {
			return err
		}
		if err := groups.remove(tx, &group{head: head{ID: v.Group, Account: v.Account}}); err != nil {
			return err
		}
		if err := acls.remove(tx, &acl{head: head{ID: v.ACL, Account: v.Account}}); err != nil {
			return err
		}
		return vpcs.remove(tx, v)
	})
}

// inhabited tells whether a VPC has anything beyond what it was made with.
func inhabited(tx *store.Tx, v *vpc) (bool, error) {
	counts := []func() (int, error){
		func() (int, error) {
			return countIn(tx, internetGateways, v.Account, func(g *internetGateway) bool { return g.VPC == v.ID })
		},
		func() (int, error) {
			return countIn(tx, vpnGateways, v.Account, func(g *vpnGateway) bool { return g.VPC == v.ID })
		},
		func() (int, error) {
			return countIn(tx, peerings, "", func(c *peering) bool { return c.holds(v, tx.Now) })
		},
		func() (int, error) {
			return countIn(tx, subnets, v.Account, func(n *subnet) bool { return n.VPC == v.ID })
		},
		func() (int, error) {
			return countIn(tx, endpoints, v.Account, func(e *endpoint) bool { return e.VPC == v.ID })
		},
		func() (int, error) { return countIn(tx, enis, v.Account, func(i *eni) bool { return i.VPC == v.ID }) },
		func() (int, error) {
			return countIn(tx, groups, v.Account, func(g *group) bool { return g.VPC == v.ID && g.ID != v.Group })
		},
		func() (int, error) {
			return countIn(tx, routeTables, v.Account, func(t *routeTable) bool { return t.VPC == v.ID && t.ID != v.Table })
		},
		func() (int, error) {
			return countIn(tx, acls, v.Account, func(a *acl) bool { return a.VPC == v.ID && a.ID != v.ACL })
		},
	}
	for _, count := range counts {
		if n, err := count(); err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}
