package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListAttachedRolePolicies", on("ListAttachedRolePolicies", func(c *api.Call, in *shape.ListAttachedRolePoliciesRequest) string {
	return global(c, "role", "/", text(in.RoleName))
}), (*Service).listAttachedRolePolicies)

// listAttachedRolePolicies lists the managed policies of a role.
func (s *Service) listAttachedRolePolicies(ctx context.Context, c *api.Call, in *shape.ListAttachedRolePoliciesRequest) (*shape.ListAttachedRolePoliciesResponse, error) {
	var out *shape.ListAttachedRolePoliciesResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, role, *in.RoleName)
		if err != nil {
			return err
		}
		all, err := e.attachedShapes(tx, path(in.PathPrefix))
		if err != nil {
			return err
		}
		page, next, err := cut(all, attachedARN, in.Marker, in.MaxItems)
		out = &shape.ListAttachedRolePoliciesResponse{AttachedPolicies: page, IsTruncated: new(next != nil), Marker: next}
		return err
	})
	return out, err
}
