package sts

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

var _ = api.Define(operations, "GetFederationToken", func(c *api.Call, in *shape.GetFederationTokenRequest) []api.Check {
	h, err := federated(c, in)
	if err != nil {
		return api.KnownCaller // to be told so
	}
	return h.checks("sts:GetFederationToken", federatedARN(c.Account(), *in.Name), c.Account())
}, (*Service).getFederationToken)

func federatedARN(account, name string) string {
	return arn.Format("sts", "", account, "federated-user/"+name)
}

// federated reads what can be refused before any policy is asked.
func federated(c *api.Call, in *shape.GetFederationTokenRequest) (handed, error) {
	if err := ownKeys(&c.Caller.Identity, "GetFederationToken"); err != nil {
		return handed{}, err
	}
	return hand(&c.Caller.Identity, in.Tags, nil, nil)
}

// getFederationToken gives credentials of somebody who may do what the caller may and the session's policies allow.
func (s *Service) getFederationToken(_ context.Context, c *api.Call, in *shape.GetFederationTokenRequest) (*shape.GetFederationTokenResponse, error) {
	h, err := federated(c, in)
	if err != nil {
		return nil, err
	}
	by := &c.Caller.Identity
	name := federatedARN(by.Account, *in.Name)
	id := caller.Identity{Kind: caller.FederatedUser, Account: by.Account, ARN: name, PrincipalARN: name, ID: by.Account + ":" + *in.Name, Issuer: by.ARN}
	h.to(&id)
	size, err := s.limit(&id, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	k, err := s.Directory.Mint(id, madeBy(by), ends(c, in.DurationSeconds))
	if err != nil {
		return nil, err
	}
	if size == nil {
		size = new(int32)
	}
	return &shape.GetFederationTokenResponse{
		Credentials: credentials(&k), PackedPolicySize: size,
		FederatedUser: &shape.FederatedUser{FederatedUserId: &id.ID, Arn: &name},
	}, nil
}
