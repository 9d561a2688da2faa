package iam

import (
	"context"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "PutRolePolicy", on("PutRolePolicy", func(c *api.Call, in *shape.PutRolePolicyRequest) string {
	return global(c, "role", "/", text(in.RoleName))
}), (*Service).putRolePolicy)

// putRolePolicy writes an inline policy of a role over any of that name.
func (s *Service) putRolePolicy(ctx context.Context, c *api.Call, in *shape.PutRolePolicyRequest) (*struct{}, error) {
	if _, err := parse(policy.Identity, *in.PolicyDocument); err != nil {
		return nil, err
	}
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error { return e.putInline(*in.PolicyName, *in.PolicyDocument) })
	})
}
