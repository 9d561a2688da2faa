package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DetachRolePolicy", withPolicy("DetachRolePolicy", func(c *api.Call, in *shape.DetachRolePolicyRequest) (entity, policy string) {
	return global(c, "role", "/", *in.RoleName), *in.PolicyArn
}), (*Service).detachRolePolicy)

// detachRolePolicy takes a managed policy from a role.
func (s *Service) detachRolePolicy(ctx context.Context, c *api.Call, in *shape.DetachRolePolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error { return e.detach(*in.PolicyArn) })
	})
}
