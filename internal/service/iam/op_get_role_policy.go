package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetRolePolicy", on("GetRolePolicy", func(c *api.Call, in *shape.GetRolePolicyRequest) string {
	return global(c, "role", "/", text(in.RoleName))
}), (*Service).getRolePolicy)

// getRolePolicy gives an inline policy of a role.
func (s *Service) getRolePolicy(ctx context.Context, c *api.Call, in *shape.GetRolePolicyRequest) (*shape.GetRolePolicyResponse, error) {
	var out *shape.GetRolePolicyResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, role, *in.RoleName)
		if err != nil {
			return err
		}
		doc, ok := e.Inline[*in.PolicyName]
		if !ok {
			return missingInline(role, *in.PolicyName)
		}
		out = &shape.GetRolePolicyResponse{RoleName: &e.Name, PolicyName: in.PolicyName, PolicyDocument: new(encoded(doc))}
		return nil
	})
	return out, err
}
