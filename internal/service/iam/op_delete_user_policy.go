package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DeleteUserPolicy", on("DeleteUserPolicy", func(c *api.Call, in *shape.DeleteUserPolicyRequest) string {
	return global(c, "user", "/", text(in.UserName))
}), (*Service).deleteUserPolicy)

// deleteUserPolicy removes an inline policy of a user.
func (s *Service) deleteUserPolicy(ctx context.Context, c *api.Call, in *shape.DeleteUserPolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, user, *in.UserName, func(e *entity) error {
			if _, ok := e.Inline[*in.PolicyName]; !ok {
				return missingInline(user, *in.PolicyName)
			}
			delete(e.Inline, *in.PolicyName)
			return nil
		})
	})
}
