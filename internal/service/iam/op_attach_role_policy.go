package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "AttachRolePolicy", withPolicy("AttachRolePolicy", func(c *api.Call, in *shape.AttachRolePolicyRequest) (entity, policy string) {
	return global(c, "role", "/", *in.RoleName), *in.PolicyArn
}), (*Service).attachRolePolicy)

// attachRolePolicy attaches a managed policy to a role; twice is once.
func (s *Service) attachRolePolicy(ctx context.Context, c *api.Call, in *shape.AttachRolePolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := attachable(tx, c, *in.PolicyArn); err != nil {
			return err
		}
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error { return e.attach(*in.PolicyArn) })
	})
}
