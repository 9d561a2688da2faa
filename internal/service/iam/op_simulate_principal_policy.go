package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "SimulatePrincipalPolicy", onPolicy("SimulatePrincipalPolicy", false, func(in *shape.SimulatePrincipalPolicyRequest) string { return *in.PolicySourceArn }), (*Service).simulatePrincipalPolicy)

// simulatePrincipalPolicy answers what the policies of a user, group or role say, with more of them if they are given.
func (s *Service) simulatePrincipalPolicy(ctx context.Context, c *api.Call, in *shape.SimulatePrincipalPolicyRequest) (*shape.SimulatePolicyResponse, error) {
	m, err := simulate(c, &given{
		policies: in.PolicyInputList, boundaries: in.PermissionsBoundaryPolicyInputList, actions: in.ActionNames, resources: in.ResourceArns,
		resourcePolicy: in.ResourcePolicy, owner: in.ResourceOwner, caller: in.CallerArn, option: in.ResourceHandlingOption, entries: in.ContextEntries,
	})
	if err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		f, err := s.sourceOf(tx, c, *in.PolicySourceArn)
		if err != nil {
			return err
		}
		return m.as(s, tx, c, f)
	})
	if err != nil {
		return nil, err
	}
	return m.page(in.Marker, in.MaxItems)
}
