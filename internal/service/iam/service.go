// Package iam keeps users, roles, access keys and policies, and tells the directory what they mean.
//
// It promises that a change is in force when the call that made it returns, that a policy that is
// kept is one that can be decided by, and that secrets leave it once, in the answer that made them.
// It decides nothing itself.
package iam

import (
	"context"

	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
)

var operations = api.NewSet[*Service]("iam")

// The kinds of faults (facts iam, aws-observed).
var (
	noSuchEntity   = fault.Kind{Code: "NoSuchEntity", Status: 404}
	alreadyExists  = fault.Kind{Code: "EntityAlreadyExists", Status: 409}
	deleteConflict = fault.Kind{Code: "DeleteConflict", Status: 409}
	limitExceeded  = fault.Kind{Code: "LimitExceeded", Status: 409}
	malformed      = fault.Kind{Code: "MalformedPolicyDocument", Status: 400}
	invalidInput   = fault.Kind{Code: "InvalidInput", Status: 400}
	validation     = fault.Kind{Code: "ValidationError", Status: 400}
)

// Service is IAM over a store and a directory.
type Service struct {
	DB        *store.DB
	Directory *directory.Directory
}

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// Load tells the directory everything that is on record.
func (s *Service) Load(ctx context.Context) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := entities.All(tx, "")
		if err != nil {
			return err
		}
		for _, e := range all {
			facts, err := e.facts(tx)
			if err != nil {
				return err
			}
			facts.tell(s.Directory)
		}
		keys, err := accessKeys.All(tx, "")
		if err != nil {
			return err
		}
		for _, k := range keys {
			s.Directory.SetKey(k.fact())
		}
		return nil
	})
}

// Root makes an access key for the root of an account that has none yet; made is false when it has.
func (s *Service) Root(ctx context.Context, account string) (id, secret string, made bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := accessKeys.All(tx, store.Prefix(account))
		if err != nil {
			return err
		}
		for _, k := range old {
			if k.User == "" {
				return nil
			}
		}
		id, secret = directory.NewKey()
		made = true
		k := &accessKey{ID: id, Secret: secret, Account: account, Active: true, Created: tx.Now}
		return s.putKey(tx, k)
	})
	return id, secret, made, err
}

// on is the checks of an operation on one entity.
func on[In any](action string, resource func(*api.Call, *In) string) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, in *In) []api.Check {
		return []api.Check{{Action: "iam:" + action, Resource: resource(c, in)}}
	}
}

// global names a resource of the caller's account; IAM has no regions.
func global(c *api.Call, kind, path, name string) string {
	return arn.Format("iam", "", c.Account(), kind+path+name)
}

func named(kind string, name *string) func(c *api.Call) string {
	return func(c *api.Call) string { return global(c, kind, "/", text(name)) }
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func path(p *string) string {
	if p == nil {
		return "/"
	}
	return *p
}

// parse reads a policy that is to be kept.
func parse(kind policy.Kind, document string) (*policy.Document, error) {
	d, err := policy.Parse(document)
	if err == nil {
		err = d.Check(kind)
	}
	if err != nil {
		return nil, malformed.New("%s", policy.Refusal(kind, err))
	}
	return d, nil
}

// quota is IAM's limit on the size of a document, whitespace not counted.
func quota(what, name, document string, most int) error {
	n := 0
	for _, r := range document {
		if !strings.ContainsRune(" \t\r\n", r) {
			n++
		}
	}
	if n > most {
		return limitExceeded.New("Maximum policy size of %d bytes exceeded for %s %s", most, what, name)
	}
	return nil
}

func missing(kind Kind, name string) error {
	return noSuchEntity.New("The %s with name %s cannot be found.", kind, name)
}
