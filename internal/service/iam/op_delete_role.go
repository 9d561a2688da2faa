package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DeleteRole", on("DeleteRole", func(c *api.Call, in *shape.DeleteRoleRequest) string {
	return global(c, "role", "/", text(in.RoleName))
}), (*Service).deleteRole)

// deleteRole removes a role that has no policies any more.
func (s *Service) deleteRole(ctx context.Context, c *api.Call, in *shape.DeleteRoleRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.remove(tx, c, role, *in.RoleName)
	})
}
