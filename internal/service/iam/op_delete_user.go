package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "DeleteUser", on("DeleteUser", func(c *api.Call, in *shape.DeleteUserRequest) string {
	return global(c, "user", "/", text(in.UserName))
}), (*Service).deleteUser)

// deleteUser removes a user that has no policies or keys any more.
func (s *Service) deleteUser(ctx context.Context, c *api.Call, in *shape.DeleteUserRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.remove(tx, c, user, *in.UserName)
	})
}
