package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetContextKeysForPrincipalPolicy", onPolicy("GetContextKeysForPrincipalPolicy", false, func(in *shape.GetContextKeysForPrincipalPolicyRequest) string { return *in.PolicySourceArn }), (*Service).getContextKeysForPrincipalPolicy)

// getContextKeysForPrincipalPolicy lists the condition keys that the policies of a user, group or role use.
func (s *Service) getContextKeysForPrincipalPolicy(ctx context.Context, c *api.Call, in *shape.GetContextKeysForPrincipalPolicyRequest) (*shape.GetContextKeysForPolicyResponse, error) {
	more, err := documents(inputList, in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	out := new(shape.GetContextKeysForPolicyResponse)
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		f, err := s.sourceOf(tx, c, *in.PolicySourceArn)
		if err == nil {
			out.ContextKeyNames = keysUsed(f.policies, more)
		}
		return err
	})
	return out, err
}
