package sagemaker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"
)

// Lent is what a container is told of its role.
type Lent struct {
	// Path is where the container asks; nobody else knows it.
	Path                       string
	RoleARN                    string
	AccessKey, Secret, Session string
	Updated, Expires           time.Time
}

// lent are the containers that may ask for their role's credentials, by their interfaces. It lives in memory:
// whoever takes a job or an instance up again tells of it anew.
type lent struct {
	mu sync.Mutex
	at map[string]*loan
}

// loan is one container's. Its session is another than the one with which the platform works for it.
type loan struct {
	path   string
	errand errand
	held   held
}

// earlyTime is how long before their end a container's credentials are renewed: SDKs ask for others when
// less than a quarter of an hour is left.
const earlyTime = 20 * time.Minute

// lend has the container at a customer's interface ask for its credentials. The secret is of its record.
func (s *Service) lend(ctx context.Context, account, eni, secret string, e errand) (variable, path string, err error) {
	variable, path = s.offer(eni, secret, e)
	if err := s.Isolation.Inform(ctx, account, eni); err != nil {
		return "", "", fmt.Errorf("inform %s: %w", eni, err)
	}
	return variable, path, nil
}

// offer is lend for the service's own interfaces, where everybody may ask.
func (s *Service) offer(eni, secret string, e errand) (variable, path string) {
	path = "/v2/credentials/" + secret
	s.lent.mu.Lock()
	if s.lent.at == nil {
		s.lent.at = map[string]*loan{}
	}
	if l := s.lent.at[eni]; l == nil || l.path != path {
		s.lent.at[eni] = &loan{path: path, errand: e}
	}
	s.lent.mu.Unlock()
	return "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", path
}

// takeBack ends it.
func (s *Service) takeBack(eni string) {
	s.lent.mu.Lock()
	defer s.lent.mu.Unlock()
	delete(s.lent.at, eni)
}

// Held gives what the container at an interface is told; ok is false where none is to be told anything. An error
// is a role that cannot be assumed now.
func (s *Service) Held(ctx context.Context, eni string) (out Lent, ok bool, err error) {
	s.lent.mu.Lock()
	l := s.lent.at[eni]
	s.lent.mu.Unlock()
	if l == nil {
		return out, false, nil
	}
	out.Path, out.RoleARN = l.path, l.errand.role
	x, err := s.holdFor(ctx, &l.held, l.errand, "", earlyTime)
	if err != nil {
		return out, true, err
	}
	out.AccessKey, out.Secret, out.Session = x.accessKey, x.secret, x.token
	out.Updated, out.Expires = x.made, x.expires
	return out, true, nil
}

// newSecret is what a path of credentials ends in.
func newSecret() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
