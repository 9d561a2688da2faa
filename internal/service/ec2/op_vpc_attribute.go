package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DescribeVpcAttribute", describeVpcAttributeChecks, (*Service).describeVpcAttribute)

func describeVpcAttributeChecks(c *api.Call, in *shape.DescribeVpcAttributeRequest) []api.Check {
	return []api.Check{check(c, "DescribeVpcAttribute", "vpc", str(in.VpcId))}
}

func (s *Service) describeVpcAttribute(ctx context.Context, c *api.Call, in *shape.DescribeVpcAttributeRequest) (*shape.DescribeVpcAttributeResult, error) {
	if err := begin(in, "Attribute", "VpcId"); err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcAttributeResult{VpcId: in.VpcId}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		switch a := str(in.Attribute); a {
		case "enableDnsSupport":
			out.EnableDnsSupport = &shape.AttributeBooleanValue{Value: &v.DNSSupport}
		case "enableDnsHostnames":
			out.EnableDnsHostnames = &shape.AttributeBooleanValue{Value: &v.DNSHostnames}
		case "enableNetworkAddressUsageMetrics":
			out.EnableNetworkAddressUsageMetrics = &shape.AttributeBooleanValue{Value: &v.UsageMetrics}
		default:
			return invalidValue.New("Value (%s) for parameter attribute is invalid. Unknown attribute.", a)
		}
		return nil
	})
}

var _ = api.Define(operations, "ModifyVpcAttribute", func(c *api.Call, in *shape.ModifyVpcAttributeRequest) []api.Check {
	return []api.Check{check(c, "ModifyVpcAttribute", "vpc", str(in.VpcId))}
}, (*Service).modifyVpcAttribute)

func (s *Service) modifyVpcAttribute(ctx context.Context, c *api.Call, in *shape.ModifyVpcAttributeRequest) (*struct{}, error) {
	if err := begin(in, "VpcId", "EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics"); err != nil {
		return nil, err
	}
	if attributes(in.EnableDnsSupport, in.EnableDnsHostnames, in.EnableNetworkAddressUsageMetrics) != 1 {
		return nil, invalidCombination.New("Exactly one attribute must be specified")
	}
	if in.EnableNetworkAddressUsageMetrics != nil && yes(in.EnableNetworkAddressUsageMetrics.Value) {
		return nil, unsupportedOperation.New("Network address usage metrics are not supported.")
	}
	return &struct{}{}, s.change(ctx, func(tx *store.Tx) error {
		v, err := vpcs.get(tx, c.Account(), str(in.VpcId))
		if err != nil {
			return err
		}
		switch {
		case in.EnableDnsSupport != nil:
			v.DNSSupport = yes(in.EnableDnsSupport.Value)
		case in.EnableDnsHostnames != nil:
			v.DNSHostnames = yes(in.EnableDnsHostnames.Value)
		}
		return vpcs.put(tx, v)
	})
}

// attributes counts those that are given.
func attributes(list ...*shape.AttributeBooleanValue) (n int) {
	for _, a := range list {
		if a != nil {
			n++
		}
	}
	return n
}
