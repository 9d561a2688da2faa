package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "AssociateRouteTable", func(c *api.Call, in *shape.AssociateRouteTableRequest) []api.Check {
	return []api.Check{
		check(c, "AssociateRouteTable", "route-table", str(in.RouteTableId)), check(c, "AssociateRouteTable", "subnet", str(in.SubnetId)),
	}
}, (*Service).associateRouteTable)

func (s *Service) associateRouteTable(ctx context.Context, c *api.Call, in *shape.AssociateRouteTableRequest) (*shape.AssociateRouteTableResult, error) {
	if err := begin(in, "RouteTableId", "SubnetId"); err != nil {
		return nil, err
	}
	if err := need("subnetId", str(in.SubnetId)); err != nil {
		return nil, err
	}
	id := ""
	err := s.change(ctx, func(tx *store.Tx) error {
		t, err := routeTables.get(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		n, err := subnets.get(tx, c.Account(), *in.SubnetId)
		if err != nil {
			return err
		}
		if n.VPC != t.VPC {
			return invalidParameter.New("route table %s and subnet %s belong to different networks", t.ID, n.ID)
		}
		all, err := routeTables.where(tx, c.Account(), func(t *routeTable) bool { return t.VPC == n.VPC })
		if err != nil {
			return err
		}
		for _, other := range all {
			for _, a := range other.Associations {
				if a.Subnet != n.ID {
					continue
				}
				if other.ID != t.ID {
					return resourceAssociated.New("the specified association for route table %s conflicts with an existing association", t.ID)
				}
				id = a.ID // the same again is no fault
				return nil
			}
		}
		id = newID("rtbassoc-")
		t.Associations = append(t.Associations, association{ID: id, Subnet: n.ID})
		return routeTables.put(tx, t)
	})
	if err != nil {
		return nil, err
	}
	return &shape.AssociateRouteTableResult{AssociationId: &id, AssociationState: associated()}, nil
}

var _ = api.Define(operations, "DisassociateRouteTable", func(c *api.Call, in *shape.DisassociateRouteTableRequest) []api.Check {
	return []api.Check{check(c, "DisassociateRouteTable", "route-table", ""), check(c, "DisassociateRouteTable", "subnet", "")}
}, (*Service).disassociateRouteTable)

func (s *Service) disassociateRouteTable(ctx context.Context, c *api.Call, in *shape.DisassociateRouteTableRequest) (*struct{}, error) {
	if err := begin(in, "AssociationId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		t, a, err := associationOf(tx, c.Account(), str(in.AssociationId))
		if err != nil {
			return err
		}
		if a.Subnet == "" {
			return invalidParameter.New("cannot disassociate the main route table association %s", a.ID)
		}
		t.drop(a.ID)
		return routeTables.put(tx, t)
	})
}

var _ = api.Define(operations, "ReplaceRouteTableAssociation", func(c *api.Call, in *shape.ReplaceRouteTableAssociationRequest) []api.Check {
	return []api.Check{
		check(c, "ReplaceRouteTableAssociation", "route-table", str(in.RouteTableId)), check(c, "ReplaceRouteTableAssociation", "subnet", ""),
	}
}, (*Service).replaceRouteTableAssociation)

func (s *Service) replaceRouteTableAssociation(ctx context.Context, c *api.Call, in *shape.ReplaceRouteTableAssociationRequest) (*shape.ReplaceRouteTableAssociationResult, error) {
	if err := begin(in, "AssociationId", "RouteTableId"); err != nil {
		return nil, err
	}
	id := newID("rtbassoc-")
	err := s.change(ctx, func(tx *store.Tx) error {
		from, a, err := associationOf(tx, c.Account(), str(in.AssociationId))
		if err != nil {
			return err
		}
		to, err := routeTables.get(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		if from.VPC != to.VPC {
			return invalidParameter.New("route table %s and association %s belong to different networks", to.ID, a.ID)
		}
		if from.ID == to.ID {
			to = from
		}
		if a.Subnet == "" {
			return moveMain(tx, from, to, id)
		}
		from.drop(a.ID)
		to.Associations = append(to.Associations, association{ID: id, Subnet: a.Subnet})
		if err := routeTables.put(tx, from); err != nil {
			return err
		}
		return routeTables.put(tx, to)
	})
	if err != nil {
		return nil, err
	}
	return &shape.ReplaceRouteTableAssociationResult{NewAssociationId: &id, AssociationState: associated()}, nil
}

// moveMain makes another table the VPC's main one.
func moveMain(tx *store.Tx, from, to *routeTable, id string) error {
	v, err := vpcs.get(tx, to.Account, to.VPC)
	if err != nil {
		return err
	}
	from.Main = ""
	to.Main, v.Table = id, to.ID
	if err := routeTables.put(tx, from); err != nil {
		return err
	}
	if err := routeTables.put(tx, to); err != nil {
		return err
	}
	return vpcs.put(tx, v)
}
