package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "UntagRole", func(c *api.Call, in *shape.UntagRoleRequest) []api.Check {
	return []api.Check{{Action: "iam:UntagRole", Resource: global(c, "role", "/", *in.RoleName), Keys: []api.Key{api.Ks("aws:TagKeys", in.TagKeys...)}}}
}, (*Service).untagRole)

// untagRole takes tags from a role.
func (s *Service) untagRole(ctx context.Context, c *api.Call, in *shape.UntagRoleRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error {
			e.untag(in.TagKeys)
			return nil
		})
	})
}
