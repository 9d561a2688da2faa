package iam

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

// uses is how many entities of an account have a policy: attached, and as their boundary.
type uses struct{ attached, boundary int32 }

// usage counts the entities of an account that have each policy.
func usage(tx *store.Tx, account string) (map[string]uses, error) {
	all, err := entities.All(tx, store.Prefix(account))
	n := map[string]uses{}
	for _, e := range all {
		for _, a := range e.Attached {
			u := n[a]
			u.attached++
			n[a] = u
		}
		if e.Boundary != "" {
			u := n[e.Boundary]
			u.boundary++
			n[e.Boundary] = u
		}
	}
	return n, err
}

func (p *managedPolicy) versionShape(v *policyVersion) *shape.PolicyVersion {
	return &shape.PolicyVersion{VersionId: new(v.ID), IsDefaultVersion: new(v.ID == p.Default), CreateDate: new(v.Created)}
}

// shape describes a policy that so many entities have.
func (p *managedPolicy) shape(n uses) *shape.Policy {
	s := &shape.Policy{
		PolicyName: &p.Name, PolicyId: &p.ID, Arn: &p.ARN, Path: &p.Path, DefaultVersionId: &p.Default, AttachmentCount: &n.attached,
		PermissionsBoundaryUsageCount: &n.boundary, IsAttachable: new(true), CreateDate: &p.Created, UpdateDate: &p.Updated,
	}
	return s
}

// described is shape with what lists leave out.
func (p *managedPolicy) described(n uses) *shape.Policy {
	s := p.shape(n)
	s.Tags = p.Tags
	if p.Description != "" {
		s.Description = &p.Description
	}
	return s
}

// scoped lists managed policies by Scope: All, AWS or Local.
func scoped(tx *store.Tx, c *api.Call, scope string) ([]*managedPolicy, error) {
	var out []*managedPolicy
	if scope != "AWS" {
		mine, err := policiesUnder(tx, store.Prefix(c.Account()))
		if err != nil {
			return nil, err
		}
		out = mine
	}
	if scope != "Local" {
		for _, p := range awsPolicies() {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *managedPolicy) int { return strings.Compare(a.ARN, b.ARN) })
	return out, nil
}

// attachedTo is a page of the managed policies of a user, group or role.
func (s *Service) attachedTo(ctx context.Context, c *api.Call, kind Kind, name, prefix string, marker *string, most *int32) (page []shape.AttachedPolicy, next *string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, kind, name)
		if err != nil {
			return err
		}
		all, err := e.attachedShapes(tx, prefix)
		if err != nil {
			return err
		}
		page, next, err = cut(all, attachedARN, marker, most)
		return err
	})
	return page, next, err
}
