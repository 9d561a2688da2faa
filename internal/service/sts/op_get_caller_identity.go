package sts

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/sts"
)

var _ = api.Define(operations, "GetCallerIdentity", func(*api.Call, *shape.GetCallerIdentityRequest) []api.Check {
	return api.KnownCaller // works even under an explicit deny (facts iam 3.3)
}, (*Service).getCallerIdentity)

// getCallerIdentity tells who asks.
func (s *Service) getCallerIdentity(_ context.Context, c *api.Call, _ *shape.GetCallerIdentityRequest) (*shape.GetCallerIdentityResponse, error) {
	id := &c.Caller.Identity
	return &shape.GetCallerIdentityResponse{Account: &id.Account, Arn: &id.ARN, UserId: &id.ID}, nil
}
