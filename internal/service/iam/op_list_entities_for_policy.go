package iam

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "ListEntitiesForPolicy", onPolicy("ListEntitiesForPolicy", true, func(in *shape.ListEntitiesForPolicyRequest) string { return *in.PolicyArn }), (*Service).listEntitiesForPolicy)

// listEntitiesForPolicy lists who of the account has a managed policy.
func (s *Service) listEntitiesForPolicy(ctx context.Context, c *api.Call, in *shape.ListEntitiesForPolicyRequest) (*shape.ListEntitiesForPolicyResponse, error) {
	out := new(shape.ListEntitiesForPolicyResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := own(tx, c, *in.PolicyArn)
		if err != nil {
			return err
		}
		all, err := entities.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(e *entity) bool {
			wanted := in.EntityFilter == nil || strings.EqualFold(*in.EntityFilter, string(e.Kind))
			return !wanted || !e.has(p.ARN, text(in.PolicyUsageFilter)) || !strings.HasPrefix(e.Path, path(in.PathPrefix))
		})
		page, next, err := cut(all, (*entity).known, in.Marker, in.MaxItems)
		for _, e := range page {
			switch e.Kind {
			case user:
				out.PolicyUsers = append(out.PolicyUsers, shape.PolicyUser{UserName: &e.Name, UserId: &e.ID})
			case role:
				out.PolicyRoles = append(out.PolicyRoles, shape.PolicyRole{RoleName: &e.Name, RoleId: &e.ID})
			default:
				out.PolicyGroups = append(out.PolicyGroups, shape.PolicyGroup{GroupName: &e.Name, GroupId: &e.ID})
			}
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		return err
	})
	return out, err
}

// has tells whether an entity has a policy in one of the ways: attached, as its boundary, or either.
func (e *entity) has(policy, usage string) bool {
	return usage != "PermissionsBoundary" && slices.Contains(e.Attached, policy) || usage != "PermissionsPolicy" && e.Boundary == policy
}
