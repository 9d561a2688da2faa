package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "UpdateAccessKey", on("UpdateAccessKey", func(c *api.Call, in *shape.UpdateAccessKeyRequest) string { return whose(c, in.UserName) }), (*Service).updateAccessKey)

// updateAccessKey makes a key active or inactive.
func (s *Service) updateAccessKey(ctx context.Context, c *api.Call, in *shape.UpdateAccessKeyRequest) (*struct{}, error) {
	if *in.Status == "Expired" { // which the model has and no key becomes by its owner's word
		return nil, invalidInput.New("Status Expired is not supported by Cloister: make the key Inactive, or delete it.")
	}
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		k, err := ownKey(tx, c, in.UserName, *in.AccessKeyId)
		if err != nil {
			return err
		}
		k.Active = *in.Status == "Active"
		return s.putKey(tx, k)
	})
}
