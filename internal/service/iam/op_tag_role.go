package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "TagRole", withTags("TagRole", func(c *api.Call, in *shape.TagRoleRequest) (string, []shape.Tag) {
	return global(c, "role", "/", *in.RoleName), in.Tags
}), (*Service).tagRole)

// tagRole adds tags to a role, or replaces their values.
func (s *Service) tagRole(ctx context.Context, c *api.Call, in *shape.TagRoleRequest) (*struct{}, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error { return e.tag(in.Tags) })
	})
}
