package iam

import (
	"slices"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

// holding gives the instance profiles that hold a role.
func holding(tx *store.Tx, r *entity) ([]*entity, error) {
	all, err := entities.All(tx, store.Prefix(r.Account, string(profile)))
	return slices.DeleteFunc(all, func(p *entity) bool { return p.Role != r.Name }), err
}

// profileShape describes an instance profile with the role it holds.
func (e *entity) profileShape(tx *store.Tx) (*shape.InstanceProfile, error) {
	p := &shape.InstanceProfile{Path: &e.Path, InstanceProfileName: &e.Name, InstanceProfileId: &e.ID, Arn: &e.ARN, CreateDate: &e.Created,
		Roles: []shape.Role{}, Tags: e.Tags}
	if e.Role == "" {
		return p, nil
	}
	r, err := entities.Get(tx, entityKey(e.Account, role, e.Role))
	if err == nil && r != nil {
		p.Roles = append(p.Roles, *r.listedRole())
	}
	return p, err
}

// profileShapes is profileShape of many.
func profileShapes(tx *store.Tx, all []*entity) ([]shape.InstanceProfile, error) {
	out := []shape.InstanceProfile{}
	for _, e := range all {
		p, err := e.profileShape(tx)
		if err != nil {
			return nil, err
		}
		p.Tags = nil // lists have none
		out = append(out, *p)
	}
	return out, nil
}
