package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListPolicyVersions", on("ListPolicyVersions", func(c *api.Call, in *shape.ListPolicyVersionsRequest) string { return *in.PolicyArn }), (*Service).listPolicyVersions)

// listPolicyVersions lists the one version that a managed policy has.
func (s *Service) listPolicyVersions(ctx context.Context, c *api.Call, in *shape.ListPolicyVersionsRequest) (*shape.ListPolicyVersionsResponse, error) {
	out := &shape.ListPolicyVersionsResponse{IsTruncated: new(false)}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err == nil {
			out.Versions = []shape.PolicyVersion{*p.version()}
		}
		return err
	})
	return out, err
}
