package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "AttachUserPolicy", withPolicy("AttachUserPolicy", func(c *api.Call, in *shape.AttachUserPolicyRequest) (entity, policy string) {
	return global(c, "user", "/", *in.UserName), *in.PolicyArn
}), (*Service).attachUserPolicy)

// attachUserPolicy attaches a managed policy to a user; twice is once.
func (s *Service) attachUserPolicy(ctx context.Context, c *api.Call, in *shape.AttachUserPolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := attachable(tx, c, *in.PolicyArn); err != nil {
			return err
		}
		return s.change(tx, c, user, *in.UserName, func(e *entity) error { return e.attach(*in.PolicyArn) })
	})
}
