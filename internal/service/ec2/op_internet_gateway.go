package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "CreateInternetGateway", func(c *api.Call, in *shape.CreateInternetGatewayRequest) []api.Check {
	return creates(c, "CreateInternetGateway", "internet-gateway", in.TagSpecifications)
}, (*Service).createInternetGateway)

func (s *Service) createInternetGateway(ctx context.Context, c *api.Call, in *shape.CreateInternetGatewayRequest) (*shape.CreateInternetGatewayResult, error) {
	if err := begin(in, "TagSpecifications"); err != nil {
		return nil, err
	}
	tags, err := s.specified(in.TagSpecifications, "internet-gateway")
	if err != nil {
		return nil, err
	}
	out := &shape.CreateInternetGatewayResult{}
	return out, s.DB.Update(ctx, func(tx *store.Tx) error {
		if n, err := internetGateways.table.Count(tx, store.Prefix(c.Account())); err != nil || n >= s.Quotas.InternetGateways {
			return either(err, internetGatewayLimit.New("The maximum number of internet gateways has been reached."))
		}
		g := &internetGateway{head: internetGateways.begin(tx, c.Account(), tags)}
		out.InternetGateway = new(awsInternetGateway(g))
		return internetGateways.put(tx, g)
	})
}

var _ = api.Define(operations, "AttachInternetGateway", func(c *api.Call, in *shape.AttachInternetGatewayRequest) []api.Check {
	return []api.Check{
		check(c, "AttachInternetGateway", "internet-gateway", str(in.InternetGatewayId)), check(c, "AttachInternetGateway", "vpc", str(in.VpcId)),
	}
}, (*Service).attachInternetGateway)

func (s *Service) attachInternetGateway(ctx context.Context, c *api.Call, in *shape.AttachInternetGatewayRequest) (*struct{}, error) {
	if err := begin(in, "InternetGatewayId", "VpcId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		g, err := internetGateways.get(tx, c.Account(), str(in.InternetGatewayId))
		if err != nil {
			return err
		}
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		if g.VPC != "" {
			return resourceAssociated.New("resource %s is already attached to network %s", g.ID, g.VPC)
		}
		has, err := internetGatewayOf(tx, v)
		if err != nil {
			return err
		}
		if has != nil {
			return invalidParameter.New("Network %s already has an internet gateway attached", v.ID)
		}
		g.VPC = v.ID
		return internetGateways.put(tx, g)
	})
}

var _ = api.Define(operations, "DetachInternetGateway", func(c *api.Call, in *shape.DetachInternetGatewayRequest) []api.Check {
	return []api.Check{
		check(c, "DetachInternetGateway", "internet-gateway", str(in.InternetGatewayId)), check(c, "DetachInternetGateway", "vpc", str(in.VpcId)),
	}
}, (*Service).detachInternetGateway)

func (s *Service) detachInternetGateway(ctx context.Context, c *api.Call, in *shape.DetachInternetGatewayRequest) (*struct{}, error) {
	if err := begin(in, "InternetGatewayId", "VpcId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		g, err := internetGateways.get(tx, c.Account(), str(in.InternetGatewayId))
		if err != nil {
			return err
		}
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		if g.VPC != v.ID {
			return gatewayNotAttached.New("resource %s is not attached to network %s", g.ID, v.ID)
		}
		used, err := mapped(tx, v)
		if err != nil {
			return err
		}
		if used {
			return dependencyViolation.New("Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", v.ID)
		}
		g.VPC = ""
		return internetGateways.put(tx, g)
	})
}

var _ = api.Define(operations, "DeleteInternetGateway", named("DeleteInternetGateway", "internet-gateway",
	func(in *shape.DeleteInternetGatewayRequest) *string { return in.InternetGatewayId }), (*Service).deleteInternetGateway)

func (s *Service) deleteInternetGateway(ctx context.Context, c *api.Call, in *shape.DeleteInternetGatewayRequest) (*struct{}, error) {
	if err := begin(in, "InternetGatewayId"); err != nil {
		return nil, err
	}
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		g, err := internetGateways.get(tx, c.Account(), str(in.InternetGatewayId))
		if err != nil {
			return err
		}
		if g.VPC != "" {
			return dependencyViolation.New("The internetGateway '%s' has dependencies and cannot be deleted.", g.ID)
		}
		return internetGateways.remove(tx, g)
	})
}

var _ = api.Define(operations, "DescribeInternetGateways", describes[shape.DescribeInternetGatewaysRequest]("DescribeInternetGateways"),
	(*Service).describeInternetGateways)

func (s *Service) describeInternetGateways(ctx context.Context, c *api.Call, in *shape.DescribeInternetGatewaysRequest) (*shape.DescribeInternetGatewaysResult, error) {
	if err := begin(in, "InternetGatewayIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	out := &shape.DescribeInternetGatewaysResult{InternetGateways: []shape.InternetGateway{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		page, err := find(tx, internetGateways, c.Account(), query{in.InternetGatewayIds, in.Filters, in.MaxResults, in.NextToken}, internetGatewayFields)
		for _, g := range page.items {
			out.InternetGateways = append(out.InternetGateways, awsInternetGateway(g))
		}
		out.NextToken = page.next
		return err
	})
	return out, err
}
