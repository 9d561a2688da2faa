package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateRouteTable", func(c *api.Call, in *shape.CreateRouteTableRequest) []api.Check {
	return append(creates(c, "CreateRouteTable", "route-table", in.TagSpecifications), check(c, "CreateRouteTable", "vpc", str(in.VpcId)))
}, (*Service).createRouteTable)

func (s *Service) createRouteTable(ctx context.Context, c *api.Call, in *shape.CreateRouteTableRequest) (*shape.CreateRouteTableResult, error) {
	if err := begin(in, "VpcId", "ClientToken", "TagSpecifications"); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "route-table")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateRouteTableResult{ClientToken: in.ClientToken}
	return out, s.change(ctx, func(tx *store.Tx) error {
		t, err := again(tx, routeTables, c.Account(), "CreateRouteTable", in.ClientToken, in)
		if err != nil {
			return err
		}
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		if t == nil {
			if t, err = s.newTable(tx, v, tags); err != nil {
				return err
			}
			if err := remember(tx, c.Account(), "CreateRouteTable", in.ClientToken, in, t.ID); err != nil {
				return err
			}
		}
		view, err := newRouteView(tx, c.Account())
		if err != nil {
			return err
		}
		out.RouteTable = new(view.aws(t))
		return view.err
	})
}

func (s *Service) newTable(tx *store.Tx, v *vpc, tags map[string]string) (*routeTable, error) {
	n, err := countIn(tx, routeTables, v.Account, func(t *routeTable) bool { return t.VPC == v.ID })
	if err != nil || n >= s.Quotas.TablesPerVPC {
		return nil, either(err, routeTableLimit.New("The maximum number of route tables has been reached."))
	}
	t := &routeTable{head: routeTables.begin(tx, v.Account, tags), VPC: v.ID}
	return t, routeTables.put(tx, t)
}

// again gives the record that an earlier request with this token made; nil when there was none.
func again[T any, P interface {
	*T
	common() *head
}](tx *store.Tx, k kind[T, P], account, operation string, token *string, in any) (P, error) {
	id, err := recall(tx, account, operation, token, in)
	if err != nil || id == "" {
		return nil, err
	}
	v, err := k.get(tx, account, id)
	if fault.Is(err, k.notFound.Code) {
		return nil, goneSince()
	}
	return v, err
}
