package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeVpcs", describes[shape.DescribeVpcsRequest]("DescribeVpcs"), (*Service).describeVpcs)

func (s *Service) describeVpcs(ctx context.Context, c *api.Call, in *shape.DescribeVpcsRequest) (*shape.DescribeVpcsResult, error) {
	if err := begin(in, "VpcIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcsResult{Vpcs: []shape.Vpc{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := find(tx, vpcs, c.Account(), query{in.VpcIds, in.Filters, in.MaxResults, in.NextToken}, vpcFields)
		for _, v := range page.items {
			out.Vpcs = append(out.Vpcs, awsVPC(v, available))
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}
