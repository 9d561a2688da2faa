package sts

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

var _ = api.Define(operations, "GetSessionToken", func(*api.Call, *shape.GetSessionTokenRequest) []api.Check {
	return api.KnownCaller // no policy can allow it or deny it to a user (facts iam 3.3)
}, (*Service).getSessionToken)

// The longest that temporary credentials of users and of the root live; they say how long by themselves.
const (
	usual    = 12 * time.Hour
	rootMost = time.Hour
)

// getSessionToken gives temporary credentials of the caller's own. There are no MFA devices here.
func (s *Service) getSessionToken(_ context.Context, c *api.Call, in *shape.GetSessionTokenRequest) (*shape.GetSessionTokenResponse, error) {
	if in.SerialNumber != nil || in.TokenCode != nil {
		return nil, accessDenied.New("MultiFactorAuthentication failed with invalid MFA one time pass code: there are no MFA devices in this Cloister. Remove SerialNumber and TokenCode.")
	}
	id, issuer, err := s.longTerm(c, "GetSessionToken")
	if err != nil {
		return nil, err
	}
	k, err := s.Directory.Mint(id, issuer, c.Time.Add(asked(c, in.DurationSeconds)).Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	return &shape.GetSessionTokenResponse{Credentials: credentials(k)}, nil
}

// longTerm is the caller if it is a user or the root with a key that lasts, and the user's unique id.
func (s *Service) longTerm(c *api.Call, operation string) (id caller.Identity, issuer string, err error) {
	id = c.Caller.Identity
	if id.Session || id.Kind != caller.User && id.Kind != caller.Root {
		return id, "", accessDenied.New("Cannot call %s with session credentials", operation)
	}
	if id.Kind == caller.User {
		issuer = id.ID
	}
	return id, issuer, nil
}

func asked(c *api.Call, seconds *int32) time.Duration {
	life := usual
	if seconds != nil {
		life = time.Duration(*seconds) * time.Second
	}
	if c.Caller.Identity.Kind == caller.Root {
		return min(life, rootMost)
	}
	return life
}

var _ = api.Define(operations, "GetFederationToken", func(c *api.Call, in *shape.GetFederationTokenRequest) []api.Check {
	who := arn.Format("sts", "", c.Account(), "federated-user/"+*in.Name)
	checks := []api.Check{{Action: "sts:GetFederationToken", Resource: who, Keys: tagFacts(in.Tags, nil)}}
	if len(in.Tags) > 0 {
		checks = append(checks, api.Check{Action: "sts:TagSession", Resource: who, Keys: tagFacts(in.Tags, nil)})
	}
	return checks
}, (*Service).getFederationToken)

// getFederationToken gives credentials of a federated user, who may do what the policies of this call and of
// the user who makes it both allow; without a policy here that is nothing.
func (s *Service) getFederationToken(_ context.Context, c *api.Call, in *shape.GetFederationTokenRequest) (*shape.GetFederationTokenResponse, error) {
	by, issuer, err := s.longTerm(c, "GetFederationToken")
	if err != nil {
		return nil, err
	}
	if by.Kind == caller.Root {
		return nil, accessDenied.New("GetFederationToken is not for the root of an account here: call it as a user.")
	}
	who, userID := arn.Format("sts", "", by.Account, "federated-user/"+*in.Name), by.Account+":"+*in.Name
	id := caller.Identity{Kind: caller.FederatedUser, Account: by.Account, ARN: who, PrincipalARN: who, ID: userID, Issuer: by.PrincipalARN}
	if id.Tags, _, err = sessionTags(&by, in.Tags, nil); err != nil {
		return nil, err
	}
	packed, err := s.limit(&id, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	k, err := s.Directory.Mint(id, issuer, c.Time.Add(asked(c, in.DurationSeconds)).Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	return &shape.GetFederationTokenResponse{
		Credentials: credentials(k), FederatedUser: &shape.FederatedUser{Arn: &who, FederatedUserId: &userID}, PackedPolicySize: &packed,
	}, nil
}
