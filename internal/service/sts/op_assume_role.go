package sts

import (
	"context"
	"strings"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

var _ = api.Define(operations, "AssumeRole", func(_ *api.Call, in *shape.AssumeRoleRequest) []api.Check {
	a, err := roleARN(*in.RoleArn)
	if err != nil {
		return api.KnownCaller // to be told so
	}
	k := api.Check{Action: "sts:AssumeRole", Resource: *in.RoleArn, Account: a.Account, Keys: []api.Key{api.K("sts:RoleSessionName", *in.RoleSessionName)}}
	if in.ExternalId != nil {
		k.Keys = append(k.Keys, api.K("sts:ExternalId", *in.ExternalId))
	}
	return []api.Check{k}
}, (*Service).assumeRole)

// chained is the longest that a session made by a session may live.
const chained = time.Hour

// assumeRole gives credentials of a role session.
func (s *Service) assumeRole(_ context.Context, c *api.Call, in *shape.AssumeRoleRequest) (*shape.AssumeRoleResponse, error) {
	if err := unsupported(in); err != nil {
		return nil, err
	}
	a, err := roleARN(*in.RoleArn)
	if err != nil {
		return nil, err
	}
	if c.Caller.Identity.Kind == caller.Root {
		return nil, accessDenied.New("Roles may not be assumed by root accounts.")
	}
	role := s.Directory.Principal(*in.RoleArn)
	if role == nil {
		// The check would have said so: there is no trust policy. A role that vanished since.
		return nil, accessDenied.New("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.Caller.Identity.ARN, *in.RoleArn)
	}
	life, err := lifetime(c, role, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	session := arn.Format("sts", "", a.Account, "assumed-role/"+role.Name+"/"+*in.RoleSessionName)
	id := caller.Identity{Kind: caller.AssumedRole, Account: a.Account, ARN: session, PrincipalARN: role.ARN, ID: role.ID + ":" + *in.RoleSessionName}
	if in.Policy != nil {
		doc, err := policy.Parse(*in.Policy)
		if err == nil {
			err = doc.Check(policy.Session)
		}
		if err != nil {
			return nil, malformed.New("%s", policy.Refusal(policy.Session, err))
		}
		id.SessionPolicies = []string{*in.Policy}
	}
	k, err := s.Directory.Mint(id, role.ID, c.Time.Add(life).Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	return &shape.AssumeRoleResponse{
		Credentials:     &shape.Credentials{AccessKeyId: &k.AccessKey, SecretAccessKey: &k.Secret, SessionToken: &k.Token, Expiration: &k.Expires},
		AssumedRoleUser: &shape.AssumedRoleUser{AssumedRoleId: &id.ID, Arn: &session},
	}, nil
}

// unsupported refuses what would be accepted and not acted on.
func unsupported(in *shape.AssumeRoleRequest) error {
	for _, m := range []struct {
		name string
		set  bool
	}{
		{"PolicyArns", len(in.PolicyArns) > 0}, {"Tags", len(in.Tags) > 0}, {"TransitiveTagKeys", len(in.TransitiveTagKeys) > 0},
		{"SerialNumber", in.SerialNumber != nil}, {"TokenCode", in.TokenCode != nil}, {"SourceIdentity", in.SourceIdentity != nil},
		{"ProvidedContexts", len(in.ProvidedContexts) > 0},
	} {
		if m.set {
			return invalidValue.New("%s is not supported by Cloister yet: remove it from the request.", m.name)
		}
	}
	return nil
}

// roleARN reads the ARN of a role.
func roleARN(text string) (arn.ARN, error) {
	a, err := arn.Parse(text)
	if err != nil || a.Service != "iam" || a.Account == "" || !strings.HasPrefix(a.Resource, "role/") {
		return a, validation.New("%s is invalid", text)
	}
	return a, nil
}

func lifetime(c *api.Call, role *directory.Principal, seconds *int32) (time.Duration, error) {
	life := time.Hour
	if seconds != nil {
		life = time.Duration(*seconds) * time.Second
	}
	if c.Caller.Identity.Kind == caller.AssumedRole && life > chained {
		return 0, validation.New("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if life > max(role.MaxSession, time.Hour) {
		return 0, validation.New("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return life, nil
}
