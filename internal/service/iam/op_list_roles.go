package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListRoles", on("ListRoles", func(c *api.Call, in *shape.ListRolesRequest) string {
	return global(c, "role", path(in.PathPrefix), "")
}), (*Service).listRoles)

// listRoles lists the roles of the account, by name.
func (s *Service) listRoles(ctx context.Context, c *api.Call, in *shape.ListRolesRequest) (*shape.ListRolesResponse, error) {
	out := new(shape.ListRolesResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := under(tx, c, role, path(in.PathPrefix))
		if err != nil {
			return err
		}
		page, next, err := cut(all, (*entity).known, in.Marker, in.MaxItems)
		for _, e := range page {
			out.Roles = append(out.Roles, *e.listedRole())
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		return err
	})
	return out, err
}
