package iam

import (
	"strings"
	"sync"

	"cloister/internal/value/managed"
)

// awsPolicies are AWS's managed policies, by ARN. They are nobody's to change.
var awsPolicies = sync.OnceValue(func() map[string]*managedPolicy {
	all, err := managed.All()
	if err != nil {
		panic(err) // files of ours
	}
	out := map[string]*managedPolicy{}
	for _, p := range all {
		m := &managedPolicy{Account: managed.Account, Name: p.Name, Path: p.Path, ID: p.ID, ARN: p.ARN(), Description: p.Description,
			Created: p.Created, Default: p.Default}
		for _, v := range p.Versions {
			one := policyVersion{ID: v.ID, Created: v.Created}
			if v.ID == p.Default {
				one.Document, m.Updated = p.Document, v.Created
			}
			m.Versions = append(m.Versions, one)
		}
		out[m.ARN] = m
	}
	return out
})

// linked tells whether a policy is for the role of an AWS service alone.
func (p *managedPolicy) linked() bool {
	return !p.ours() && strings.HasPrefix(p.Path, "/aws-service-role/")
}
