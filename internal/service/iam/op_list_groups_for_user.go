package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListGroupsForUser", on("ListGroupsForUser", func(c *api.Call, in *shape.ListGroupsForUserRequest) string {
	return global(c, "user", "/", *in.UserName)
}), (*Service).listGroupsForUser)

// listGroupsForUser answers with the empty list that clients read before they delete a user. There are no groups.
func (s *Service) listGroupsForUser(ctx context.Context, c *api.Call, in *shape.ListGroupsForUserRequest) (*shape.ListGroupsForUserResponse, error) {
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		_, err := get(tx, c, user, *in.UserName)
		return err
	})
	return &shape.ListGroupsForUserResponse{Groups: []shape.Group{}, IsTruncated: new(false)}, err
}
