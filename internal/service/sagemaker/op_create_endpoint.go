package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateEndpoint", createEndpointChecks, (*Service).createEndpoint)

func createEndpointChecks(c *api.Call, in *sagemaker.CreateEndpointInput) []api.Check {
	checks := may(c, "CreateEndpoint", "endpoint", text(in.EndpointName))
	checks = append(checks, may(c, "CreateEndpoint", "endpoint-config", text(in.EndpointConfigName))...)
	return tagging(checks, in.Tags)
}

func (s *Service) createEndpoint(ctx context.Context, c *api.Call, in *sagemaker.CreateEndpointInput) (*sagemaker.CreateEndpointOutput, error) {
	if err := refuse(refusal{"DeploymentConfig", in.DeploymentConfig != nil}); err != nil {
		return nil, err
	}
	e := &endpoint{
		Account: c.Account(), Name: text(in.EndpointName), ARN: resource(c, "endpoint", text(in.EndpointName)),
		Status: creating, Shown: text(in.EndpointConfigName),
	}
	return &sagemaker.CreateEndpointOutput{EndpointArn: &e.ARN}, s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := endpoints.Get(tx, e.key())
		if err != nil {
			return err
		}
		if old != nil {
			return validation.New("Cannot create already existing endpoint %q.", old.ARN)
		}
		config, err := endpointConfigs.Get(tx, store.Key(c.Account(), lower(text(in.EndpointConfigName))))
		if err != nil {
			return err
		}
		if config == nil {
			return noEndpointConfig(resource(c, "endpoint-config", text(in.EndpointConfigName)))
		}
		e.Created = tx.Now
		if err := putTags(tx, e.ARN, in.Tags); err != nil {
			return err
		}
		return s.coming(tx, e, config)
	})
}
