package sts

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

// It needs no permission, and none can be refused: what its credentials may do is what the caller may.
var _ = api.Define(operations, "GetSessionToken", func(*api.Call, *shape.GetSessionTokenRequest) []api.Check {
	return api.KnownCaller
}, (*Service).getSessionToken)

// usual is how long a user's session lives if nobody says, rootLife the longest that the root's does.
const (
	usual    = 12 * time.Hour
	rootLife = time.Hour
)

// getSessionToken gives temporary credentials of the very caller.
func (s *Service) getSessionToken(_ context.Context, c *api.Call, in *shape.GetSessionTokenRequest) (*shape.GetSessionTokenResponse, error) {
	id := c.Caller.Identity
	if err := ownKeys(&id, "GetSessionToken"); err != nil {
		return nil, err
	}
	if err := noDevice(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	k, err := s.Directory.Mint(id, madeBy(&id), ends(c, in.DurationSeconds))
	if err != nil {
		return nil, err
	}
	return &shape.GetSessionTokenResponse{Credentials: credentials(&k)}, nil
}

// ownKeys refuses who has no long-term keys to begin with.
func ownKeys(id *caller.Identity, operation string) error {
	if id.Session || id.Kind != caller.User && id.Kind != caller.Root {
		return accessDenied.New("Cannot call %s with session credentials", operation)
	}
	return nil
}

// madeBy is the unique id that a session of a user ends with; the root has none and is always there.
func madeBy(id *caller.Identity) string {
	if id.Kind == caller.Root {
		return ""
	}
	return id.ID
}

// ends is when a session of a user or the root ends; the root's are cut, not refused.
func ends(c *api.Call, seconds *int32) time.Time {
	life := usual
	if seconds != nil {
		life = time.Duration(*seconds) * time.Second
	}
	if c.Caller.Identity.Kind == caller.Root {
		life = min(life, rootLife)
	}
	return c.Time.Add(life).Truncate(time.Second)
}
