package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateEndpointConfig", createEndpointConfigChecks, (*Service).createEndpointConfig)

func createEndpointConfigChecks(c *api.Call, in *sagemaker.CreateEndpointConfigInput) []api.Check {
	checks := telling(c, "CreateEndpointConfig", "endpoint-config", text(in.EndpointConfigName), in)
	return tagging(passing(c, checks, in.ExecutionRoleArn), in.Tags)
}

func (s *Service) createEndpointConfig(ctx context.Context, c *api.Call, in *sagemaker.CreateEndpointConfigInput) (*sagemaker.CreateEndpointConfigOutput, error) {
	if err := refuseEndpointConfig(in); err != nil {
		return nil, err
	}
	e := &endpointConfig{ARN: resource(c, "endpoint-config", text(in.EndpointConfigName)), Request: *in}
	e.Request.Tags, e.Request.ProductionVariants = nil, nil
	for _, v := range in.ProductionVariants {
		if err := s.available("endpoint", text(v.InstanceType)); err != nil {
			return nil, err
		}
		if v.InitialVariantWeight == nil {
			v.InitialVariantWeight = new(float32(1))
		}
		v.InitialInstanceCount = new(number(v.InitialInstanceCount, 1))
		e.Request.ProductionVariants = append(e.Request.ProductionVariants, v)
	}
	key := store.Key(c.Account(), lower(text(in.EndpointConfigName)))
	return &sagemaker.CreateEndpointConfigOutput{EndpointConfigArn: &e.ARN}, s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := endpointConfigs.Get(tx, key)
		if err != nil {
			return err
		}
		if old != nil {
			return validation.New("Cannot create already existing endpoint configuration %q.", old.ARN)
		}
		for _, v := range in.ProductionVariants {
			m, err := models.Get(tx, store.Key(c.Account(), lower(*v.ModelName)))
			if err != nil {
				return err
			}
			if m == nil {
				return noModel(resource(c, "model", *v.ModelName))
			}
		}
		e.Created = tx.Now
		if err := putTags(tx, e.ARN, in.Tags); err != nil {
			return err
		}
		return endpointConfigs.Put(tx, key, e)
	})
}
