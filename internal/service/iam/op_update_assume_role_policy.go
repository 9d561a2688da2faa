package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "UpdateAssumeRolePolicy", on("UpdateAssumeRolePolicy", func(c *api.Call, in *shape.UpdateAssumeRolePolicyRequest) string {
	return global(c, "role", "/", *in.RoleName)
}), (*Service).updateAssumeRolePolicy)

// updateAssumeRolePolicy replaces the trust policy of a role.
func (s *Service) updateAssumeRolePolicy(ctx context.Context, c *api.Call, in *shape.UpdateAssumeRolePolicyRequest) (*struct{}, error) {
	trusted, err := s.trusted(*in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error {
			e.Trust, e.Trusted = *in.PolicyDocument, trusted
			return e.open()
		})
	})
}
