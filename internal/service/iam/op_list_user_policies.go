package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListUserPolicies", on("ListUserPolicies", func(c *api.Call, in *shape.ListUserPoliciesRequest) string {
	return global(c, "user", "/", text(in.UserName))
}), (*Service).listUserPolicies)

// listUserPolicies lists the names of the inline policies of a user.
func (s *Service) listUserPolicies(ctx context.Context, c *api.Call, in *shape.ListUserPoliciesRequest) (*shape.ListUserPoliciesResponse, error) {
	var out *shape.ListUserPoliciesResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, user, *in.UserName)
		if err != nil {
			return err
		}
		page, next, err := cut(names(e.Inline), itself, in.Marker, in.MaxItems)
		out = &shape.ListUserPoliciesResponse{PolicyNames: page, IsTruncated: new(next != nil), Marker: next}
		return err
	})
	return out, err
}
