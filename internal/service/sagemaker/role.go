package sagemaker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sts"
)

// session is a role's temporary credentials and whom they make. It lives in memory only: a fresh
// process assumes the role again.
type session struct {
	accessKey, secret, token string
	as                       caller.Caller
	expires                  time.Time
}

// sessionTime is how long a session is asked for; whoever works longer asks again.
const sessionTime = time.Hour

// assume takes on a role that trusts the service.
func (s *Service) assume(ctx context.Context, account, role, name string) (*session, error) {
	out, err := api.CallAs[sts.AssumeRoleResponse](ctx, s.Client, caller.ForService(principal, account, ""), "sts", "AssumeRole", &sts.AssumeRoleRequest{
		RoleArn: &role, RoleSessionName: &name, DurationSeconds: new(int32(sessionTime.Seconds())),
	})
	if err != nil {
		return nil, fmt.Errorf("assume %s: %w", role, err)
	}
	c := out.Credentials
	if c == nil {
		return nil, fmt.Errorf("assume %s: no credentials", role)
	}
	x := &session{accessKey: text(c.AccessKeyId), secret: text(c.SecretAccessKey), token: text(c.SessionToken)}
	x.expires = s.Clock().Add(sessionTime)
	if c.Expiration != nil {
		x.expires = *c.Expiration
	}
	id, err := s.Identify(x.accessKey, x.token)
	if err != nil {
		return nil, fmt.Errorf("assume %s: %w", role, err)
	}
	x.as = caller.Caller{Identity: id, Origin: caller.Origin{Place: caller.Inside}}
	return x, nil
}

// self is the service acting by itself in an account.
func (s *Service) self(account string) caller.Caller {
	return caller.ForServiceLinkedRole(principal, linkedRole, account)
}

// tryRole answers whether a role can be assumed, in the words of the operation's fault.
func (s *Service) tryRole(ctx context.Context, account, role, refusal string) error {
	if _, err := s.assume(ctx, account, role, "SageMaker"); err != nil {
		if _, customer := fault.As(err); customer {
			return validation.New("%s", strings.ReplaceAll(refusal, "{role}", role))
		}
		return err
	}
	return nil
}

const (
	noTrainingRole = `Could not assume role {role}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.`
	noModelRole    = `The execution role ARN "{role}" is invalid. Please ensure that the role exists and that its trust relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com".`
)

// ownRole refuses a role of another account.
func ownRole(account, role string) error {
	if a, err := arn.Parse(role); err == nil && a.Account != account {
		return validation.New("RoleArn: Cross-account pass role is not allowed.")
	}
	return nil
}

// held is a role's session that is renewed as it grows old. Its zero value holds none.
type held struct {
	mu     sync.Mutex
	latest *session
}

// hold gives a session that lives for a while yet. That the role cannot be assumed is a failure
// which begins as blame says.
func (s *Service) hold(ctx context.Context, h *held, account, role, blame string) (*session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.latest != nil && s.Clock().Add(5*time.Minute).Before(h.latest.expires) {
		return h.latest, nil
	}
	x, err := s.assume(ctx, account, role, "SageMaker")
	if f, ok := fault.As(err); ok {
		return nil, fails("%sCould not assume role %s. %s", blame, role, f.Message)
	}
	if err == nil {
		h.latest = x
	}
	return x, err
}
