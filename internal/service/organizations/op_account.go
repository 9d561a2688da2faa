package organizations

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "ListAccounts", onAll[shape.ListAccountsRequest]("ListAccounts"), (*Service).listAccounts)
	_ = api.Define(operations, "DescribeAccount", func(c *api.Call, in *shape.DescribeAccountRequest) []api.Check {
		return on(c, "DescribeAccount", *in.AccountId)
	}, (*Service).describeAccount)
	_ = api.Define(operations, "MoveAccount", func(c *api.Call, in *shape.MoveAccountRequest) []api.Check {
		return on(c, "MoveAccount", *in.AccountId, *in.SourceParentId, *in.DestinationParentId)
	}, (*Service).moveAccount)
	_ = api.Define(operations, "RemoveAccountFromOrganization", func(c *api.Call, in *shape.RemoveAccountFromOrganizationRequest) []api.Check {
		return on(c, "RemoveAccountFromOrganization", *in.AccountId)
	}, (*Service).removeAccount)
	_ = api.Define(operations, "LeaveOrganization", onAll[struct{}]("LeaveOrganization"), (*Service).leave)
)

func (t *tree) member(id string) (*member, error) {
	if m := t.members[id]; m != nil {
		return m, nil
	}
	return nil, noAccount.New("You specified an account that doesn't exist.")
}

func (t *tree) account(m *member) *shape.Account {
	a := &shape.Account{Id: &m.Account, Arn: new(t.accountARN(m.Account)), Name: &m.Name, Status: new("ACTIVE"), State: new("ACTIVE"),
		Paths: []string{t.path(m.Account)}, JoinedMethod: &m.Method, JoinedTimestamp: &m.Joined}
	if m.Email != "" {
		a.Email = &m.Email
	}
	return a
}

// accounts is a page of the accounts below a parent, or of all for none.
func (t *tree) accounts(parent string, most *int32, token *string) ([]shape.Account, *string, error) {
	out := []shape.Account{}
	list, next, err := page(t.membersIn(parent), func(m *member) string { return m.Account }, most, token)
	for _, m := range list {
		out = append(out, *t.account(m))
	}
	return out, next, err
}

func (s *Service) listAccounts(ctx context.Context, c *api.Call, in *shape.ListAccountsRequest) (*shape.ListAccountsResponse, error) {
	out := new(shape.ListAccountsResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) (err error) {
		out.Accounts, out.NextToken, err = t.accounts("", in.MaxResults, in.NextToken)
		return err
	})
}

func (s *Service) describeAccount(ctx context.Context, c *api.Call, in *shape.DescribeAccountRequest) (*shape.DescribeAccountResponse, error) {
	out := new(shape.DescribeAccountResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) error {
		m, err := t.member(*in.AccountId)
		if err == nil {
			out.Account = t.account(m)
		}
		return err
	})
}

func (s *Service) moveAccount(ctx context.Context, c *api.Call, in *shape.MoveAccountRequest) (*struct{}, error) {
	return new(struct{}), s.change(ctx, c.Account(), func(t *tree) error {
		m, err := t.member(*in.AccountId)
		switch {
		case err != nil:
			return err
		case m.Parent != *in.SourceParentId:
			return noSource.New("You specified a source parent that doesn't exist.")
		case !t.parent(*in.DestinationParentId):
			return noDestination.New("You specified a destination parent that doesn't exist.")
		case m.Parent == *in.DestinationParentId:
			return duplicateAccount.New("The specified account already exists in the destination parent.")
		}
		m.Parent = *in.DestinationParentId
		return t.putMember(m)
	})
}

func (s *Service) removeAccount(ctx context.Context, c *api.Call, in *shape.RemoveAccountFromOrganizationRequest) (*struct{}, error) {
	return new(struct{}), s.change(ctx, c.Account(), func(t *tree) error {
		m, err := t.member(*in.AccountId)
		if err != nil {
			return err
		}
		return s.part(t, m)
	})
}

// leave is for members: one takes itself out.
func (s *Service) leave(ctx context.Context, c *api.Call, _ *struct{}) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		t, err := of(tx, c.Account())
		if err != nil {
			return err
		}
		if err := s.part(t, t.members[c.Account()]); err != nil {
			return err
		}
		return s.tell(t)
	})
}

// part takes an account out of its organisation, and what was attached to it off.
func (s *Service) part(t *tree, m *member) error {
	if m.Account == t.Management {
		return masterStays.New("You can't remove a management account from an organization. If you want the management account to become a member account in another organization, you must first delete the current organization of the management account.")
	}
	s.forget(t.tx, t.accountARN(m.Account))
	if err := t.strip(m.Account); err != nil {
		return err
	}
	return t.dropMember(m)
}

// join makes an account a member, right below the root.
func (t *tree) join(m *member) error {
	m.Organization, m.Parent = t.ID, t.Root
	if err := t.putMember(m); err != nil {
		return err
	}
	return t.furnish(m.Account)
}

// room tells whether an organisation may have one more account.
func (t *tree) room() error {
	n := len(t.members)
	made, err := creations.All(t.tx, store.Prefix(t.ID))
	if err != nil {
		return err
	}
	for _, m := range made {
		if m.State == inProgress {
			n++
		}
	}
	asked, err := handshakes.All(t.tx, "")
	for _, h := range asked {
		if h.Organization == t.ID && h.at(t.tx.Now) == open {
			n++
		}
	}
	if err == nil && n >= mostAccounts {
		err = because(constraint, "ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts.")
	}
	return err
}
