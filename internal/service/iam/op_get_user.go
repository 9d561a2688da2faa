package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetUser", on("GetUser", func(c *api.Call, in *shape.GetUserRequest) string {
	if in.UserName == nil {
		return c.Caller.Identity.ARN
	}
	return global(c, "user", "/", *in.UserName)
}), (*Service).getUser)

// getUser gives a user; without a name, whoever asks.
func (s *Service) getUser(ctx context.Context, c *api.Call, in *shape.GetUserRequest) (*shape.GetUserResponse, error) {
	id := &c.Caller.Identity
	name := text(in.UserName)
	if in.UserName == nil {
		switch id.Kind {
		case caller.Root:
			return &shape.GetUserResponse{User: &shape.User{UserId: &id.Account, Arn: &id.ARN, Path: new("/"), CreateDate: new(c.Time)}}, nil
		case caller.User:
			name = id.Name
		default:
			return nil, validation.New("Must specify userName when calling with non-User credentials")
		}
	}
	var out *shape.GetUserResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, user, name)
		if err == nil {
			out = &shape.GetUserResponse{User: e.userShape()}
		}
		return err
	})
	return out, err
}
