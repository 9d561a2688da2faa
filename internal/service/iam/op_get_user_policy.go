package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetUserPolicy", on("GetUserPolicy", func(c *api.Call, in *shape.GetUserPolicyRequest) string {
	return global(c, "user", "/", text(in.UserName))
}), (*Service).getUserPolicy)

// getUserPolicy gives an inline policy of a user.
func (s *Service) getUserPolicy(ctx context.Context, c *api.Call, in *shape.GetUserPolicyRequest) (*shape.GetUserPolicyResponse, error) {
	var out *shape.GetUserPolicyResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, user, *in.UserName)
		if err != nil {
			return err
		}
		doc, ok := e.Inline[*in.PolicyName]
		if !ok {
			return missingInline(user, *in.PolicyName)
		}
		out = &shape.GetUserPolicyResponse{UserName: &e.Name, PolicyName: in.PolicyName, PolicyDocument: new(encoded(doc))}
		return nil
	})
	return out, err
}
