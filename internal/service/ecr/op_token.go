package ecr

import (
	"context"
	"encoding/base64"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	shape "cloister/internal/value/shape/ecr"
)

var _ = api.Define(operations, "GetAuthorizationToken", func(*api.Call, *shape.GetAuthorizationTokenRequest) []api.Check {
	return []api.Check{{Action: "ecr:GetAuthorizationToken", Resource: "*"}}
}, (*Service).getAuthorizationToken)

// loginTime is how long a password is good.
const loginTime = 12 * time.Hour

// getAuthorizationToken gives the password that stands for its caller at every registry: what may be done with it
// is asked at each request.
func (s *Service) getAuthorizationToken(_ context.Context, c *api.Call, in *shape.GetAuthorizationTokenRequest) (*shape.GetAuthorizationTokenResponse, error) {
	expires := c.Time.Add(loginTime).Truncate(time.Second)
	pass, err := s.Directory.Pass(directory.RegistryPass(s.Region), c.Caller.Identity, expires)
	if err != nil {
		return nil, err
	}
	registries := in.RegistryIds
	if len(registries) == 0 {
		registries = []string{c.Account()}
	}
	out := &shape.GetAuthorizationTokenResponse{}
	for _, account := range registries {
		out.AuthorizationData = append(out.AuthorizationData, shape.AuthorizationData{
			AuthorizationToken: new(base64.StdEncoding.EncodeToString([]byte("AWS:" + pass))),
			ExpiresAt:          &expires, ProxyEndpoint: new("https://" + s.host(account)),
		})
	}
	return out, nil
}
