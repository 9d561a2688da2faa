package iam

import (
	"context"
	"slices"
	"strings"
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
		ARN: global(c, "policy", path(in.Path), *in.PolicyName), Description: text(in.Description), Tags: in.Tags}
	out := new(shape.CreatePolicyResponse)
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := policiesUnder(tx, store.Prefix(p.Account))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(old *managedPolicy) bool { return strings.EqualFold(old.Name, p.Name) }) {
			return alreadyExists.New("A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		if len(all) >= policiesPerAccount {
			return limitExceeded.New("Cannot exceed quota for PoliciesPerAccount: %d", policiesPerAccount)
		}
		p.Created = tx.Now.Truncate(time.Second)
		p.Default = p.add(*in.PolicyDocument, tx.Now).ID
		out.Policy = p.described(uses{})
		return s.putPolicy(tx, p)
	})
	return out, err
}
