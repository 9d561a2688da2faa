package iam

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetAccountAuthorizationDetails", on("GetAccountAuthorizationDetails", func(*api.Call, *shape.GetAccountAuthorizationDetailsRequest) string {
	return "*"
}), (*Service).getAccountAuthorizationDetails)

// detail puts one user, group, role or policy into the answer.
type detail func(tx *store.Tx, out *shape.GetAccountAuthorizationDetailsResponse) error

// told is a detail and what it is about.
type told struct {
	name string
	put  detail
}

func (t told) known() string { return t.name }

// getAccountAuthorizationDetails tells everything that gives rights in an account, in pages of all kinds
// together: users, groups, roles, the account's policies and those of AWS that somebody has.
func (s *Service) getAccountAuthorizationDetails(ctx context.Context, c *api.Call, in *shape.GetAccountAuthorizationDetailsRequest) (*shape.GetAccountAuthorizationDetailsResponse, error) {
	out := &shape.GetAccountAuthorizationDetailsResponse{UserDetailList: []shape.UserDetail{}, GroupDetailList: []shape.GroupDetail{},
		RoleDetailList: []shape.RoleDetail{}, Policies: []shape.ManagedPolicyDetail{}}
	wanted := func(kind string) bool { return len(in.Filter) == 0 || slices.Contains(in.Filter, kind) }
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := s.details(tx, c, wanted)
		if err != nil {
			return err
		}
		page, next, err := cut(all, told.known, in.Marker, in.MaxItems)
		if err != nil {
			return err
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		for _, one := range page {
			if err := one.put(tx, out); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// details gives what is to be told, in order.
func (s *Service) details(tx *store.Tx, c *api.Call, wanted func(string) bool) ([]told, error) {
	var out []told
	for _, kind := range []Kind{user, group, role} {
		if !wanted(kind.title()) {
			continue
		}
		all, err := under(tx, c, kind, "/")
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			out = append(out, told{e.known(), map[Kind]detail{user: e.userDetail, group: e.groupDetail, role: s.roleDetail(e)}[kind]})
		}
	}
	n, err := usage(tx, c.Account())
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{"LocalManagedPolicy", "AWSManagedPolicy"} {
		scope := strings.TrimSuffix(kind, "ManagedPolicy")
		if !wanted(kind) {
			continue
		}
		all, err := scoped(tx, c, scope)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			if scope == "Local" || n[p.ARN] != (uses{}) {
				out = append(out, told{p.ARN, p.detail(n[p.ARN])})
			}
		}
	}
	return out, nil
}

func (p *managedPolicy) detail(n uses) detail {
	return func(_ *store.Tx, out *shape.GetAccountAuthorizationDetailsResponse) error {
		s := p.described(n)
		d := shape.ManagedPolicyDetail{PolicyName: s.PolicyName, PolicyId: s.PolicyId, Arn: s.Arn, Path: s.Path, DefaultVersionId: s.DefaultVersionId,
			AttachmentCount: s.AttachmentCount, PermissionsBoundaryUsageCount: s.PermissionsBoundaryUsageCount, IsAttachable: s.IsAttachable,
			Description: s.Description, CreateDate: s.CreateDate, UpdateDate: s.UpdateDate}
		for i := range slices.Backward(p.Versions) {
			v := p.versionShape(&p.Versions[i])
			v.Document = new(encoded(p.Versions[i].Document))
			d.PolicyVersionList = append(d.PolicyVersionList, *v)
		}
		out.Policies = append(out.Policies, d)
		return nil
	}
}

// inlineDetails are the entity's own policies with their documents.
func (e *entity) inlineDetails() []shape.PolicyDetail {
	out := []shape.PolicyDetail{}
	for _, name := range names(e.Inline) {
		out = append(out, shape.PolicyDetail{PolicyName: &name, PolicyDocument: new(encoded(e.Inline[name]))})
	}
	return out
}

func (e *entity) userDetail(tx *store.Tx, out *shape.GetAccountAuthorizationDetailsResponse) error {
	attached, err := e.attachedShapes(tx, "/")
	if err != nil {
		return err
	}
	groups, err := groupsOf(tx, e)
	u := shape.UserDetail{Path: &e.Path, UserName: &e.Name, UserId: &e.ID, Arn: &e.ARN, CreateDate: &e.Created, UserPolicyList: e.inlineDetails(),
		GroupList: []string{}, AttachedManagedPolicies: append([]shape.AttachedPolicy{}, attached...), PermissionsBoundary: e.boundary(), Tags: append([]shape.Tag{}, e.Tags...)}
	for _, g := range groups {
		u.GroupList = append(u.GroupList, g.Name)
	}
	out.UserDetailList = append(out.UserDetailList, u)
	return err
}

func (e *entity) groupDetail(tx *store.Tx, out *shape.GetAccountAuthorizationDetailsResponse) error {
	attached, err := e.attachedShapes(tx, "/")
	out.GroupDetailList = append(out.GroupDetailList, shape.GroupDetail{Path: &e.Path, GroupName: &e.Name, GroupId: &e.ID, Arn: &e.ARN, CreateDate: &e.Created,
		GroupPolicyList: e.inlineDetails(), AttachedManagedPolicies: append([]shape.AttachedPolicy{}, attached...)})
	return err
}

func (s *Service) roleDetail(e *entity) detail {
	return func(tx *store.Tx, out *shape.GetAccountAuthorizationDetailsResponse) error {
		attached, err := e.attachedShapes(tx, "/")
		if err != nil {
			return err
		}
		holders, err := holding(tx, e)
		if err != nil {
			return err
		}
		profiles, err := profileShapes(tx, holders)
		r := e.roleShape()
		out.RoleDetailList = append(out.RoleDetailList, shape.RoleDetail{Path: r.Path, RoleName: r.RoleName, RoleId: r.RoleId, Arn: r.Arn, CreateDate: r.CreateDate,
			AssumeRolePolicyDocument: r.AssumeRolePolicyDocument, InstanceProfileList: profiles, RolePolicyList: e.inlineDetails(),
			AttachedManagedPolicies: append([]shape.AttachedPolicy{}, attached...), PermissionsBoundary: r.PermissionsBoundary, Tags: append([]shape.Tag{}, e.Tags...), RoleLastUsed: s.lastUsed(e)})
		return err
	}
}
