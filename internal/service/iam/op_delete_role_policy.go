package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DeleteRolePolicy", on("DeleteRolePolicy", func(c *api.Call, in *shape.DeleteRolePolicyRequest) string {
	return global(c, "role", "/", text(in.RoleName))
}), (*Service).deleteRolePolicy)

// deleteRolePolicy removes an inline policy of a role.
func (s *Service) deleteRolePolicy(ctx context.Context, c *api.Call, in *shape.DeleteRolePolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error {
			if _, ok := e.Inline[*in.PolicyName]; !ok {
				return missingInline(role, *in.PolicyName)
			}
			delete(e.Inline, *in.PolicyName)
			return e.open()
		})
	})
}
