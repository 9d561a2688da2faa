package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "UpdateRole", on("UpdateRole", func(c *api.Call, in *shape.UpdateRoleRequest) string {
	return global(c, "role", "/", *in.RoleName)
}), (*Service).updateRole)

// updateRole changes a role's description and how long its sessions may live.
func (s *Service) updateRole(ctx context.Context, c *api.Call, in *shape.UpdateRoleRequest) (*shape.UpdateRoleResponse, error) {
	return new(shape.UpdateRoleResponse), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error {
			if in.Description != nil {
				e.Description = *in.Description
			}
			if in.MaxSessionDuration != nil {
				e.MaxSessionSeconds = *in.MaxSessionDuration
				return e.open() // a service's role has a description of one's own, but no more
			}
			return nil
		})
	})
}
