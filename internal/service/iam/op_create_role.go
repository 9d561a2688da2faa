package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "CreateRole", func(c *api.Call, in *shape.CreateRoleRequest) []api.Check {
	return []api.Check{{Action: "iam:CreateRole", Resource: global(c, "role", path(in.Path), *in.RoleName), Keys: append(tagKeys(in.Tags), boundaryKeys(in.PermissionsBoundary)...)}}
}, (*Service).createRole)

// createRole makes a role that the trust policy says who may assume.
func (s *Service) createRole(ctx context.Context, c *api.Call, in *shape.CreateRoleRequest) (*shape.CreateRoleResponse, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	if err := reserved(*in.RoleName, path(in.Path)); err != nil {
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
	err = s.DB.Update(ctx, func(tx *store.Tx) error { return s.createBounded(tx, c, e, in.PermissionsBoundary) })
	return &shape.CreateRoleResponse{Role: e.roleShape()}, err
}
