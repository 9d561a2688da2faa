package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "AddRoleToInstanceProfile", func(c *api.Call, in *shape.AddRoleToInstanceProfileRequest) []api.Check {
		return []api.Check{
			{Action: "iam:AddRoleToInstanceProfile", Resource: at(c, profile, in.InstanceProfileName)},
			{Action: "iam:PassRole", Resource: at(c, role, in.RoleName)},
		}
	}, (*Service).addRoleToInstanceProfile)
	_ = api.Define(operations, "RemoveRoleFromInstanceProfile", on("RemoveRoleFromInstanceProfile", func(c *api.Call, in *shape.RemoveRoleFromInstanceProfileRequest) string {
		return at(c, profile, in.InstanceProfileName)
	}), (*Service).removeRoleFromInstanceProfile)
	_ = api.Define(operations, "TagInstanceProfile", withTags("TagInstanceProfile", func(c *api.Call, in *shape.TagInstanceProfileRequest) (string, []shape.Tag) {
		return at(c, profile, in.InstanceProfileName), in.Tags
	}), (*Service).tagInstanceProfile)
	_ = api.Define(operations, "UntagInstanceProfile", func(c *api.Call, in *shape.UntagInstanceProfileRequest) []api.Check {
		return []api.Check{{Action: "iam:UntagInstanceProfile", Resource: at(c, profile, in.InstanceProfileName), Keys: []api.Key{api.Ks("aws:TagKeys", in.TagKeys...)}}}
	}, (*Service).untagInstanceProfile)
	_ = api.Define(operations, "ListInstanceProfileTags", on("ListInstanceProfileTags", func(c *api.Call, in *shape.ListInstanceProfileTagsRequest) string {
		return at(c, profile, in.InstanceProfileName)
	}), (*Service).listInstanceProfileTags)
)

// addRoleToInstanceProfile puts a role into an instance profile that holds none.
func (s *Service) addRoleToInstanceProfile(ctx context.Context, c *api.Call, in *shape.AddRoleToInstanceProfileRequest) (*struct{}, error) {
	return s.modify(ctx, c, profile, *in.InstanceProfileName, func(tx *store.Tx, e *entity) error {
		r, err := get(tx, c, role, *in.RoleName)
		if err != nil {
			return err
		}
		if e.Role != "" {
			return limitExceeded.New("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		}
		e.Role = r.Name
		return r.open()
	})
}

// removeRoleFromInstanceProfile takes the role out of an instance profile.
func (s *Service) removeRoleFromInstanceProfile(ctx context.Context, c *api.Call, in *shape.RemoveRoleFromInstanceProfileRequest) (*struct{}, error) {
	return s.modify(ctx, c, profile, *in.InstanceProfileName, func(tx *store.Tx, e *entity) error {
		r, err := get(tx, c, role, *in.RoleName)
		if err != nil {
			return err
		}
		if e.Role != r.Name {
			return missing(role, *in.RoleName)
		}
		e.Role = ""
		return nil
	})
}

func (s *Service) tagInstanceProfile(ctx context.Context, c *api.Call, in *shape.TagInstanceProfileRequest) (*struct{}, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	return s.modify(ctx, c, profile, *in.InstanceProfileName, func(_ *store.Tx, e *entity) error { return e.tag(in.Tags) })
}

func (s *Service) untagInstanceProfile(ctx context.Context, c *api.Call, in *shape.UntagInstanceProfileRequest) (*struct{}, error) {
	return s.modify(ctx, c, profile, *in.InstanceProfileName, func(_ *store.Tx, e *entity) error {
		e.untag(in.TagKeys)
		return nil
	})
}

func (s *Service) listInstanceProfileTags(ctx context.Context, c *api.Call, in *shape.ListInstanceProfileTagsRequest) (*shape.ListInstanceProfileTagsResponse, error) {
	out := new(shape.ListInstanceProfileTagsResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		page, next, err := tagged(tx, c, profile, *in.InstanceProfileName, in.Marker, in.MaxItems)
		out.Tags, out.IsTruncated, out.Marker = append([]shape.Tag{}, page...), new(next != nil), next
		return err
	})
	return out, err
}
