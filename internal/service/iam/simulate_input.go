package iam

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/iam"
)

// given is what both simulators are asked.
type given struct {
	policies, boundaries, actions, resources []string
	resourcePolicy, owner, caller, option    *string
	entries                                  []shape.ContextEntry
}

// simulate reads what is given into a simulation; who it is about is for the caller to add.
func simulate(c *api.Call, g *given) (*simulation, error) {
	m := &simulation{caller: policy.Principal{Kind: policy.User, Account: c.Account()}, actions: g.actions, resources: g.resources}
	if g.option != nil {
		return nil, invalidInput.New("Invalid Input ResourceHandlingOption: %s is not simulated here, remove it from the request.", *g.option)
	}
	for _, a := range g.actions {
		if vendor, name, found := strings.Cut(a, ":"); !found || vendor == "" || name == "" || strings.ContainsAny(a, "*?") || strings.Contains(name, ":") {
			return nil, invalidInput.New("Invalid Input Actions: %q require different authorization information.", a)
		}
	}
	if len(m.resources) == 0 {
		m.resources = []string{"*"}
	}
	var err error
	if m.identity, err = documents(inputList, g.policies); err != nil {
		return nil, err
	}
	if len(g.boundaries) > 1 {
		return nil, invalidInput.New("Invalid Input PermissionsBoundaryPolicyInputList: there can be one permissions boundary.")
	}
	if m.boundary, err = documents(boundaryList, g.boundaries); err != nil {
		return nil, err
	}
	m.hasBoundary = len(m.boundary) > 0
	if err := m.by(g); err != nil {
		return nil, err
	}
	m.context, err = contextOf(g.entries)
	return m, err
}

// documents reads policies that are given as texts.
func documents(list string, texts []string) (out []policy.Attached, err error) {
	for i, text := range texts {
		name := list + strconv.Itoa(i+1)
		d, err := parsed(policy.Identity, name, text)
		if err != nil {
			return nil, err
		}
		out = append(out, policy.Attached{Document: d, Name: name})
	}
	return out, nil
}

// parsed reads one policy that is given.
func parsed(kind policy.Kind, name, text string) (*policy.Document, error) {
	d, err := policy.Parse(text)
	if err == nil {
		err = d.Check(kind)
	}
	if err != nil {
		return nil, invalidInput.New("Invalid Input %s: %s", name, policy.Told(kind, err))
	}
	return d, nil
}

// by reads who calls and whose the resources are.
func (m *simulation) by(g *given) error {
	if g.caller != nil {
		parts, err := arn.Parse(*g.caller)
		if err != nil || parts.Service != "iam" || !strings.HasPrefix(parts.Resource, "user/") {
			return invalidInput.New("Invalid Input CallerArn: %s is not the ARN of an IAM user.", *g.caller)
		}
		m.caller.ARN, m.caller.Account = *g.caller, parts.Account
	}
	if g.owner != nil {
		parts, err := arn.Parse(*g.owner)
		if err == nil {
			m.owner = parts.Account
		} else {
			m.owner = *g.owner
		}
		if len(m.owner) != 12 || strings.Trim(m.owner, "0123456789") != "" {
			return invalidInput.New("Invalid Input ResourceOwner: %s is not an account.", *g.owner)
		}
	}
	if g.resourcePolicy == nil {
		return nil
	}
	if slices.Contains(m.resources, "*") {
		return invalidInput.New("Invalid Input ResourcePolicy: ResourceArns must name the resources that have it.")
	}
	d, err := parsed(policy.Resource, "ResourcePolicy", *g.resourcePolicy)
	m.resource = []policy.Attached{{Document: d, Name: "ResourcePolicy"}}
	return err
}

// callerKnown refuses a resource policy without anybody for its Principal to mean.
func (m *simulation) callerKnown() error {
	if len(m.resource) > 0 && m.caller.ARN == "" {
		return invalidInput.New("Invalid Input CallerArn: it is required with ResourcePolicy.")
	}
	return nil
}

// ownerOf is the account of a resource.
func (m *simulation) ownerOf(resource string) string {
	if parts, err := arn.Parse(resource); err == nil && parts.Account != "" && parts.Account != "*" {
		return parts.Account
	}
	if m.owner != "" && resource != "*" {
		return m.owner
	}
	return m.caller.Account
}

// self gives the context the keys that the caller brings with it, unless they were given.
func (m *simulation) self(p *policy.Principal, name, id string, tags []caller.Tag) {
	own := map[string]string{"aws:PrincipalAccount": p.Account}
	if p.ARN != "" {
		own["aws:PrincipalArn"] = p.ARN
	}
	if p.Kind == policy.User && name != "" {
		own["aws:username"] = name
	}
	if id != "" {
		own["aws:userid"] = id
	}
	for _, t := range tags {
		own["aws:PrincipalTag/"+t.Key] = t.Value
	}
	for k, v := range own {
		if _, present := m.context.Get(k); !present {
			m.context.SetNamed(k, v)
		}
	}
}

// contextOf reads the values of condition keys.
func contextOf(entries []shape.ContextEntry) (*policy.Context, error) {
	c := new(policy.Context)
	for i := range entries {
		e := &entries[i]
		if e.ContextKeyName == nil {
			return nil, invalidInput.New("Invalid Input ContextEntries: an entry needs ContextKeyName.")
		}
		kind, many := strings.CutSuffix(text(e.ContextKeyType), "List")
		if kind == "" {
			kind, many = "string", len(e.ContextKeyValues) != 1
		}
		if !many && len(e.ContextKeyValues) != 1 {
			return nil, invalidInput.New("Invalid Input ContextEntries: %s of type %s has one value.", *e.ContextKeyName, kind)
		}
		for _, v := range e.ContextKeyValues {
			if err := typed(kind, v); err != nil {
				return nil, invalidInput.New("Invalid Input ContextEntries: %q of %s is not of type %s.", v, *e.ContextKeyName, kind)
			}
		}
		if many {
			c.SetNamedMany(*e.ContextKeyName, e.ContextKeyValues)
		} else {
			c.SetNamed(*e.ContextKeyName, e.ContextKeyValues[0])
		}
	}
	return c, nil
}

// typed tells whether a value is one of its type.
func typed(kind, value string) (err error) {
	switch kind {
	case "numeric":
		_, err = strconv.ParseFloat(value, 64)
	case "boolean":
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			err = fmt.Errorf("%q is neither true nor false", value)
		}
	case "ip":
		if _, err = netip.ParseAddr(value); err != nil {
			_, err = netip.ParsePrefix(value)
		}
	case "binary":
		_, err = base64.StdEncoding.DecodeString(value)
	case "date":
		return date(value)
	}
	return err
}

// date reads a W3C date or seconds since 1970.
func date(value string) error {
	if _, err := strconv.ParseInt(value, 10, 64); err == nil {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly, "2006-01", "2006"} {
		if _, err := time.Parse(layout, value); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%q is no date", value)
}
