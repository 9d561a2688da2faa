package sts

import (
	"context"
	"slices"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

// AssumeRole asks up to three questions, each of the caller's policies and of the role's trust policy: to
// take the role on, to bring session tags, and to set or carry on a source identity.
var _ = api.Define(operations, "AssumeRole", func(c *api.Call, in *shape.AssumeRoleRequest) []api.Check {
	a, err := roleARN(*in.RoleArn)
	if err != nil {
		return api.KnownCaller // to be told so
	}
	keys := []api.Key{api.K("sts:RoleSessionName", *in.RoleSessionName)}
	if in.ExternalId != nil {
		keys = append(keys, api.K("sts:ExternalId", *in.ExternalId))
	}
	keys = append(keys, tagFacts(in.Tags, in.TransitiveTagKeys)...)
	identity := sourceIdentity(c, in)
	if identity != "" {
		keys = append(keys, api.K("sts:SourceIdentity", identity))
	}
	ask := func(action string) api.Check {
		return api.Check{Action: "sts:" + action, Resource: *in.RoleArn, Account: a.Account, Keys: keys}
	}
	checks := []api.Check{ask("AssumeRole")}
	if len(in.Tags) > 0 {
		checks = append(checks, ask("TagSession"))
	}
	if identity != "" {
		checks = append(checks, ask("SetSourceIdentity"))
	}
	return checks
}, (*Service).assumeRole)

// sourceIdentity is what the new session will have: what is asked for, else the caller's.
func sourceIdentity(c *api.Call, in *shape.AssumeRoleRequest) string {
	if in.SourceIdentity != nil {
		return *in.SourceIdentity
	}
	return c.Caller.Identity.SourceIdentity
}

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
	by := &c.Caller.Identity
	switch {
	case by.Kind == caller.Root:
		return nil, accessDenied.New("Roles may not be assumed by root accounts.")
	case by.Kind == caller.FederatedUser:
		return nil, accessDenied.New("Cannot call AssumeRole with the credentials of a federated user")
	case by.SourceIdentity != "" && in.SourceIdentity != nil && *in.SourceIdentity != by.SourceIdentity:
		return nil, accessDenied.New("User: %s is not authorized to perform: sts:SetSourceIdentity on resource: %s", by.ARN, *in.RoleArn)
	}
	role := s.Directory.Principal(*in.RoleArn)
	if role == nil {
		// The check would have said so: there is no trust policy. A role that vanished since.
		return nil, accessDenied.New("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", by.ARN, *in.RoleArn)
	}
	life, err := lifetime(c, role, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	session := arn.Format("sts", "", a.Account, "assumed-role/"+role.Name+"/"+*in.RoleSessionName)
	id := caller.Identity{Kind: caller.AssumedRole, Account: a.Account, ARN: session, PrincipalARN: role.ARN, ID: role.ID + ":" + *in.RoleSessionName, SourceIdentity: sourceIdentity(c, in)}
	if id.Tags, id.Transitive, err = sessionTags(by, in.Tags, in.TransitiveTagKeys); err != nil {
		return nil, err
	}
	packed, err := s.limit(&id, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	k, err := s.Directory.Mint(id, role.ID, c.Time.Add(life).Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	out := &shape.AssumeRoleResponse{Credentials: credentials(k), AssumedRoleUser: &shape.AssumedRoleUser{AssumedRoleId: &id.ID, Arn: &session}}
	if packed > 0 {
		out.PackedPolicySize = &packed
	}
	if id.SourceIdentity != "" {
		out.SourceIdentity = &id.SourceIdentity
	}
	return out, nil
}

func credentials(k directory.Credentials) *shape.Credentials {
	return &shape.Credentials{AccessKeyId: &k.AccessKey, SecretAccessKey: &k.Secret, SessionToken: &k.Token, Expiration: &k.Expires}
}

// unsupported refuses what would be accepted and not acted on: there are no MFA devices here, nor identity
// contexts.
func unsupported(in *shape.AssumeRoleRequest) error {
	for name, set := range map[string]bool{"SerialNumber": in.SerialNumber != nil, "TokenCode": in.TokenCode != nil, "ProvidedContexts": len(in.ProvidedContexts) > 0} {
		if set {
			return invalidValue.New("%s is not supported by Cloister yet: remove it from the request.", name)
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

// tagFacts are the condition keys of session tags.
func tagFacts(tags []shape.Tag, transitive []string) (keys []api.Key) {
	var names []string
	for _, t := range tags {
		keys, names = append(keys, api.K("aws:RequestTag/"+*t.Key, *t.Value)), append(names, *t.Key)
	}
	if len(names) > 0 {
		keys = append(keys, api.Ks("aws:TagKeys", names...))
	}
	if len(transitive) > 0 {
		keys = append(keys, api.Ks("sts:TransitiveTagKeys", transitive...))
	}
	return keys
}

// sessionTags are the tags that a session asks for, with those that its maker passes on and lets nobody
// override; keys are the same in any case.
func sessionTags(by *caller.Identity, tags []shape.Tag, transitive []string) (out []caller.Tag, passed []string, err error) {
	has := func(key string) func(string) bool {
		return func(k string) bool { return strings.EqualFold(k, key) }
	}
	var names []string
	for _, t := range tags {
		switch {
		case slices.ContainsFunc(names, has(*t.Key)):
			return nil, nil, invalidValue.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		case slices.ContainsFunc(by.Transitive, has(*t.Key)):
			return nil, nil, invalidValue.New("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		names = append(names, *t.Key)
		out = append(out, caller.Tag{Key: *t.Key, Value: *t.Value})
	}
	for _, k := range transitive {
		if slices.ContainsFunc(by.Transitive, has(k)) {
			return nil, nil, invalidValue.New("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		if !slices.ContainsFunc(names, has(k)) {
			return nil, nil, invalidValue.New("The specified transitive tag key must be included in the requested tags.")
		}
		passed = append(passed, k)
	}
	for _, t := range by.Tags {
		if slices.ContainsFunc(by.Transitive, has(t.Key)) {
			out, passed = append(out, t), append(passed, t.Key)
		}
	}
	return out, passed, nil
}
