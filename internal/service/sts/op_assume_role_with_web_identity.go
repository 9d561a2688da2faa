package sts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/issuer"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/sts"
)

var (
	badToken     = fault.Kind{Code: "InvalidIdentityToken", Status: 400}
	expiredToken = fault.Kind{Code: "ExpiredTokenException", Status: 400}
	idpSilent    = fault.Kind{Code: "IDPCommunicationError", Status: 400}
)

// The call comes twice. By wire it is nobody's: a token stands in the place of a signature, and to verify it is
// what the first pass does. The second comes from inside, by the same path, as whom the token names: it is the
// one that asks the role's trust policy.
var _ = api.Define(operations, "AssumeRoleWithWebIdentity", func(c *api.Call, in *shape.AssumeRoleWithWebIdentityRequest) []api.Check {
	id := &c.Caller.Identity
	if id.Kind != caller.Federated {
		return []api.Check{{Demand: api.Nothing, Resource: *in.RoleArn}}
	}
	a, err := roleARN(*in.RoleArn)
	if err != nil {
		return api.KnownCaller // to be told so
	}
	h := handed{id.Tags, id.Transitive, id.SourceIdentity}
	return h.checks("sts:AssumeRoleWithWebIdentity", *in.RoleArn, a.Account, api.K("sts:RoleSessionName", *in.RoleSessionName))
}, (*Service).assumeRoleWithWebIdentity)

func (s *Service) assumeRoleWithWebIdentity(ctx context.Context, c *api.Call, in *shape.AssumeRoleWithWebIdentityRequest) (*shape.AssumeRoleWithWebIdentityResponse, error) {
	a, err := roleARN(*in.RoleArn)
	if err != nil {
		return nil, err
	}
	if c.Caller.Identity.Kind == caller.Federated {
		return s.webSession(c, in)
	}
	if in.ProviderId != nil {
		return nil, invalidValue.New("ProviderId is not supported by Cloister: tokens are OpenID Connect's, which name their issuer.")
	}
	id, token, err := s.tokenBearer(ctx, a.Account, *in.WebIdentityToken)
	if err != nil {
		return nil, err
	}
	out, err := api.CallAs[shape.AssumeRoleWithWebIdentityResponse](ctx, s.Client, caller.Caller{Identity: id, Origin: c.Caller.Origin}, "sts", "AssumeRoleWithWebIdentity", in)
	if err != nil {
		return nil, err
	}
	out.SubjectFromWebIdentityToken, out.Provider, out.Audience = &token.Subject, &token.Issuer, &token.Audience[0]
	return out, nil
}

// tokenBearer is who a token is of, for the roles of an account: the account must know the issuer, and the token must
// be meant for one of its clients.
func (s *Service) tokenBearer(ctx context.Context, account, text string) (id caller.Identity, t *issuer.Token, err error) {
	name, err := issuer.Issuer(text)
	if err != nil {
		return id, nil, tokenRefusal(err, nil, time.Time{})
	}
	plain := strings.TrimPrefix(name, "https://")
	p := s.Directory.ProviderOf(account, plain)
	if p == nil {
		return id, nil, badToken.New("No OpenIDConnect provider found in your account for %s", name)
	}
	if t, err = s.Issuers.Verify(ctx, text); err != nil {
		return id, nil, tokenRefusal(err, t, s.Now())
	}
	at := slices.IndexFunc(t.Audience, func(a string) bool { return slices.Contains(p.ClientIDs, a) })
	if at < 0 {
		return id, nil, badToken.New("Incorrect token audience")
	}
	t.Audience = t.Audience[at : at+1]
	id = caller.Identity{Kind: caller.Federated, Provider: p.ARN, ID: t.Subject, Transitive: t.Transitive, SourceIdentity: t.SourceIdentity,
		Claims: []caller.Claim{{Key: plain + ":sub", Values: []string{t.Subject}}, {Key: plain + ":aud", Values: t.Audience}}}
	if len(t.Methods) > 0 {
		id.Claims = append(id.Claims, caller.Claim{Key: plain + ":amr", Values: t.Methods, Many: true})
	}
	for _, k := range t.Transitive {
		if _, ok := t.Tags[k]; !ok {
			return id, nil, invalidValue.New("The specified transitive tag key must be included in the requested tags.")
		}
	}
	for k, v := range t.Tags {
		id.Tags = append(id.Tags, caller.Tag{Key: k, Value: v})
	}
	slices.SortFunc(id.Tags, func(a, b caller.Tag) int { return strings.Compare(a.Key, b.Key) })
	return id, t, nil
}

// tokenRefusal says in AWS's words what is wrong with a token.
func tokenRefusal(err error, t *issuer.Token, now time.Time) error {
	switch {
	case errors.Is(err, issuer.ErrExpired):
		return expiredToken.New("Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), t.Expires.Unix())
	case errors.Is(err, issuer.ErrUnknown), errors.Is(err, issuer.ErrSignature):
		return badToken.New("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	case errors.Is(err, issuer.ErrUnreachable):
		return idpSilent.New("Couldn't connect to the identity provider to verify the token.")
	case errors.Is(err, issuer.ErrEarly):
		return badToken.New("The ID Token provided is not valid yet.")
	}
	return badToken.New("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
}

// webSession gives credentials to whom the trust policy let in.
func (s *Service) webSession(c *api.Call, in *shape.AssumeRoleWithWebIdentityRequest) (*shape.AssumeRoleWithWebIdentityResponse, error) {
	by := &c.Caller.Identity
	role := s.Directory.Principal(*in.RoleArn)
	if role == nil {
		return nil, accessDenied.New("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	id := caller.Identity{Provider: by.Provider, Claims: by.Claims, Tags: by.Tags, Transitive: by.Transitive, SourceIdentity: by.SourceIdentity}
	k, size, err := s.enter(c, role, &id, *in.RoleSessionName, in.DurationSeconds, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	out := &shape.AssumeRoleWithWebIdentityResponse{
		Credentials: credentials(k), PackedPolicySize: size,
		AssumedRoleUser: &shape.AssumedRoleUser{AssumedRoleId: &id.ID, Arn: &id.ARN},
	}
	if id.SourceIdentity != "" {
		out.SourceIdentity = &id.SourceIdentity
	}
	return out, nil
}
