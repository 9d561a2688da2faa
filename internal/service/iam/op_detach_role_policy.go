package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DetachRolePolicy", on("DetachRolePolicy", func(c *api.Call, in *shape.DetachRolePolicyRequest) string {
	return global(c, "role", "/", text(in.RoleName))
}), (*Service).detachRolePolicy)

// detachRolePolicy takes a managed policy from a role.
func (s *Service) detachRolePolicy(ctx context.Context, c *api.Call, in *shape.DetachRolePolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error { return e.detach(*in.PolicyArn) })
	})
}
