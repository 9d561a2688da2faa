package ec2

import (
	"context"

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
		of, err := vpcs.byID(tx, c.Account())
		if err != nil {
			return err
		}
		gateways, err := gatewayRoutes(tx, c.Account())
		if err != nil {
			return err
		}
		q := query{in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken}
		page, err := find(tx, routeTables, c.Account(), q, tableFields(of, gateways))
		for _, t := range page.items {
			out.RouteTables = append(out.RouteTables, awsTable(t, of[t.VPC], gateways(t.ID)))
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}
