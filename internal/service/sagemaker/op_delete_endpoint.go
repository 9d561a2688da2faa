package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "DeleteEndpoint", func(c *api.Call, in *sagemaker.DeleteEndpointInput) []api.Check {
	return may(c, "DeleteEndpoint", "endpoint", text(in.EndpointName))
}, (*Service).deleteEndpoint)

// deleteEndpoint takes the endpoint's traffic away at once; the rest goes after the answer.
func (s *Service) deleteEndpoint(ctx context.Context, c *api.Call, in *sagemaker.DeleteEndpointInput) (*struct{}, error) {
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := endpoints.Get(tx, store.Key(c.Account(), lower(text(in.EndpointName))))
		switch {
		case err != nil:
			return err
		case e == nil:
			return noEndpoint(resource(c, "endpoint", text(in.EndpointName)))
		case e.busy():
			return busyEndpoint(e.ARN)
		}
		e.Status, e.Modified = deleting, tx.Now
		key := e.key()
		tx.After(func() {
			s.Traffic.Remove(e.Account, e.Name)
			s.endpoints.Add(key)
		})
		return endpoints.Put(tx, key, e)
	})
}
