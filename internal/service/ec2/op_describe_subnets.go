package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeSubnets", describes[shape.DescribeSubnetsRequest]("DescribeSubnets"), (*Service).describeSubnets)

func (s *Service) describeSubnets(ctx context.Context, c *api.Call, in *shape.DescribeSubnetsRequest) (*shape.DescribeSubnetsResult, error) {
	if err := begin(in, "SubnetIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeSubnetsResult{Subnets: []shape.Subnet{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		free, err := freeAddresses(tx, c.Account())
		if err != nil {
			return err
		}
		page, err := find(tx, subnets, c.Account(), query{in.SubnetIds, in.Filters, in.MaxResults, in.NextToken}, s.subnetFields(free))
		for _, n := range page.items {
			out.Subnets = append(out.Subnets, s.awsSubnet(n, free(n)))
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}
