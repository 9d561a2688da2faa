package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "UntagUser", func(c *api.Call, in *shape.UntagUserRequest) []api.Check {
	return []api.Check{{Action: "iam:UntagUser", Resource: global(c, "user", "/", *in.UserName), Keys: []api.Key{api.Ks("aws:TagKeys", in.TagKeys...)}}}
}, (*Service).untagUser)

// untagUser takes tags from a user.
func (s *Service) untagUser(ctx context.Context, c *api.Call, in *shape.UntagUserRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, user, *in.UserName, func(e *entity) error {
			e.untag(in.TagKeys)
			return nil
		})
	})
}
