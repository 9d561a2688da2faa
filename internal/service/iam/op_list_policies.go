package iam

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListPolicies", on("ListPolicies", func(c *api.Call, in *shape.ListPoliciesRequest) string {
	return global(c, "policy", path(in.PathPrefix), "")
}), (*Service).listPolicies)

// listPolicies lists managed policies: the account's own, AWS's or both.
func (s *Service) listPolicies(ctx context.Context, c *api.Call, in *shape.ListPoliciesRequest) (*shape.ListPoliciesResponse, error) {
	out := new(shape.ListPoliciesResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := scoped(tx, c, text(in.Scope))
		if err != nil {
			return err
		}
		n, err := usage(tx, c.Account())
		if err != nil {
			return err
		}
		var found []shape.Policy
		for _, p := range all {
			u := n[p.ARN]
			if strings.HasPrefix(p.Path, path(in.PathPrefix)) && (in.OnlyAttached == nil || !*in.OnlyAttached || u != (uses{})) &&
				(text(in.PolicyUsageFilter) != "PermissionsBoundary" || u.boundary > 0) {
				found = append(found, *p.shape(u))
			}
		}
		page, next, err := cut(found, policyARN, in.Marker, in.MaxItems)
		out.Policies, out.IsTruncated, out.Marker = page, new(next != nil), next
		return err
	})
	return out, err
}
