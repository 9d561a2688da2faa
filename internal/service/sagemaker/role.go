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
	made, expires            time.Time
}

// sessionTime is how long a session is asked for; whoever works longer asks again.
const sessionTime = time.Hour

// errand is what a role is taken on for: whose resource it is (aws:SourceAccount and aws:SourceArn, which a trust
// policy may ask for), and the source identity of the session that had it made, which its sessions carry on.
type errand struct{ account, role, source, identity string }

// assume takes on a role that trusts the service.
func (s *Service) assume(ctx context.Context, e errand) (*session, error) {
	role := e.role
	in := &sts.AssumeRoleRequest{RoleArn: &role, RoleSessionName: new("SageMaker"), DurationSeconds: new(int32(sessionTime.Seconds()))}
	if e.identity != "" {
		in.SourceIdentity = &e.identity
	}
	out, err := api.CallAs[sts.AssumeRoleResponse](ctx, s.Client, caller.ForService(principal, e.account, e.source), "sts", "AssumeRole", in)
	if err != nil {
		return nil, fmt.Errorf("assume %s: %w", role, err)
	}
	c := out.Credentials
	if c == nil {
		return nil, fmt.Errorf("assume %s: no credentials", role)
	}
	x := &session{accessKey: text(c.AccessKeyId), secret: text(c.SecretAccessKey), token: text(c.SessionToken)}
	x.made = s.Clock()
	x.expires = x.made.Add(sessionTime)
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
func (s *Service) tryRole(ctx context.Context, e errand, refusal string) error {
	_, err := s.takeRole(ctx, e, refusal)
	return err
}

// takeRole is tryRole for who goes on as the role.
func (s *Service) takeRole(ctx context.Context, e errand, refusal string) (*session, error) {
	x, err := s.assume(ctx, e)
	if _, customer := fault.As(err); customer {
		err = validation.New("%s", strings.ReplaceAll(refusal, "{role}", e.role))
	}
	return x, err
}

const (
	noTrainingRole = `Could not assume role {role}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.`
	noModelRole    = `The execution role ARN "{role}" is invalid. Please ensure that the role exists and that its trust relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com".`
)

// foreign tells a role of another account. Nobody can pass one, whatever policies say.
func foreign(account, role string) bool {
	a, err := arn.Parse(role)
	return err == nil && a.Account != account
}

// ownRole refuses a role of another account.
func ownRole(account, role string) error {
	if foreign(account, role) {
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
func (s *Service) hold(ctx context.Context, h *held, e errand, blame string) (*session, error) {
	return s.holdFor(ctx, h, e, blame, 5*time.Minute)
}

// holdFor is hold for who needs the session for longer.
func (s *Service) holdFor(ctx context.Context, h *held, e errand, blame string, left time.Duration) (*session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.latest != nil && s.Clock().Add(left).Before(h.latest.expires) {
		return h.latest, nil
	}
	x, err := s.assume(ctx, e)
	if f, ok := fault.As(err); ok {
		return nil, fails("%sCould not assume role %s. %s", blame, e.role, f.Message)
	}
	if err == nil {
		h.latest = x
	}
	return x, err
}
