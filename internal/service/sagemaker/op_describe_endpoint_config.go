package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "DescribeEndpointConfig", func(c *api.Call, in *sagemaker.DescribeEndpointConfigInput) []api.Check {
	return may(c, "DescribeEndpointConfig", "endpoint-config", text(in.EndpointConfigName))
}, (*Service).describeEndpointConfig)

func (s *Service) describeEndpointConfig(ctx context.Context, c *api.Call, in *sagemaker.DescribeEndpointConfigInput) (*sagemaker.DescribeEndpointConfigOutput, error) {
	var e *endpointConfig
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		e, err = endpointConfigs.Get(tx, store.Key(c.Account(), lower(text(in.EndpointConfigName))))
		return err
	})
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, noEndpointConfig(resource(c, "endpoint-config", text(in.EndpointConfigName)))
	}
	return &sagemaker.DescribeEndpointConfigOutput{
		EndpointConfigName: e.Request.EndpointConfigName, EndpointConfigArn: &e.ARN, ProductionVariants: e.Request.ProductionVariants,
		CreationTime: stamp(e.Created), EnableNetworkIsolation: e.Request.EnableNetworkIsolation,
	}, nil
}
