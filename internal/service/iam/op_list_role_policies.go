package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListRolePolicies", on("ListRolePolicies", func(c *api.Call, in *shape.ListRolePoliciesRequest) string {
	return global(c, "role", "/", text(in.RoleName))
}), (*Service).listRolePolicies)

// listRolePolicies lists the names of the inline policies of a role.
func (s *Service) listRolePolicies(ctx context.Context, c *api.Call, in *shape.ListRolePoliciesRequest) (*shape.ListRolePoliciesResponse, error) {
	var out *shape.ListRolePoliciesResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, role, *in.RoleName)
		if err != nil {
			return err
		}
		page, next, err := cut(names(e.Inline), itself, in.Marker, in.MaxItems)
		out = &shape.ListRolePoliciesResponse{PolicyNames: page, IsTruncated: new(next != nil), Marker: next}
		return err
	})
	return out, err
}
