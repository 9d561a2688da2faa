package iam

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DeletePolicyVersion", onPolicy("DeletePolicyVersion", false, func(in *shape.DeletePolicyVersionRequest) string { return *in.PolicyArn }), (*Service).deletePolicyVersion)

// deletePolicyVersion forgets a text of a policy that is not in force.
func (s *Service) deletePolicyVersion(ctx context.Context, c *api.Call, in *shape.DeletePolicyVersionRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.changePolicy(tx, c, *in.PolicyArn, func(p *managedPolicy) error {
			if p.find(*in.VersionId) == nil {
				return missingVersion(p, *in.VersionId)
			}
			if p.Default == *in.VersionId {
				return deleteConflict.New("Cannot delete the default version of a policy.")
			}
			p.Versions = slices.DeleteFunc(p.Versions, func(v policyVersion) bool { return v.ID == *in.VersionId })
			return nil
		})
	})
}
