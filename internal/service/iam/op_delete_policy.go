package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DeletePolicy", on("DeletePolicy", func(c *api.Call, in *shape.DeletePolicyRequest) string { return *in.PolicyArn }), (*Service).deletePolicy)

// deletePolicy removes a managed policy that is attached to nothing.
func (s *Service) deletePolicy(ctx context.Context, c *api.Call, in *shape.DeletePolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err != nil {
			return err
		}
		if p.Account == "aws" {
			return accessDenied.New("Policy %s is AWS's and cannot be deleted.", p.ARN)
		}
		n, err := usage(tx, c.Account())
		if err != nil {
			return err
		}
		if n[p.ARN] > 0 {
			return deleteConflict.New("Cannot delete a policy attached to entities.")
		}
		tx.After(func() { s.Directory.RemoveManaged(p.ARN) })
		return policies.Delete(tx, store.Key(p.Account, p.ARN))
	})
}
