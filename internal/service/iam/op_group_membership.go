package iam

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "AddUserToGroup", on("AddUserToGroup", func(c *api.Call, in *shape.AddUserToGroupRequest) string { return at(c, group, in.GroupName) }), (*Service).addUserToGroup)
	_ = api.Define(operations, "RemoveUserFromGroup", on("RemoveUserFromGroup", func(c *api.Call, in *shape.RemoveUserFromGroupRequest) string { return at(c, group, in.GroupName) }), (*Service).removeUserFromGroup)
	_ = api.Define(operations, "ListGroupsForUser", on("ListGroupsForUser", func(c *api.Call, in *shape.ListGroupsForUserRequest) string { return at(c, user, in.UserName) }), (*Service).listGroupsForUser)
)

// addUserToGroup puts a user into a group; twice is once.
func (s *Service) addUserToGroup(ctx context.Context, c *api.Call, in *shape.AddUserToGroupRequest) (*struct{}, error) {
	return s.membership(ctx, c, *in.GroupName, *in.UserName, (*entity).join)
}

// removeUserFromGroup takes a user out of a group; who is not in it is out already.
func (s *Service) removeUserFromGroup(ctx context.Context, c *api.Call, in *shape.RemoveUserFromGroupRequest) (*struct{}, error) {
	return s.membership(ctx, c, *in.GroupName, *in.UserName, func(u, g *entity) error {
		u.Groups = slices.DeleteFunc(u.Groups, func(a string) bool { return a == g.ARN })
		return nil
	})
}

// listGroupsForUser lists the groups that a user is in.
func (s *Service) listGroupsForUser(ctx context.Context, c *api.Call, in *shape.ListGroupsForUserRequest) (*shape.ListGroupsForUserResponse, error) {
	out := &shape.ListGroupsForUserResponse{Groups: []shape.Group{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		u, err := get(tx, c, user, *in.UserName)
		if err != nil {
			return err
		}
		all, err := groupsOf(tx, u)
		if err != nil {
			return err
		}
		page, next, err := cut(all, (*entity).known, in.Marker, in.MaxItems)
		for _, g := range page {
			out.Groups = append(out.Groups, *g.groupShape())
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		return err
	})
	return out, err
}
