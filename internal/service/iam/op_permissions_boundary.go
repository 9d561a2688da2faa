package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "PutUserPermissionsBoundary", withBoundary("PutUserPermissionsBoundary", func(c *api.Call, in *shape.PutUserPermissionsBoundaryRequest) (string, *string) {
		return at(c, user, in.UserName), in.PermissionsBoundary
	}), (*Service).putUserPermissionsBoundary)
	_ = api.Define(operations, "PutRolePermissionsBoundary", withBoundary("PutRolePermissionsBoundary", func(c *api.Call, in *shape.PutRolePermissionsBoundaryRequest) (string, *string) {
		return at(c, role, in.RoleName), in.PermissionsBoundary
	}), (*Service).putRolePermissionsBoundary)
	_ = api.Define(operations, "DeleteUserPermissionsBoundary", on("DeleteUserPermissionsBoundary", func(c *api.Call, in *shape.DeleteUserPermissionsBoundaryRequest) string {
		return at(c, user, in.UserName)
	}), (*Service).deleteUserPermissionsBoundary)
	_ = api.Define(operations, "DeleteRolePermissionsBoundary", on("DeleteRolePermissionsBoundary", func(c *api.Call, in *shape.DeleteRolePermissionsBoundaryRequest) string {
		return at(c, role, in.RoleName)
	}), (*Service).deleteRolePermissionsBoundary)
)

func (s *Service) putUserPermissionsBoundary(ctx context.Context, c *api.Call, in *shape.PutUserPermissionsBoundaryRequest) (*struct{}, error) {
	return s.bind(ctx, c, user, *in.UserName, *in.PermissionsBoundary)
}

func (s *Service) putRolePermissionsBoundary(ctx context.Context, c *api.Call, in *shape.PutRolePermissionsBoundaryRequest) (*struct{}, error) {
	return s.bind(ctx, c, role, *in.RoleName, *in.PermissionsBoundary)
}

func (s *Service) deleteUserPermissionsBoundary(ctx context.Context, c *api.Call, in *shape.DeleteUserPermissionsBoundaryRequest) (*struct{}, error) {
	return s.bind(ctx, c, user, *in.UserName, "")
}

func (s *Service) deleteRolePermissionsBoundary(ctx context.Context, c *api.Call, in *shape.DeleteRolePermissionsBoundaryRequest) (*struct{}, error) {
	return s.bind(ctx, c, role, *in.RoleName, "")
}

// bind gives an entity a boundary, or takes it away.
func (s *Service) bind(ctx context.Context, c *api.Call, kind Kind, name, arn string) (*struct{}, error) {
	return s.modify(ctx, c, kind, name, func(tx *store.Tx, e *entity) error {
		e.Boundary = ""
		if arn == "" {
			return nil
		}
		return e.bound(tx, c, arn)
	})
}
