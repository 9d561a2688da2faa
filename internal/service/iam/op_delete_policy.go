package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DeletePolicy", onPolicy("DeletePolicy", false, func(in *shape.DeletePolicyRequest) string { return *in.PolicyArn }), (*Service).deletePolicy)

// deletePolicy removes a managed policy that nobody has and that has no version but the one in force.
func (s *Service) deletePolicy(ctx context.Context, c *api.Call, in *shape.DeletePolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err != nil {
			return err
		}
		if !p.ours() {
			return accessDenied.New("Policy %s is AWS's and cannot be deleted.", p.ARN)
		}
		if s.Directory.Given(p.ARN) {
			return deleteConflict.New("Cannot delete a policy attached to entities.")
		}
		if len(p.Versions) > 1 {
			return deleteConflict.New("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		tx.After(func() {
			s.Directory.RemoveManaged(p.ARN)
			s.Directory.SetTags(p.ARN, nil)
		})
		return policies.Delete(tx, policyKey(p))
	})
}
