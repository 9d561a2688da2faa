package ec2

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DeleteRouteTable", named("DeleteRouteTable", "route-table",
	func(in *shape.DeleteRouteTableRequest) *string { return in.RouteTableId }), (*Service).deleteRouteTable)

func (s *Service) deleteRouteTable(ctx context.Context, c *api.Call, in *shape.DeleteRouteTableRequest) (*struct{}, error) {
	if err := begin(in, "RouteTableId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		t, err := routeTables.get(tx, c.Account(), str(in.RouteTableId))
		if err != nil {
			return err
		}
		if t.Main != "" || len(t.Associations) > 0 {
			return dependencyViolation.New("The routeTable '%s' has dependencies and cannot be deleted.", t.ID)
		}
		list, err := endpoints.where(tx, c.Account(), func(e *endpoint) bool { return slices.Contains(e.Tables, t.ID) })
		if err != nil {
			return err
		}
		for _, e := range list {
			e.Tables = without(e.Tables, []string{t.ID})
			if err := endpoints.put(tx, e); err != nil {
				return err
			}
		}
		return routeTables.remove(tx, t)
	})
}
