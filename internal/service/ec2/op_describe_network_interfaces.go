package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeNetworkInterfaces", describes[shape.DescribeNetworkInterfacesRequest]("DescribeNetworkInterfaces"),
	(*Service).describeNetworkInterfaces)

func (s *Service) describeNetworkInterfaces(ctx context.Context, c *api.Call, in *shape.DescribeNetworkInterfacesRequest) (*shape.DescribeNetworkInterfacesResult, error) {
	if err := begin(in, "NetworkInterfaceIds", "Filters", "MaxResults", "NextToken", "IncludeManagedResources"); err != nil {
		return nil, err
	}
	out := &shape.DescribeNetworkInterfacesResult{NetworkInterfaces: []shape.NetworkInterface{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		view, err := s.eniView(tx, c.Account())
		if err != nil {
			return err
		}
		page, err := find(tx, enis, c.Account(), query{in.NetworkInterfaceIds, in.Filters, in.MaxResults, in.NextToken}, view.fields())
		for _, i := range page.items {
			out.NetworkInterfaces = append(out.NetworkInterfaces, view.aws(i))
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}
