package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "DeleteEndpointConfig", func(c *api.Call, in *sagemaker.DeleteEndpointConfigInput) []api.Check {
	return may(c, "DeleteEndpointConfig", "endpoint-config", text(in.EndpointConfigName))
}, (*Service).deleteEndpointConfig)

// deleteEndpointConfig forgets the record; endpoints made of it hold a copy and go on.
func (s *Service) deleteEndpointConfig(ctx context.Context, c *api.Call, in *sagemaker.DeleteEndpointConfigInput) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.EndpointConfigName)))
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := endpointConfigs.Get(tx, key)
		if err != nil {
			return err
		}
		if e == nil {
			return noEndpointConfig(resource(c, "endpoint-config", text(in.EndpointConfigName)))
		}
		if err := tagSets.Delete(tx, e.ARN); err != nil {
			return err
		}
		return endpointConfigs.Delete(tx, key)
	})
}
