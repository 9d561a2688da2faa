package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "CreateInstanceProfile", withTags("CreateInstanceProfile", func(c *api.Call, in *shape.CreateInstanceProfileRequest) (string, []shape.Tag) {
		return global(c, "instance-profile", path(in.Path), *in.InstanceProfileName), in.Tags
	}), (*Service).createInstanceProfile)
	_ = api.Define(operations, "GetInstanceProfile", on("GetInstanceProfile", func(c *api.Call, in *shape.GetInstanceProfileRequest) string {
		return at(c, profile, in.InstanceProfileName)
	}), (*Service).getInstanceProfile)
	_ = api.Define(operations, "ListInstanceProfiles", on("ListInstanceProfiles", func(c *api.Call, in *shape.ListInstanceProfilesRequest) string {
		return global(c, "instance-profile", path(in.PathPrefix), "")
	}), (*Service).listInstanceProfiles)
	_ = api.Define(operations, "ListInstanceProfilesForRole", on("ListInstanceProfilesForRole", func(c *api.Call, in *shape.ListInstanceProfilesForRoleRequest) string {
		return at(c, role, in.RoleName)
	}), (*Service).listInstanceProfilesForRole)
	_ = api.Define(operations, "DeleteInstanceProfile", on("DeleteInstanceProfile", func(c *api.Call, in *shape.DeleteInstanceProfileRequest) string {
		return at(c, profile, in.InstanceProfileName)
	}), (*Service).deleteInstanceProfile)
)

// createInstanceProfile makes an instance profile without a role.
func (s *Service) createInstanceProfile(ctx context.Context, c *api.Call, in *shape.CreateInstanceProfileRequest) (*shape.CreateInstanceProfileResponse, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	out := new(shape.CreateInstanceProfileResponse)
	err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		e := &entity{Kind: profile, Name: *in.InstanceProfileName, Path: path(in.Path), Tags: in.Tags}
		if err = s.create(tx, c, e); err == nil {
			out.InstanceProfile, err = e.profileShape(tx)
		}
		return err
	})
	return out, err
}

// getInstanceProfile gives an instance profile with its role.
func (s *Service) getInstanceProfile(ctx context.Context, c *api.Call, in *shape.GetInstanceProfileRequest) (*shape.GetInstanceProfileResponse, error) {
	out := new(shape.GetInstanceProfileResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, profile, *in.InstanceProfileName)
		if err == nil {
			out.InstanceProfile, err = e.profileShape(tx)
		}
		return err
	})
	return out, err
}

// listInstanceProfiles lists the instance profiles of the account, by name.
func (s *Service) listInstanceProfiles(ctx context.Context, c *api.Call, in *shape.ListInstanceProfilesRequest) (*shape.ListInstanceProfilesResponse, error) {
	out := new(shape.ListInstanceProfilesResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := under(tx, c, profile, path(in.PathPrefix))
		if err != nil {
			return err
		}
		page, next, err := cut(all, (*entity).known, in.Marker, in.MaxItems)
		if err != nil {
			return err
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		out.InstanceProfiles, err = profileShapes(tx, page)
		return err
	})
	return out, err
}

// listInstanceProfilesForRole lists the instance profiles that hold a role.
func (s *Service) listInstanceProfilesForRole(ctx context.Context, c *api.Call, in *shape.ListInstanceProfilesForRoleRequest) (*shape.ListInstanceProfilesForRoleResponse, error) {
	out := new(shape.ListInstanceProfilesForRoleResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		r, err := get(tx, c, role, *in.RoleName)
		if err != nil {
			return err
		}
		all, err := holding(tx, r)
		if err != nil {
			return err
		}
		page, next, err := cut(all, (*entity).known, in.Marker, in.MaxItems)
		if err != nil {
			return err
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		out.InstanceProfiles, err = profileShapes(tx, page)
		return err
	})
	return out, err
}

// deleteInstanceProfile removes an instance profile that holds no role any more.
func (s *Service) deleteInstanceProfile(ctx context.Context, c *api.Call, in *shape.DeleteInstanceProfileRequest) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error { return s.remove(tx, c, profile, *in.InstanceProfileName) })
}
