package iam

import (
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/iam"
)

// managedPolicy is a policy that stands by itself.
type managedPolicy struct {
	Account, Name, Path, ID, ARN string
	Document, Description        string
	Created                      time.Time
	Tags                         []shape.Tag `json:",omitempty"`
}

// policies are keyed by account and ARN.
var policies = store.NewTable[managedPolicy]("iam_policy")

// aws are the AWS managed policies that there are.
var aws = map[string]*managedPolicy{
	"arn:aws:iam::aws:policy/AdministratorAccess": {
		Account: "aws", Name: "AdministratorAccess", Path: "/", ID: "ANPAIWMBCKSKIEE64ZLYK", ARN: "arn:aws:iam::aws:policy/AdministratorAccess",
		Description: "Provides full access to AWS services and resources.", Created: time.Date(2015, 2, 6, 18, 39, 46, 0, time.UTC),
		Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	},
}

// managed finds a policy by ARN, nil when there is none.
func managed(tx *store.Tx, a string) (*managedPolicy, error) {
	if p := aws[a]; p != nil {
		return p, nil
	}
	parts, err := arn.Parse(a)
	if err != nil {
		return nil, validation.New("Invalid ARN:  Could not be parsed!")
	}
	return policies.Get(tx, store.Key(parts.Account, a))
}

// fact is what the directory is told of a policy.
func (p *managedPolicy) fact() (*policy.Attached, error) {
	doc, err := policy.Parse(p.Document)
	if err != nil {
		return nil, err
	}
	a := &policy.Attached{Document: doc, Name: p.Name, ARN: p.ARN, Version: "v1"}
	if p.Account != "aws" {
		a.Owner = p.Account
	}
	return a, nil
}

func (s *Service) loadPolicies(tx *store.Tx) error {
	all, err := policies.All(tx, "")
	if err != nil {
		return err
	}
	for _, p := range aws {
		all = append(all, p)
	}
	for _, p := range all {
		a, err := p.fact()
		if err != nil {
			return err
		}
		s.Directory.SetManaged(a)
	}
	return nil
}

// own finds a policy that the caller's account may see: its own, or AWS's.
func own(tx *store.Tx, c *api.Call, a string) (*managedPolicy, error) {
	p, err := managed(tx, a)
	if err == nil && (p == nil || p.Account != "aws" && p.Account != c.Account()) {
		err = noSuchEntity.New("Policy %s was not found.", a)
	}
	return p, err
}

// attachable finds a policy that is to be attached.
func attachable(tx *store.Tx, c *api.Call, a string) error {
	_, err := own(tx, c, a)
	if fault.Is(err, noSuchEntity.Code) {
		err = noSuchEntity.New("Policy %s does not exist or is not attachable.", a)
	}
	return err
}

// usage counts the entities of an account that each policy is attached to.
func usage(tx *store.Tx, account string) (map[string]int32, error) {
	all, err := entities.All(tx, store.Prefix(account))
	n := map[string]int32{}
	for _, e := range all {
		for _, a := range e.Attached {
			n[a]++
		}
	}
	return n, err
}

func (p *managedPolicy) version() *shape.PolicyVersion {
	return &shape.PolicyVersion{VersionId: new("v1"), IsDefaultVersion: new(true), CreateDate: &p.Created}
}

// shape describes a policy that so many entities have.
func (p *managedPolicy) shape(n int32) *shape.Policy {
	s := &shape.Policy{
		PolicyName: &p.Name, PolicyId: &p.ID, Arn: &p.ARN, Path: &p.Path, DefaultVersionId: new("v1"), AttachmentCount: &n,
		PermissionsBoundaryUsageCount: new(int32(0)), IsAttachable: new(true), CreateDate: &p.Created, UpdateDate: &p.Created,
		Tags: p.Tags,
	}
	if p.Description != "" {
		s.Description = &p.Description
	}
	return s
}
