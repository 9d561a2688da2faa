package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DetachUserPolicy", withPolicy("DetachUserPolicy", func(c *api.Call, in *shape.DetachUserPolicyRequest) (entity, policy string) {
	return global(c, "user", "/", *in.UserName), *in.PolicyArn
}), (*Service).detachUserPolicy)

// detachUserPolicy takes a managed policy from a user.
func (s *Service) detachUserPolicy(ctx context.Context, c *api.Call, in *shape.DetachUserPolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, user, *in.UserName, func(e *entity) error { return e.detach(*in.PolicyArn) })
	})
}
