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
	shape "cloister/internal/value/shape/iam"
)

var operations = api.NewSet[*Service]("iam")

// The kinds of faults (facts iam, aws-observed).
var (
	noSuchEntity   = fault.Kind{Code: "NoSuchEntity", Status: 404}
	alreadyExists  = fault.Kind{Code: "EntityAlreadyExists", Status: 409}
	deleteConflict = fault.Kind{Code: "DeleteConflict", Status: 409}
	limitExceeded  = fault.Kind{Code: "LimitExceeded", Status: 409}
	notAttachable  = fault.Kind{Code: "PolicyNotAttachable", Status: 400}
	malformed      = fault.Kind{Code: "MalformedPolicyDocument", Status: 400}
	accessDenied   = fault.Kind{Code: "AccessDenied", Status: 403}
	invalidInput   = fault.Kind{Code: "InvalidInput", Status: 400}
	unmodifiable   = fault.Kind{Code: "UnmodifiableEntity", Status: 400}
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
		if err := s.loadPolicies(tx); err != nil {
			return err
		}
		for _, e := range all {
			facts, err := e.facts()
			if err != nil {
				return err
			}
			facts.tell(s.Directory)
		}
		if err := s.loadProviders(tx); err != nil {
			return err
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

// withPolicy is on for operations that attach a managed policy.
func withPolicy[In any](action string, resource func(*api.Call, *In) (entity, policy string)) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, in *In) []api.Check {
		on, policy := resource(c, in)
		return []api.Check{{Action: "iam:" + action, Resource: on, Keys: []api.Key{api.K("iam:PolicyARN", policy)}}}
	}
}

// withTags is on for operations that bring tags.
func withTags[In any](action string, resource func(*api.Call, *In) (string, []shape.Tag)) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, in *In) []api.Check {
		on, tags := resource(c, in)
		return []api.Check{{Action: "iam:" + action, Resource: on, Keys: tagKeys(tags)}}
	}
}

// at names an entity by its name alone; the directory knows its path.
func at(c *api.Call, kind Kind, name *string) string { return global(c, string(kind), "/", text(name)) }

// global names a resource of the caller's account; IAM has no regions.
func global(c *api.Call, kind, path, name string) string {
	return arn.Format("iam", "", c.Account(), kind+path+name)
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
		return nil, malformed.New("%s", policy.Told(kind, err))
	}
	return d, nil
}

// size is how long a document is for IAM's quotas, which do not count whitespace.
func size(document string) (n int) {
	for _, r := range document {
		if !strings.ContainsRune(" \t\r\n", r) {
			n++
		}
	}
	return n
}

// quota refuses a document of its own that is too long.
func quota(name, document string, most int) error {
	if size(document) > most {
		return limitExceeded.New("Cannot exceed quota for %s: %d", name, most)
	}
	return nil
}

// The quotas of documents (facts iam 5.1).
const (
	policySize         = 6144
	policiesPerAccount = 1500
	versionsPerPolicy  = 5
	trustSize          = 2048
)

func missing(kind Kind, name string) error {
	if kind == profile {
		return noSuchEntity.New("Instance Profile %s cannot be found.", name)
	}
	return noSuchEntity.New("The %s with name %s cannot be found.", kind, name)
}
