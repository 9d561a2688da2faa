package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "TagUser", withTags("TagUser", func(c *api.Call, in *shape.TagUserRequest) (string, []shape.Tag) {
	return global(c, "user", "/", *in.UserName), in.Tags
}), (*Service).tagUser)

// tagUser adds tags to a user, or replaces their values.
func (s *Service) tagUser(ctx context.Context, c *api.Call, in *shape.TagUserRequest) (*struct{}, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, user, *in.UserName, func(e *entity) error { return e.tag(in.Tags) })
	})
}
