package iam

import (
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
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

// managed finds a policy by ARN.
func managed(tx *store.Tx, a string) (*managedPolicy, error) {
	if p := aws[a]; p != nil {
		return p, nil
	}
	parts, err := arn.Parse(a)
	if err != nil {
		return nil, validation.New("ARN %s is not valid.", a)
	}
	p, err := policies.Get(tx, store.Key(parts.Account, a))
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, noSuchEntity.New("Policy %s does not exist or is not attachable.", a)
	}
	return p, nil
}

// own is managed for what only the caller's own account may see or change.
func own(tx *store.Tx, c *api.Call, a string) (*managedPolicy, error) {
	p, err := managed(tx, a)
	if err == nil && p.Account != "aws" && p.Account != c.Account() {
		err = noSuchEntity.New("Policy %s was not found.", a)
	}
	return p, err
}

// users counts the entities that a policy is attached to.
func users(tx *store.Tx, account, a string) (n int32, err error) {
	all, err := entities.All(tx, store.Prefix(account))
	for _, e := range all {
		for _, x := range e.Attached {
			if x == a {
				n++
			}
		}
	}
	return n, err
}

func (p *managedPolicy) shape(tx *store.Tx, account string) (*shape.Policy, error) {
	n, err := users(tx, account, p.ARN)
	return &shape.Policy{
		PolicyName: &p.Name, PolicyId: &p.ID, Arn: &p.ARN, Path: &p.Path, DefaultVersionId: new("v1"), AttachmentCount: &n,
		PermissionsBoundaryUsageCount: new(int32(0)), IsAttachable: new(true), CreateDate: &p.Created, UpdateDate: &p.Created,
		Tags: p.Tags, Description: &p.Description,
	}, err
}
