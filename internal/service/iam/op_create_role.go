package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "CreateRole", withTags("CreateRole", func(c *api.Call, in *shape.CreateRoleRequest) (string, []shape.Tag) {
	return global(c, "role", path(in.Path), *in.RoleName), in.Tags
}), (*Service).createRole)

// createRole makes a role that the trust policy says who may assume.
func (s *Service) createRole(ctx context.Context, c *api.Call, in *shape.CreateRoleRequest) (*shape.CreateRoleResponse, error) {
	if in.PermissionsBoundary != nil {
		return nil, noBoundaries
	}
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	trusted, err := s.trusted(*in.AssumeRolePolicyDocument)
	if err != nil {
		return nil, err
	}
	e := &entity{Kind: role, Name: *in.RoleName, Path: path(in.Path), Tags: in.Tags, Trust: *in.AssumeRolePolicyDocument, Trusted: trusted,
		Description: text(in.Description), MaxSessionSeconds: 3600}
	if in.MaxSessionDuration != nil {
		e.MaxSessionSeconds = *in.MaxSessionDuration
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error { return s.create(tx, c, e) })
	return &shape.CreateRoleResponse{Role: e.roleShape()}, err
}
