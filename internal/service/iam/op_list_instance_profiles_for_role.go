package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListInstanceProfilesForRole", on("ListInstanceProfilesForRole", func(c *api.Call, in *shape.ListInstanceProfilesForRoleRequest) string {
	return global(c, "role", "/", *in.RoleName)
}), (*Service).listInstanceProfilesForRole)

// listInstanceProfilesForRole answers with the empty list that clients read before they delete a role. There are no instance profiles, for there are no instances.
func (s *Service) listInstanceProfilesForRole(ctx context.Context, c *api.Call, in *shape.ListInstanceProfilesForRoleRequest) (*shape.ListInstanceProfilesForRoleResponse, error) {
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		_, err := get(tx, c, role, *in.RoleName)
		return err
	})
	return &shape.ListInstanceProfilesForRoleResponse{InstanceProfiles: []shape.InstanceProfile{}, IsTruncated: new(false)}, err
}
