package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListUsers", on("ListUsers", func(c *api.Call, in *shape.ListUsersRequest) string {
	return global(c, "user", path(in.PathPrefix), "")
}), (*Service).listUsers)

// listUsers lists the users of the account, by name.
func (s *Service) listUsers(ctx context.Context, c *api.Call, in *shape.ListUsersRequest) (*shape.ListUsersResponse, error) {
	out := new(shape.ListUsersResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := under(tx, c, user, path(in.PathPrefix))
		if err != nil {
			return err
		}
		page, next, err := cut(all, (*entity).known, in.Marker, in.MaxItems)
		for _, e := range page {
			out.Users = append(out.Users, *e.listed())
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		return err
	})
	return out, err
}
