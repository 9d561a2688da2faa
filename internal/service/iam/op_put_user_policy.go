package iam

import (
	"context"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "PutUserPolicy", on("PutUserPolicy", func(c *api.Call, in *shape.PutUserPolicyRequest) string {
	return global(c, "user", "/", text(in.UserName))
}), (*Service).putUserPolicy)

// putUserPolicy writes an inline policy of a user over any of that name.
func (s *Service) putUserPolicy(ctx context.Context, c *api.Call, in *shape.PutUserPolicyRequest) (*struct{}, error) {
	if _, err := parse(policy.Identity, *in.PolicyDocument); err != nil {
		return nil, err
	}
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, user, *in.UserName, func(e *entity) error { return e.putInline(*in.PolicyName, *in.PolicyDocument) })
	})
}
