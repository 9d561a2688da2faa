package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "CreateGroup", on("CreateGroup", func(c *api.Call, in *shape.CreateGroupRequest) string {
		return global(c, "group", path(in.Path), *in.GroupName)
	}), (*Service).createGroup)
	_ = api.Define(operations, "GetGroup", on("GetGroup", func(c *api.Call, in *shape.GetGroupRequest) string { return at(c, group, in.GroupName) }), (*Service).getGroup)
	_ = api.Define(operations, "ListGroups", on("ListGroups", func(c *api.Call, in *shape.ListGroupsRequest) string {
		return global(c, "group", path(in.PathPrefix), "")
	}), (*Service).listGroups)
	_ = api.Define(operations, "UpdateGroup", renames("UpdateGroup", func(in *shape.UpdateGroupRequest) (Kind, *string, *string, *string) {
		return group, in.GroupName, in.NewGroupName, in.NewPath
	}), (*Service).updateGroup)
	_ = api.Define(operations, "DeleteGroup", on("DeleteGroup", func(c *api.Call, in *shape.DeleteGroupRequest) string { return at(c, group, in.GroupName) }), (*Service).deleteGroup)
)

// createGroup makes a group that nobody is in.
func (s *Service) createGroup(ctx context.Context, c *api.Call, in *shape.CreateGroupRequest) (*shape.CreateGroupResponse, error) {
	e := &entity{Kind: group, Name: *in.GroupName, Path: path(in.Path)}
	err := s.DB.Update(ctx, func(tx *store.Tx) error { return s.create(tx, c, e) })
	return &shape.CreateGroupResponse{Group: e.groupShape()}, err
}

// getGroup gives a group and a page of the users in it.
func (s *Service) getGroup(ctx context.Context, c *api.Call, in *shape.GetGroupRequest) (*shape.GetGroupResponse, error) {
	var out *shape.GetGroupResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		g, err := get(tx, c, group, *in.GroupName)
		if err != nil {
			return err
		}
		all, err := members(tx, g)
		if err != nil {
			return err
		}
		page, next, err := cut(all, (*entity).known, in.Marker, in.MaxItems)
		out = &shape.GetGroupResponse{Group: g.groupShape(), Users: []shape.User{}, IsTruncated: new(next != nil), Marker: next}
		for _, u := range page {
			out.Users = append(out.Users, *u.listed())
		}
		return err
	})
	return out, err
}

// listGroups lists the groups of the account, by name.
func (s *Service) listGroups(ctx context.Context, c *api.Call, in *shape.ListGroupsRequest) (*shape.ListGroupsResponse, error) {
	out := &shape.ListGroupsResponse{Groups: []shape.Group{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := under(tx, c, group, path(in.PathPrefix))
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

// updateGroup gives a group another name or path; who is in it stays.
func (s *Service) updateGroup(ctx context.Context, c *api.Call, in *shape.UpdateGroupRequest) (*struct{}, error) {
	return s.rename(ctx, c, group, *in.GroupName, in.NewGroupName, in.NewPath)
}

// deleteGroup removes a group that has no users or policies any more.
func (s *Service) deleteGroup(ctx context.Context, c *api.Call, in *shape.DeleteGroupRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error { return s.remove(tx, c, group, *in.GroupName) })
}
