package iam

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "SetDefaultPolicyVersion", onPolicy("SetDefaultPolicyVersion", false, func(in *shape.SetDefaultPolicyVersionRequest) string { return *in.PolicyArn }), (*Service).setDefaultPolicyVersion)

// setDefaultPolicyVersion puts a text of a policy in force, for everyone who has the policy.
func (s *Service) setDefaultPolicyVersion(ctx context.Context, c *api.Call, in *shape.SetDefaultPolicyVersionRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.changePolicy(tx, c, *in.PolicyArn, func(p *managedPolicy) error {
			if p.find(*in.VersionId) == nil {
				return missingVersion(p, *in.VersionId)
			}
			p.Default, p.Updated = *in.VersionId, tx.Now.Truncate(time.Second)
			return nil
		})
	})
}
