package ec2

import (
	"context"
	"errors"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeRouteTables", describes[shape.DescribeRouteTablesRequest]("DescribeRouteTables"),
	(*Service).describeRouteTables)

func (s *Service) describeRouteTables(ctx context.Context, c *api.Call, in *shape.DescribeRouteTablesRequest) (*shape.DescribeRouteTablesResult, error) {
	if err := begin(in, "RouteTableIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeRouteTablesResult{RouteTables: []shape.RouteTable{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		view, err := newRouteView(tx, c.Account())
		if err != nil {
			return err
		}
		page, err := find(tx, routeTables, c.Account(), query{in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken}, view.fields())
		for _, t := range page.items {
			out.RouteTables = append(out.RouteTables, view.aws(t))
		}
		out.NextToken = page.next
		return errors.Join(err, view.err)
	})
	return out, err
}
