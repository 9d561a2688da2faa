package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "CreateUser", withTags("CreateUser", func(c *api.Call, in *shape.CreateUserRequest) (string, []shape.Tag) {
	return global(c, "user", path(in.Path), *in.UserName), in.Tags
}), (*Service).createUser)

// createUser makes a user without any rights.
func (s *Service) createUser(ctx context.Context, c *api.Call, in *shape.CreateUserRequest) (*shape.CreateUserResponse, error) {
	if in.PermissionsBoundary != nil {
		return nil, noBoundaries
	}
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	e := &entity{Kind: user, Name: *in.UserName, Path: path(in.Path), Tags: in.Tags}
	err := s.DB.Update(ctx, func(tx *store.Tx) error { return s.create(tx, c, e) })
	return &shape.CreateUserResponse{User: e.userShape()}, err
}
