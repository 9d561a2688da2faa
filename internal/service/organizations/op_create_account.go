package organizations

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	iam "cloister/internal/value/shape/iam"
	shape "cloister/internal/value/shape/organizations"
)

var (
	_ = api.Define(operations, "CreateAccount", func(c *api.Call, in *shape.CreateAccountRequest) []api.Check {
		return withTags(onAll[shape.CreateAccountRequest]("CreateAccount")(c, in), in.Tags)
	}, (*Service).createAccount)
	_ = api.Define(operations, "DescribeCreateAccountStatus", onAll[shape.DescribeCreateAccountStatusRequest]("DescribeCreateAccountStatus"), (*Service).describeCreation)
	_ = api.Define(operations, "ListCreateAccountStatus", onAll[shape.ListCreateAccountStatusRequest]("ListCreateAccountStatus"), (*Service).listCreations)
)

const (
	principal     = "organizations.amazonaws.com"
	linkedRole    = "AWSServiceRoleForOrganizations"
	defaultRole   = "OrganizationAccountAccessRole"
	administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
)

// ServiceLinkedRole is a role that the service has in each account to keep house there.
type ServiceLinkedRole struct{ Service, Name, Policy string }

// ServiceLinkedRoles are the roles that must be known to the directory.
var ServiceLinkedRoles = []ServiceLinkedRole{{Service: principal, Name: linkedRole, Policy: `{"Version":"2012-10-17","Statement":[
	{"Sid":"Access","Effect":"Allow","Action":["iam:CreateRole","iam:AttachRolePolicy"],"Resource":"*"}]}`}}

// createAccount makes an account and lets the management account in. It answers when that is done or has
// failed; what the end of the server leaves half done goes on at its next start.
func (s *Service) createAccount(ctx context.Context, c *api.Call, in *shape.CreateAccountRequest) (*shape.CreateAccountResponse, error) {
	if err := distinct(in.Tags); err != nil {
		return nil, err
	}
	n := &creation{ID: newID("car-", 32), State: inProgress, Account: newAccount(), Name: *in.AccountName, Email: *in.Email, Role: defaultRole, Tags: in.Tags}
	if in.RoleName != nil {
		n.Role = *in.RoleName
	}
	for {
		_, taken, err := s.Accounts.Name(ctx, n.Account)
		if err != nil {
			return nil, err
		}
		if !taken {
			break
		}
		n.Account = newAccount()
	}
	if err := s.DB.Update(ctx, func(tx *store.Tx) error { return n.begin(tx, c.Account()) }); err != nil {
		return nil, err
	}
	if n.State == inProgress {
		var err error
		if n, err = s.finish(context.WithoutCancel(ctx), n); err != nil {
			return nil, err
		}
	}
	return &shape.CreateAccountResponse{CreateAccountStatus: n.shape()}, nil
}

// begin writes the first record. An e-mail address is only one account's.
func (n *creation) begin(tx *store.Tx, account string) error {
	t, err := managed(tx, account)
	if err != nil {
		return err
	}
	if err := t.room(); err != nil {
		return err
	}
	n.Organization, n.Requested = t.ID, tx.Now.Truncate(time.Millisecond)
	all, err := members.All(tx, "")
	if err != nil {
		return err
	}
	others, err := creations.All(tx, "")
	if err != nil {
		return err
	}
	same := func(email string) bool { return strings.EqualFold(email, n.Email) }
	if slices.ContainsFunc(all, func(m *member) bool { return same(m.Email) }) ||
		slices.ContainsFunc(others, func(o *creation) bool { return o.State != failed && same(o.Email) }) {
		n.State, n.Reason, n.Completed, n.Account = failed, "EMAIL_ALREADY_EXISTS", n.Requested, ""
	}
	return n.put(tx)
}

func (n *creation) put(tx *store.Tx) error {
	return creations.Put(tx, store.Key(n.Organization, n.ID), n)
}

