package iam

import (
	"context"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "CreatePolicy", withTags("CreatePolicy", func(c *api.Call, in *shape.CreatePolicyRequest) (string, []shape.Tag) {
	return global(c, "policy", path(in.Path), *in.PolicyName), in.Tags
}), (*Service).createPolicy)

// createPolicy keeps a managed policy of the account.
func (s *Service) createPolicy(ctx context.Context, c *api.Call, in *shape.CreatePolicyRequest) (*shape.CreatePolicyResponse, error) {
	if _, err := parse(policy.Managed, *in.PolicyDocument); err != nil {
		return nil, err
	}
	if err := quota("PolicySize", *in.PolicyDocument, policySize); err != nil {
		return nil, err
	}
	if err := distinct(in.Tags); err != nil {
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
		p.Created = tx.Now.Truncate(time.Second)
		out.Policy = p.shape(0)
		fact, err := p.fact()
		if err != nil {
			return err
		}
		tx.After(func() { s.Directory.SetManaged(fact) })
		return policies.Put(tx, store.Key(p.Account, p.ARN), p)
	})
	return out, err
}
