package iam

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListAttachedUserPolicies", on("ListAttachedUserPolicies", func(c *api.Call, in *shape.ListAttachedUserPoliciesRequest) string {
	return global(c, "user", "/", text(in.UserName))
}), (*Service).listAttachedUserPolicies)

// listAttachedUserPolicies lists the managed policies of a user.
func (s *Service) listAttachedUserPolicies(ctx context.Context, c *api.Call, in *shape.ListAttachedUserPoliciesRequest) (*shape.ListAttachedUserPoliciesResponse, error) {
	page, next, err := s.attachedTo(ctx, c, user, *in.UserName, path(in.PathPrefix), in.Marker, in.MaxItems)
	return &shape.ListAttachedUserPoliciesResponse{AttachedPolicies: page, IsTruncated: new(next != nil), Marker: next}, err
}
