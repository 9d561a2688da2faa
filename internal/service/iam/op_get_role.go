package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetRole", on("GetRole", func(c *api.Call, in *shape.GetRoleRequest) string {
	return global(c, "role", "/", *in.RoleName)
}), (*Service).getRole)

// getRole gives a role with its trust policy.
func (s *Service) getRole(ctx context.Context, c *api.Call, in *shape.GetRoleRequest) (*shape.GetRoleResponse, error) {
	var out *shape.GetRoleResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, role, *in.RoleName)
		if err == nil {
			out = &shape.GetRoleResponse{Role: e.roleShape()}
			out.Role.RoleLastUsed = s.lastUsed(e)
		}
		return err
	})
	return out, err
}
