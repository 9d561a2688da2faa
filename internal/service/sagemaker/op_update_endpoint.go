package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "UpdateEndpoint", func(c *api.Call, in *sagemaker.UpdateEndpointInput) []api.Check {
	return append(may(c, "UpdateEndpoint", "endpoint", text(in.EndpointName)), may(c, "UpdateEndpoint", "endpoint-config", text(in.EndpointConfigName))...)
}, (*Service).updateEndpoint)

// updateEndpoint makes a second fleet; it gets the traffic when all of it is ready, and only then
// does the first one go.
func (s *Service) updateEndpoint(ctx context.Context, c *api.Call, in *sagemaker.UpdateEndpointInput) (*sagemaker.UpdateEndpointOutput, error) {
	if err := refuse(
		refusal{"DeploymentConfig", in.DeploymentConfig != nil},
		refusal{"RetainAllVariantProperties", flag(in.RetainAllVariantProperties)},
		refusal{"ExcludeRetainedVariantProperties", len(in.ExcludeRetainedVariantProperties) > 0},
		refusal{"RetainDeploymentConfig", flag(in.RetainDeploymentConfig)},
	); err != nil {
		return nil, err
	}
	arn := resource(c, "endpoint", text(in.EndpointName))
	return &sagemaker.UpdateEndpointOutput{EndpointArn: &arn}, s.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := endpoints.Get(tx, store.Key(c.Account(), lower(text(in.EndpointName))))
		switch {
		case err != nil:
			return err
		case e == nil:
			return noEndpoint(arn)
		case e.busy():
			return busyEndpoint(e.ARN)
		case e.Status == failed:
			return validation.New("Cannot update endpoint %q in status Failed. Delete it and create it anew.", e.ARN)
		}
		config, err := endpointConfigs.Get(tx, store.Key(c.Account(), lower(text(in.EndpointConfigName))))
		if err != nil {
			return err
		}
		if config == nil {
			return noEndpointConfig(resource(c, "endpoint-config", text(in.EndpointConfigName)))
		}
		if lower(e.Shown) == lower(text(in.EndpointConfigName)) {
			return validation.New("Cannot update endpoint %q to the endpoint configuration that it already uses.", e.ARN)
		}
		e.Status = updating
		return s.coming(tx, e, config)
	})
}
