package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListPolicyVersions", onPolicy("ListPolicyVersions", true, func(in *shape.ListPolicyVersionsRequest) string { return *in.PolicyArn }), (*Service).listPolicyVersions)

// listPolicyVersions lists the versions of a managed policy, the newest first.
func (s *Service) listPolicyVersions(ctx context.Context, c *api.Call, in *shape.ListPolicyVersionsRequest) (*shape.ListPolicyVersionsResponse, error) {
	out := new(shape.ListPolicyVersionsResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err != nil {
			return err
		}
		var all []shape.PolicyVersion
		for i := len(p.Versions) - 1; i >= 0; i-- {
			all = append(all, *p.versionShape(&p.Versions[i]))
		}
		out.Versions, out.Marker, err = cut(all, versionID, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
	return out, err
}
