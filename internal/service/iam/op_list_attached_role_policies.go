package iam

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListAttachedRolePolicies", on("ListAttachedRolePolicies", func(c *api.Call, in *shape.ListAttachedRolePoliciesRequest) string {
	return global(c, "role", "/", text(in.RoleName))
}), (*Service).listAttachedRolePolicies)

// listAttachedRolePolicies lists the managed policies of a role.
func (s *Service) listAttachedRolePolicies(ctx context.Context, c *api.Call, in *shape.ListAttachedRolePoliciesRequest) (*shape.ListAttachedRolePoliciesResponse, error) {
	page, next, err := s.attachedTo(ctx, c, role, *in.RoleName, path(in.PathPrefix), in.Marker, in.MaxItems)
	return &shape.ListAttachedRolePoliciesResponse{AttachedPolicies: page, IsTruncated: new(next != nil), Marker: next}, err
}
