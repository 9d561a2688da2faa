package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "UntagPolicy", func(c *api.Call, in *shape.UntagPolicyRequest) []api.Check {
	checks := onPolicy("UntagPolicy", false, func(in *shape.UntagPolicyRequest) string { return *in.PolicyArn })(c, in)
	checks[0].Keys = []api.Key{api.Ks("aws:TagKeys", in.TagKeys...)}
	return checks
}, (*Service).untagPolicy)

// untagPolicy takes tags from a managed policy of the account.
func (s *Service) untagPolicy(ctx context.Context, c *api.Call, in *shape.UntagPolicyRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.changePolicy(tx, c, *in.PolicyArn, func(p *managedPolicy) error {
			p.Tags = without(p.Tags, in.TagKeys)
			return nil
		})
	})
}
