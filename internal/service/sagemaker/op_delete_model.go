package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "DeleteModel", func(c *api.Call, in *sagemaker.DeleteModelInput) []api.Check {
	return may(c, "DeleteModel", "model", text(in.ModelName))
}, (*Service).deleteModel)

// deleteModel forgets the record; endpoints that serve the model hold a copy and go on.
func (s *Service) deleteModel(ctx context.Context, c *api.Call, in *sagemaker.DeleteModelInput) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.ModelName)))
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		m, err := models.Get(tx, key)
		if err != nil {
			return err
		}
		if m == nil {
			return noModel(resource(c, "model", text(in.ModelName)))
		}
		if err := tagSets.Delete(tx, m.ARN); err != nil {
			return err
		}
		return models.Delete(tx, key)
	})
}
