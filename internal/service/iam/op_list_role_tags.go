package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListRoleTags", on("ListRoleTags", func(c *api.Call, in *shape.ListRoleTagsRequest) string {
	return global(c, "role", "/", *in.RoleName)
}), (*Service).listRoleTags)

// listRoleTags lists the tags of a role.
func (s *Service) listRoleTags(ctx context.Context, c *api.Call, in *shape.ListRoleTagsRequest) (*shape.ListRoleTagsResponse, error) {
	out := new(shape.ListRoleTagsResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		out.Tags, out.Marker, err = tagged(tx, c, role, *in.RoleName, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
	return out, err
}
