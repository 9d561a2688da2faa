package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "TagPolicy", func(c *api.Call, in *shape.TagPolicyRequest) []api.Check {
	checks := onPolicy("TagPolicy", false, func(in *shape.TagPolicyRequest) string { return *in.PolicyArn })(c, in)
	checks[0].Keys = tagKeys(in.Tags)
	return checks
}, (*Service).tagPolicy)

// tagPolicy writes tags of a managed policy of the account.
func (s *Service) tagPolicy(ctx context.Context, c *api.Call, in *shape.TagPolicyRequest) (*struct{}, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.changePolicy(tx, c, *in.PolicyArn, func(p *managedPolicy) (err error) {
			p.Tags, err = laid(p.Tags, in.Tags)
			return err
		})
	})
}
