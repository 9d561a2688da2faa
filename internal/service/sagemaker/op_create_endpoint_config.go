package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateEndpointConfig", createEndpointConfigChecks, (*Service).createEndpointConfig)

func createEndpointConfigChecks(c *api.Call, in *sagemaker.CreateEndpointConfigInput) []api.Check {
	var f facts
	f.vpc(in.VpcConfig)
	f.flag("NetworkIsolation", in.EnableNetworkIsolation)
	f.text("VolumeKmsKey", in.KmsKeyId)
	var types, accelerators, served []string
	for _, v := range in.ProductionVariants {
		types, accelerators = present(types, v.InstanceType), present(accelerators, v.AcceleratorType)
		if v.ModelName != nil {
			served = append(served, resource(c, "model", *v.ModelName))
		}
		if x := v.ServerlessConfig; x != nil {
			f.number("ServerlessMaxConcurrency", x.MaxConcurrency)
			f.number("ServerlessMemorySize", x.MemorySizeInMB)
		}
	}
	f.list("InstanceTypes", types...)
	f.list("AcceleratorTypes", accelerators...)
	f.list("ModelArn", served...)
	checks := may(c, "CreateEndpointConfig", "endpoint-config", text(in.EndpointConfigName), f...)
	return tagging(passing(checks, in.ExecutionRoleArn), in.Tags)
}

func present(to []string, v *string) []string {
	if text(v) == "" {
		return to
	}
	return append(to, *v)
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
