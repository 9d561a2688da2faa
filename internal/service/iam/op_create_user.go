package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "CreateUser", func(c *api.Call, in *shape.CreateUserRequest) []api.Check {
	return []api.Check{{Action: "iam:CreateUser", Resource: global(c, "user", path(in.Path), *in.UserName), Keys: append(tagKeys(in.Tags), boundaryKeys(in.PermissionsBoundary)...)}}
}, (*Service).createUser)

// createUser makes a user without any rights.
func (s *Service) createUser(ctx context.Context, c *api.Call, in *shape.CreateUserRequest) (*shape.CreateUserResponse, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	e := &entity{Kind: user, Name: *in.UserName, Path: path(in.Path), Tags: in.Tags}
	err := s.DB.Update(ctx, func(tx *store.Tx) error { return s.createBounded(tx, c, e, in.PermissionsBoundary) })
	return &shape.CreateUserResponse{User: e.userShape()}, err
}
