package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeVpcEndpoints", describes[shape.DescribeVpcEndpointsRequest]("DescribeVpcEndpoints"),
	(*Service).describeVpcEndpoints)

func (s *Service) describeVpcEndpoints(ctx context.Context, c *api.Call, in *shape.DescribeVpcEndpointsRequest) (*shape.DescribeVpcEndpointsResult, error) {
	if err := begin(in, "VpcEndpointIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcEndpointsResult{VpcEndpoints: []shape.VpcEndpoint{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		view, err := s.endpointView(tx, c.Account())
		if err != nil {
			return err
		}
		page, err := find(tx, endpoints, c.Account(), query{in.VpcEndpointIds, in.Filters, in.MaxResults, in.NextToken}, s.endpointFields(tx.Now))
		for _, e := range page.items {
			out.VpcEndpoints = append(out.VpcEndpoints, view.aws(e))
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}
