package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetPolicy", onPolicy("GetPolicy", true, func(in *shape.GetPolicyRequest) string { return *in.PolicyArn }), (*Service).getPolicy)

// getPolicy describes a managed policy; its document is in its version.
func (s *Service) getPolicy(ctx context.Context, c *api.Call, in *shape.GetPolicyRequest) (*shape.GetPolicyResponse, error) {
	out := new(shape.GetPolicyResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err != nil {
			return err
		}
		n, err := usage(tx, c.Account())
		out.Policy = p.described(n[p.ARN])
		return err
	})
	return out, err
}
