package iam

import (
	"context"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "CreatePolicyVersion", onPolicy("CreatePolicyVersion", false, func(in *shape.CreatePolicyVersionRequest) string { return *in.PolicyArn }), (*Service).createPolicyVersion)

// createPolicyVersion keeps another text of a policy, and puts it in force if it is to be the default.
func (s *Service) createPolicyVersion(ctx context.Context, c *api.Call, in *shape.CreatePolicyVersionRequest) (*shape.CreatePolicyVersionResponse, error) {
	if _, err := parse(policy.Managed, *in.PolicyDocument); err != nil {
		return nil, err
	}
	if err := quota("PolicySize", *in.PolicyDocument, policySize); err != nil {
		return nil, err
	}
	out := new(shape.CreatePolicyVersionResponse)
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.changePolicy(tx, c, *in.PolicyArn, func(p *managedPolicy) error {
			if len(p.Versions) >= versionsPerPolicy {
				return limitExceeded.New("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", versionsPerPolicy)
			}
			v := p.add(*in.PolicyDocument, tx.Now)
			if in.SetAsDefault != nil && *in.SetAsDefault {
				p.Default = v.ID
			}
			out.PolicyVersion = p.versionShape(v)
			return nil
		})
	})
	return out, err
}
