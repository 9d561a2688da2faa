package iam

import (
	"context"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "CreatePolicy", on("CreatePolicy", func(c *api.Call, in *shape.CreatePolicyRequest) string {
	return global(c, "policy", path(in.Path), *in.PolicyName)
}), (*Service).createPolicy)

// createPolicy keeps a managed policy of the account.
func (s *Service) createPolicy(ctx context.Context, c *api.Call, in *shape.CreatePolicyRequest) (*shape.CreatePolicyResponse, error) {
	if _, err := parse(policy.Managed, *in.PolicyDocument); err != nil {
		return nil, err
	}
	if err := quota("policy", *in.PolicyName, *in.PolicyDocument, 6144); err != nil {
		return nil, err
	}
	p := &managedPolicy{Account: c.Account(), Name: *in.PolicyName, Path: path(in.Path), ID: directory.NewID("ANPA"),
		ARN: global(c, "policy", path(in.Path), *in.PolicyName), Document: *in.PolicyDocument, Description: text(in.Description), Tags: in.Tags}
	out := new(shape.CreatePolicyResponse)
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := policies.Get(tx, store.Key(p.Account, p.ARN))
		if err != nil {
			return err
		}
		if old != nil {
			return alreadyExists.New("A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		p.Created = tx.Now
		if out.Policy, err = p.shape(tx, c.Account()); err != nil {
			return err
		}
		return policies.Put(tx, store.Key(p.Account, p.ARN), p)
	})
	return out, err
}
