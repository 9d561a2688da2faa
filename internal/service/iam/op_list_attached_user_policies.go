package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListAttachedUserPolicies", on("ListAttachedUserPolicies", func(c *api.Call, in *shape.ListAttachedUserPoliciesRequest) string {
	return global(c, "user", "/", text(in.UserName))
}), (*Service).listAttachedUserPolicies)

// listAttachedUserPolicies lists the managed policies of a user.
func (s *Service) listAttachedUserPolicies(ctx context.Context, c *api.Call, in *shape.ListAttachedUserPoliciesRequest) (*shape.ListAttachedUserPoliciesResponse, error) {
	var out *shape.ListAttachedUserPoliciesResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, user, *in.UserName)
		if err != nil {
			return err
		}
		all, err := e.attachedShapes(tx, path(in.PathPrefix))
		if err != nil {
			return err
		}
		page, next, err := cut(all, attachedARN, in.Marker, in.MaxItems)
		out = &shape.ListAttachedUserPoliciesResponse{AttachedPolicies: page, IsTruncated: new(next != nil), Marker: next}
		return err
	})
	return out, err
}
