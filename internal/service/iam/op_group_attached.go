package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "AttachGroupPolicy", withPolicy("AttachGroupPolicy", func(c *api.Call, in *shape.AttachGroupPolicyRequest) (entity, policy string) {
		return at(c, group, in.GroupName), *in.PolicyArn
	}), (*Service).attachGroupPolicy)
	_ = api.Define(operations, "DetachGroupPolicy", withPolicy("DetachGroupPolicy", func(c *api.Call, in *shape.DetachGroupPolicyRequest) (entity, policy string) {
		return at(c, group, in.GroupName), *in.PolicyArn
	}), (*Service).detachGroupPolicy)
	_ = api.Define(operations, "ListAttachedGroupPolicies", on("ListAttachedGroupPolicies", func(c *api.Call, in *shape.ListAttachedGroupPoliciesRequest) string {
		return at(c, group, in.GroupName)
	}), (*Service).listAttachedGroupPolicies)
)

// attachGroupPolicy attaches a managed policy to a group; twice is once.
func (s *Service) attachGroupPolicy(ctx context.Context, c *api.Call, in *shape.AttachGroupPolicyRequest) (*struct{}, error) {
	return s.modify(ctx, c, group, *in.GroupName, func(tx *store.Tx, e *entity) error {
		if err := attachable(tx, c, *in.PolicyArn); err != nil {
			return err
		}
		return e.attach(*in.PolicyArn)
	})
}

// detachGroupPolicy takes a managed policy from a group.
func (s *Service) detachGroupPolicy(ctx context.Context, c *api.Call, in *shape.DetachGroupPolicyRequest) (*struct{}, error) {
	return s.modify(ctx, c, group, *in.GroupName, func(_ *store.Tx, e *entity) error { return e.detach(*in.PolicyArn) })
}

// listAttachedGroupPolicies lists the managed policies of a group.
func (s *Service) listAttachedGroupPolicies(ctx context.Context, c *api.Call, in *shape.ListAttachedGroupPoliciesRequest) (*shape.ListAttachedGroupPoliciesResponse, error) {
	page, next, err := s.attachedTo(ctx, c, group, *in.GroupName, path(in.PathPrefix), in.Marker, in.MaxItems)
	return &shape.ListAttachedGroupPoliciesResponse{AttachedPolicies: page, IsTruncated: new(next != nil), Marker: next}, err
}
