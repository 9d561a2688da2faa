package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "UpdateRoleDescription", on("UpdateRoleDescription", func(c *api.Call, in *shape.UpdateRoleDescriptionRequest) string {
	return at(c, role, in.RoleName)
}), (*Service).updateRoleDescription)

// updateRoleDescription changes what a role is said to be for; a service's role too.
func (s *Service) updateRoleDescription(ctx context.Context, c *api.Call, in *shape.UpdateRoleDescriptionRequest) (*shape.UpdateRoleDescriptionResponse, error) {
	out := new(shape.UpdateRoleDescriptionResponse)
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.change(tx, c, role, *in.RoleName, func(e *entity) error {
			e.Description = *in.Description
			out.Role = e.roleShape()
			return nil
		})
	})
	return out, err
}
