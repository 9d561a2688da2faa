package sts

import (
	"context"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

var _ = api.Define(operations, "AssumeRole", func(c *api.Call, in *shape.AssumeRoleRequest) []api.Check {
	a, h, err := assumed(c, in)
	if err != nil {
		return api.KnownCaller // to be told so
	}
	keys := []api.Key{api.K("sts:RoleSessionName", *in.RoleSessionName)}
	if in.ExternalId != nil {
		keys = append(keys, api.K("sts:ExternalId", *in.ExternalId))
	}
	return h.checks("sts:AssumeRole", *in.RoleArn, a.Account, keys...)
}, (*Service).assumeRole)

// chained is the longest that a session made by a session may live.
const chained = time.Hour

// assumed reads what can be refused before any policy is asked.
func assumed(c *api.Call, in *shape.AssumeRoleRequest) (a arn.ARN, h handed, err error) {
	id := &c.Caller.Identity
	if a, err = roleARN(*in.RoleArn); err != nil {
		return a, h, err
	}
	switch {
	case id.Kind == caller.Root:
		return a, h, accessDenied.New("Roles may not be assumed by root accounts.")
	case len(in.ProvidedContexts) > 0:
		return a, h, invalidValue.New("ProvidedContexts is not supported by Cloister: remove it from the request.")
	}
	if err = noDevice(in.SerialNumber, in.TokenCode); err != nil {
		return a, h, err
	}
	h, err = hand(id, in.Tags, in.TransitiveTagKeys, in.SourceIdentity)
	return a, h, err
}

// assumeRole gives credentials of a role session.
func (s *Service) assumeRole(_ context.Context, c *api.Call, in *shape.AssumeRoleRequest) (*shape.AssumeRoleResponse, error) {
	_, h, err := assumed(c, in)
	if err != nil {
		return nil, err
	}
	role := s.Directory.Principal(*in.RoleArn)
	if role == nil {
		// The check would have said so: there is no trust policy. A role that vanished since.
		return nil, accessDenied.New("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.Caller.Identity.ARN, *in.RoleArn)
	}
	var id caller.Identity
	h.to(&id)
	k, size, err := s.enter(c, role, &id, *in.RoleSessionName, in.DurationSeconds, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	out := &shape.AssumeRoleResponse{
		Credentials: credentials(k), PackedPolicySize: size,
		AssumedRoleUser: &shape.AssumedRoleUser{AssumedRoleId: &id.ID, Arn: &id.ARN},
	}
	if h.source != "" {
		out.SourceIdentity = &h.source
	}
	return out, nil
}

// enter makes id, which has what the session brings along, a session of a role, and gives its credentials.
func (s *Service) enter(c *api.Call, role *directory.Principal, id *caller.Identity, name string, seconds *int32, policy *string, arns []shape.PolicyDescriptorType) (*directory.Credentials, *int32, error) {
	life, err := lifetime(c, role, seconds)
	if err != nil {
		return nil, nil, err
	}
	id.Kind, id.Account, id.PrincipalARN, id.ID = caller.AssumedRole, role.Account, role.ARN, role.ID+":"+name
	id.ARN = arn.Format("sts", "", role.Account, "assumed-role/"+role.Name+"/"+name)
	size, err := s.limit(id, policy, arns)
	if err != nil {
		return nil, nil, err
	}
	k, err := s.Directory.Mint(*id, role.ID, c.Time.Add(life).Truncate(time.Second))
	return &k, size, err
}

func credentials(k *directory.Credentials) *shape.Credentials {
	return &shape.Credentials{AccessKeyId: &k.AccessKey, SecretAccessKey: &k.Secret, SessionToken: &k.Token, Expiration: &k.Expires}
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
