package iam

import (
	"context"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "PutGroupPolicy", on("PutGroupPolicy", func(c *api.Call, in *shape.PutGroupPolicyRequest) string { return at(c, group, in.GroupName) }), (*Service).putGroupPolicy)
	_ = api.Define(operations, "GetGroupPolicy", on("GetGroupPolicy", func(c *api.Call, in *shape.GetGroupPolicyRequest) string { return at(c, group, in.GroupName) }), (*Service).getGroupPolicy)
	_ = api.Define(operations, "ListGroupPolicies", on("ListGroupPolicies", func(c *api.Call, in *shape.ListGroupPoliciesRequest) string { return at(c, group, in.GroupName) }), (*Service).listGroupPolicies)
	_ = api.Define(operations, "DeleteGroupPolicy", on("DeleteGroupPolicy", func(c *api.Call, in *shape.DeleteGroupPolicyRequest) string { return at(c, group, in.GroupName) }), (*Service).deleteGroupPolicy)
)

// putGroupPolicy writes an inline policy of a group over any of that name.
func (s *Service) putGroupPolicy(ctx context.Context, c *api.Call, in *shape.PutGroupPolicyRequest) (*struct{}, error) {
	if _, err := parse(policy.Identity, *in.PolicyDocument); err != nil {
		return nil, err
	}
	return s.modify(ctx, c, group, *in.GroupName, func(_ *store.Tx, e *entity) error { return e.putInline(*in.PolicyName, *in.PolicyDocument) })
}

// getGroupPolicy gives an inline policy of a group.
func (s *Service) getGroupPolicy(ctx context.Context, c *api.Call, in *shape.GetGroupPolicyRequest) (*shape.GetGroupPolicyResponse, error) {
	var out *shape.GetGroupPolicyResponse
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, group, *in.GroupName)
		if err != nil {
			return err
		}
		doc, ok := e.Inline[*in.PolicyName]
		if !ok {
			return missingInline(group, *in.PolicyName)
		}
		out = &shape.GetGroupPolicyResponse{GroupName: &e.Name, PolicyName: in.PolicyName, PolicyDocument: new(encoded(doc))}
		return nil
	})
	return out, err
}

// listGroupPolicies lists the names of a group's inline policies.
func (s *Service) listGroupPolicies(ctx context.Context, c *api.Call, in *shape.ListGroupPoliciesRequest) (*shape.ListGroupPoliciesResponse, error) {
	out := new(shape.ListGroupPoliciesResponse)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, group, *in.GroupName)
		if err != nil {
			return err
		}
		page, next, err := cut(names(e.Inline), itself, in.Marker, in.MaxItems)
		out.PolicyNames, out.IsTruncated, out.Marker = append([]string{}, page...), new(next != nil), next
		return err
	})
	return out, err
}

// deleteGroupPolicy removes an inline policy of a group.
func (s *Service) deleteGroupPolicy(ctx context.Context, c *api.Call, in *shape.DeleteGroupPolicyRequest) (*struct{}, error) {
	return s.modify(ctx, c, group, *in.GroupName, func(_ *store.Tx, e *entity) error {
		if _, ok := e.Inline[*in.PolicyName]; !ok {
			return missingInline(group, *in.PolicyName)
		}
		delete(e.Inline, *in.PolicyName)
		return nil
	})
}
