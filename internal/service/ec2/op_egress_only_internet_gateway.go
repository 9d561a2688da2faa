package ec2

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateEgressOnlyInternetGateway", func(c *api.Call, in *shape.CreateEgressOnlyInternetGatewayRequest) []api.Check {
	return append(creates(c, "CreateEgressOnlyInternetGateway", "egress-only-internet-gateway", in.TagSpecifications),
		check(c, "CreateEgressOnlyInternetGateway", "vpc", str(in.VpcId)))
}, (*Service).createEgressOnlyInternetGateway)

// createEgressOnlyInternetGateway can only refuse: such a gateway carries IPv6, which nothing here has.
func (s *Service) createEgressOnlyInternetGateway(context.Context, *api.Call, *shape.CreateEgressOnlyInternetGatewayRequest) (*shape.CreateEgressOnlyInternetGatewayResult, error) {
	return nil, unsupportedOperation.New("Egress-only internet gateways are not supported: they carry IPv6 traffic only, and there is none.")
}

var _ = api.Define(operations, "DescribeEgressOnlyInternetGateways", describes[shape.DescribeEgressOnlyInternetGatewaysRequest]("DescribeEgressOnlyInternetGateways"),
	(*Service).describeEgressOnlyInternetGateways)

func (s *Service) describeEgressOnlyInternetGateways(_ context.Context, _ *api.Call, in *shape.DescribeEgressOnlyInternetGatewaysRequest) (*shape.DescribeEgressOnlyInternetGatewaysResult, error) {
	if err := begin(in, "EgressOnlyInternetGatewayIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	for _, id := range in.EgressOnlyInternetGatewayIds {
		return nil, noEgressOnly.New("The eigw ID '%s' does not exist", id)
	}
	return &shape.DescribeEgressOnlyInternetGatewaysResult{EgressOnlyInternetGateways: []shape.EgressOnlyInternetGateway{}}, nil
}
