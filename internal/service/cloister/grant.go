package cloister

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/cloister"
	"cloister/internal/value/shape/sts"
)

// computer is the service in whose name a role is given to what runs at an interface, as AWS gives one to
// an instance: roles for instances trust it, and may be passed to it.
const computer = "ec2.amazonaws.com"

// grant is the role of what runs at an interface.
type grant struct {
	Account, Interface, Role string
	Region                   string `json:",omitempty"` // empty is the first
	Updated                  time.Time
}

var grants = store.NewTable[grant]("cloister_grant")

var (
	invalidRole = fault.Kind{Code: "InvalidRole", Status: 400}
	noInterface = fault.Kind{Code: "InvalidNetworkInterfaceID.NotFound", Status: 400}
)

// Interfaces is the part of the network's owner that grants and explanations need. Lend has what runs at an
// interface that nobody uses ask for credentials; Exists tells whether an account has an interface. Explain says as
// a JSON text whether an interface (or one in a subnet with groups) reaches an address, a name, or a peer in a subnet.
type Interfaces interface {
	Explain(ctx context.Context, account, id, subnet string, groups []string, to, peer, protocol string) (text string, reaches bool, err error)
	Lend(ctx context.Context, account, id string) error
	Exists(ctx context.Context, account, id string) (bool, error)
}

var _ = api.Define(operations, "GrantRole", func(c *api.Call, in *shape.GrantRoleInput) []api.Check {
	eni := interfaceARN(c.Region, c.Account(), *in.NetworkInterfaceId)
	checks := []api.Check{{Action: "cloister:GrantRole", Resource: eni}}
	if foreign(c.Account(), *in.RoleArn) {
		return checks // which the operation refuses, whatever policies say
	}
	return append(checks, api.Check{Action: "iam:PassRole", Resource: *in.RoleArn, Keys: []api.Key{
		api.K("iam:PassedToService", computer), api.K("iam:AssociatedResourceArn", eni),
	}})
}, (*Service).grantRole)

func foreign(account, role string) bool {
	a, err := arn.Parse(role)
	return err != nil || a.Account != account
}

func interfaceARN(region, account, id string) string {
	return arn.Format("ec2", region, account, "network-interface/"+id)
}

// grantRole gives a role to what runs at an interface, until that is deleted.
func (s *Service) grantRole(ctx context.Context, c *api.Call, in *shape.GrantRoleInput) (*shape.GrantRoleOutput, error) {
	if foreign(c.Account(), *in.RoleArn) {
		return nil, invalidRole.New("RoleArn: Cross-account pass role is not allowed.")
	}
	g := &grant{Account: c.Account(), Interface: *in.NetworkInterfaceId, Role: *in.RoleArn, Region: c.Region}
	if there, err := s.interfaces(g).Exists(ctx, g.Account, g.Interface); err != nil || !there {
		return nil, either(err, noInterface.New("The networkInterface ID '%s' does not exist", g.Interface))
	}
	if _, err := s.assume(ctx, g); err != nil {
		if f, ok := fault.As(err); ok {
			return nil, invalidRole.New("Could not assume role %s. Please ensure that the role exists and allows principal '%s' to assume the role. %s", g.Role, computer, f.Message)
		}
		return nil, err
	}
	if err := s.interfaces(g).Lend(ctx, g.Account, g.Interface); err != nil {
		return nil, err
	}
	if err := s.forgetGrants(ctx, g.Account); err != nil {
		return nil, err
	}
	return &shape.GrantRoleOutput{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		g.Updated = tx.Now
		tx.After(func() { s.sessions.forget(g.Interface) })
		return grants.Put(tx, g.Interface, g)
	})
}

func either(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// forgetGrants drops those of interfaces that are gone. Nobody could ask for them any more.
func (s *Service) forgetGrants(ctx context.Context, account string) error {
	var all []*grant
	if err := s.DB.View(ctx, func(tx *store.Tx) (err error) { all, err = grants.All(tx, ""); return err }); err != nil {
		return err
	}
	var gone []string
	for _, g := range all {
		if g.Account != account {
			continue
		}
		there, err := s.interfaces(g).Exists(ctx, account, g.Interface)
		if err != nil {
			return err
		}
		if !there {
			gone = append(gone, g.Interface)
		}
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		tx.After(func() { s.sessions.forget(gone...) })
		for _, id := range gone {
			if err := grants.Delete(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Granted is what an interface's workload is told.
type Granted struct {
	Role                     string
	AccessKey, Secret, Token string
	Updated, Expires         time.Time
}

const (
	sessionTime = time.Hour
	// earlyTime is how long before their end credentials are renewed; SDKs ask when a quarter of an hour is left.
	earlyTime = 20 * time.Minute
)

// sessions are those of grants, in memory only.
type sessions struct {
	mu   sync.Mutex
	held map[string]*Granted
}

func (s *sessions) forget(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.held, id)
	}
}

// Held gives what the workload of an interface is told; ok is false where there is no grant.
func (s *Service) Held(ctx context.Context, eni string) (out Granted, ok bool, err error) {
	var g *grant
	if err := s.DB.View(ctx, func(tx *store.Tx) error { g, err = grants.Get(tx, eni); return err }); err != nil || g == nil {
		return out, false, err
	}
	s.sessions.mu.Lock()
	have := s.sessions.held[eni]
	s.sessions.mu.Unlock()
	if have != nil && have.Role == g.Role && s.Clock().Add(earlyTime).Before(have.Expires) {
		return *have, true, nil
	}
	x, err := s.assume(ctx, g)
	if err != nil {
		return Granted{Role: g.Role}, true, err
	}
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	if s.sessions.held == nil {
		s.sessions.held = map[string]*Granted{}
	}
	s.sessions.held[eni] = x
	return *x, true, nil
}

func (s *Service) interfaces(g *grant) Interfaces { return s.Interfaces(cmp.Or(g.Region, s.Region)) }

func (s *Service) assume(ctx context.Context, g *grant) (*Granted, error) {
	as := caller.ForService(computer, g.Account, interfaceARN(cmp.Or(g.Region, s.Region), g.Account, g.Interface))
	out, err := api.CallAs[sts.AssumeRoleResponse](ctx, s.Client, as, "sts", "AssumeRole", &sts.AssumeRoleRequest{
		RoleArn: &g.Role, RoleSessionName: &g.Interface, DurationSeconds: new(int32(sessionTime.Seconds())),
	})
	if err != nil {
		return nil, fmt.Errorf("assume %s: %w", g.Role, err)
	}
	c := out.Credentials
	return &Granted{Role: g.Role, AccessKey: *c.AccessKeyId, Secret: *c.SecretAccessKey, Token: *c.SessionToken, Updated: s.Clock(), Expires: *c.Expiration}, nil
}
