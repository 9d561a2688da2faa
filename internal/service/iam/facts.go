package iam

import (
	"maps"
	"slices"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
)

// facts are what the directory is told of one entity.
type facts struct {
	principal *directory.Principal
	group     *directory.Group
	resource  *directory.Resource // of roles: who may assume them; of instance profiles: that they are there
	tags      []caller.Tag
}

func (f facts) tell(d *directory.Directory) {
	if f.principal != nil {
		d.SetPrincipal(f.principal)
	}
	if f.group != nil {
		d.SetGroup(f.group)
	}
	if f.resource != nil {
		d.SetResource(f.resource)
	}
	if f.principal == nil && f.resource != nil {
		d.SetTags(f.resource.ARN, f.tags) // users and roles have theirs with them
	}
}

// forget is tell of an entity that is gone, or has another ARN now.
func forget(d *directory.Directory, kind Kind, arn string) {
	if kind == group {
		d.RemoveGroup(arn)
		return
	}
	d.RemovePrincipal(arn)
	d.RemoveResource(arn)
	d.SetTags(arn, nil)
}

func (e *entity) facts() (facts, error) {
	inline, err := e.inline()
	if err != nil {
		return facts{}, err
	}
	switch e.Kind {
	case group:
		return facts{group: &directory.Group{ARN: e.ARN, ID: e.ID, Account: e.Account, Name: e.Name, Policies: inline, Managed: slices.Clone(e.Attached)}}, nil
	case profile:
		return facts{resource: &directory.Resource{ARN: e.ARN, Account: e.Account}, tags: tagsOf(e.Tags)}, nil
	}
	p := &directory.Principal{Kind: caller.User, Account: e.Account, ARN: e.ARN, ID: e.ID, Name: e.Name, Policies: inline,
		Managed: slices.Clone(e.Attached), Groups: slices.Clone(e.Groups), Boundary: e.Boundary, Tags: tagsOf(e.Tags)}
	if e.Kind == user {
		return facts{principal: p}, nil
	}
	p.Kind, p.MaxSession = caller.AssumedRole, time.Duration(e.MaxSessionSeconds)*time.Second
	doc, err := policy.Parse(e.Trust)
	if err != nil {
		return facts{}, err
	}
	return facts{principal: p, resource: &directory.Resource{ARN: e.ARN, Account: e.Account, Trust: true, Trusted: slices.Collect(maps.Values(e.Trusted)),
		Policy: &policy.Attached{Document: doc.Bind(func(arn string) (string, bool) {
			id, ok := e.Trusted[arn]
			return id, ok
		}), Name: "trust policy", ARN: e.ARN, Owner: e.Account}}}, nil
}

// inline gives the policies that are the entity's alone. Those of a service-linked role are AWS's.
func (e *entity) inline() ([]policy.Attached, error) {
	var out []policy.Attached
	for _, name := range names(e.Inline) {
		doc, err := policy.Parse(e.Inline[name])
		if err != nil {
			return nil, err
		}
		a := policy.Attached{Document: doc, Name: name, Owner: e.Account}
		if e.Protected {
			a.Owner = ""
		}
		out = append(out, a)
	}
	return out, nil
}