// finish does the rest, each step of which may be done again.
func (s *Service) finish(ctx context.Context, n *creation) (*creation, error) {
	done := *n
	var management string
	if err := s.DB.View(ctx, func(tx *store.Tx) error {
		o, err := organizations.Get(tx, n.Organization)
		if err == nil && o != nil {
			management = o.Management
		}
		return err
	}); err != nil {
		return nil, err
	}
	err := s.furnish(ctx, &done, management)
	if err != nil {
		s.Log.Error("an account is not made", "account", n.Account, "error", err)
		done.State, done.Reason = failed, "INTERNAL_FAILURE"
	} else {
		done.State = succeeded
	}
	return &done, s.DB.Update(ctx, func(tx *store.Tx) error {
		done.Completed = tx.Now.Truncate(time.Millisecond)
		if done.State == failed {
			return done.put(tx)
		}
		o, err := organizations.Get(tx, n.Organization)
		if err != nil {
			return err
		}
		t, err := grow(tx, o)
		if err != nil {
			return err
		}
		m := &member{Account: n.Account, Name: n.Name, Email: n.Email, Method: "CREATED", Joined: done.Completed, Tags: n.Tags}
		if err := t.join(m); err != nil {
			return err
		}
		if err := done.put(tx); err != nil {
			return err
		}
		return s.tell(t)
	})
}

// furnish makes the account, and the role by which the management account comes in.
func (s *Service) furnish(ctx context.Context, n *creation, management string) error {
	if err := s.Accounts.Add(ctx, n.Account, n.Name); err != nil {
		return err
	}
	self := caller.ForServiceLinkedRole(principal, linkedRole, n.Account)
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole"}]}`, arn.Format("iam", "", management, "root"))
	_, err := s.Client.Call(ctx, self, "iam", "CreateRole", &iam.CreateRoleRequest{RoleName: &n.Role, AssumeRolePolicyDocument: &trust})
	if err != nil && !fault.Is(err, "EntityAlreadyExists") {
		return err
	}
	_, err = s.Client.Call(ctx, self, "iam", "AttachRolePolicy", &iam.AttachRolePolicyRequest{RoleName: &n.Role, PolicyArn: new(administrator)})
	return err
}

func (n *creation) shape() *shape.CreateAccountStatus {
	out := &shape.CreateAccountStatus{Id: &n.ID, AccountName: &n.Name, State: &n.State, RequestedTimestamp: &n.Requested}
	if n.State != inProgress {
		out.CompletedTimestamp = &n.Completed
	}
	if n.State == succeeded {
		out.AccountId = &n.Account
	}
	if n.Reason != "" {
		out.FailureReason = &n.Reason
	}
	return out
}

func (s *Service) describeCreation(ctx context.Context, c *api.Call, in *shape.DescribeCreateAccountStatusRequest) (*shape.DescribeCreateAccountStatusResponse, error) {
	out := new(shape.DescribeCreateAccountStatusResponse)
	return out, s.look(ctx, c.Account(), func(t *tree) error {
		n, err := creations.Get(t.tx, store.Key(t.ID, *in.CreateAccountRequestId))
		if err == nil && n == nil {
			err = noCreation.New("You specified a create account request that doesn't exist.")
		}
		if err == nil {
			out.CreateAccountStatus = n.shape()
		}
		return err
	})
}

func (s *Service) listCreations(ctx context.Context, c *api.Call, in *shape.ListCreateAccountStatusRequest) (*shape.ListCreateAccountStatusResponse, error) {
	out := &shape.ListCreateAccountStatusResponse{CreateAccountStatuses: []shape.CreateAccountStatus{}}
	return out, s.look(ctx, c.Account(), func(t *tree) error {
		all, err := creations.All(t.tx, store.Prefix(t.ID))
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(n *creation) bool { return len(in.States) > 0 && !slices.Contains(in.States, n.State) })
		list, next, err := page(all, func(n *creation) string { return n.ID }, in.MaxResults, in.NextToken)
		for _, n := range list {
			out.CreateAccountStatuses = append(out.CreateAccountStatuses, *n.shape())
		}
		out.NextToken = next
		return err
	})
}
