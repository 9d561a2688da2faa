package iam

import (
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
)

// source is a user, group or role whose policies are asked about.
type source struct {
	kind, name, id, boundary string
	arn                      string
	policies                 []policy.Attached // each named as results name it
	tags                     []caller.Tag
}

// sourceOf collects the policies of whom an ARN names: of a user its groups' too.
func (s *Service) sourceOf(tx *store.Tx, c *api.Call, a string) (*source, error) {
	parts, err := arn.Parse(a)
	if err != nil {
		return nil, validation.New("Invalid ARN:  Could not be parsed!")
	}
	kind, rest, _ := strings.Cut(parts.Resource, "/")
	out := &source{kind: kind, arn: a, name: rest[strings.LastIndexByte(rest, '/')+1:]}
	switch kind {
	case "user", "role":
		p := s.Directory.Principal(a)
		if p == nil || p.Account != c.Account() {
			return nil, missing(Kind(kind), out.name)
		}
		out.name, out.id, out.boundary, out.tags = p.Name, p.ID, p.Boundary, p.Tags
		err = out.add(tx, kind+"_"+p.Name+"_", p.Policies, p.Managed)
		for _, name := range p.Groups {
			if g := s.Directory.Group(name); g != nil && err == nil {
				err = out.add(tx, "group_"+g.Name+"_", g.Policies, g.Managed)
			}
		}
		return out, err
	case "group":
		g := s.Directory.Group(a)
		if g == nil || g.Account != c.Account() {
			return nil, missing(Kind(kind), out.name)
		}
		return out, out.add(tx, "group_"+g.Name+"_", g.Policies, g.Managed)
	}
	return nil, invalidInput.New("Invalid Input PolicySourceArn: %s is not the ARN of a user, group or role.", a)
}

// add appends inline policies, named after whose they are, and managed ones by their own names.
func (f *source) add(tx *store.Tx, prefix string, inline []policy.Attached, attached []string) error {
	for _, p := range inline {
		f.policies = append(f.policies, policy.Attached{Document: p.Document, Name: prefix + p.Name})
	}
	for _, a := range attached {
		p, err := inForce(tx, a)
		if err != nil {
			return err
		}
		f.policies = append(f.policies, *p)
	}
	return nil
}

// inForce gives the version of a managed policy that is in force.
func inForce(tx *store.Tx, a string) (*policy.Attached, error) {
	p, err := managedBy(tx, a)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, noSuchEntity.New("Policy %s was not found.", a)
	}
	return p.fact()
}

// as makes a simulation one of a source: its policies come before those that were given.
func (m *simulation) as(s *Service, tx *store.Tx, c *api.Call, f *source) error {
	m.identity = append(f.policies, m.identity...)
	if f.boundary != "" && !m.hasBoundary { // one that is given stands in its place
		p, err := inForce(tx, f.boundary)
		if err != nil {
			return err
		}
		m.boundary, m.hasBoundary = []policy.Attached{*p}, true
	}
	name, id, tags := f.name, f.id, f.tags
	switch {
	case m.caller.ARN != "":
		name, id, tags = m.caller.ARN[strings.LastIndexByte(m.caller.ARN, '/')+1:], "", nil
		if p := s.Directory.Principal(m.caller.ARN); p != nil && p.Account == c.Account() {
			id, tags = p.ID, p.Tags
		}
	case f.kind == "user":
		m.caller.ARN = f.arn
	case f.kind == "role":
		m.caller.Kind, id = policy.Role, "" // of a session there is none
	}
	if err := m.callerKnown(); err != nil {
		return err
	}
	who := m.caller
	if f.kind == "role" && who.ARN == "" {
		who.ARN = f.arn
	}
	m.self(&who, name, id, tags)
	stack, facts := s.Directory.Stack(&caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: c.Account()}}, &directory.Question{Resource: "*"})
	m.scp, m.organized = stack.SCP, facts.Caller != nil
	return nil
}
