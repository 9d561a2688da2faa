package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DeleteAccessKey", on("DeleteAccessKey", func(c *api.Call, in *shape.DeleteAccessKeyRequest) string { return whose(c, in.UserName) }), (*Service).deleteAccessKey)

// deleteAccessKey makes a key dead for good.
func (s *Service) deleteAccessKey(ctx context.Context, c *api.Call, in *shape.DeleteAccessKeyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		k, err := ownKey(tx, c, in.UserName, *in.AccessKeyId)
		if err != nil {
			return err
		}
		tx.After(func() { s.Directory.RemoveKey(k.ID) })
		return accessKeys.Delete(tx, store.Key(k.Account, k.ID))
	})
}
