package cloister

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/cloister"
)

// account is one that was made beside the first, which the configuration names.
type account struct {
	ID, Name string
	Created  time.Time
	// Organized marks one that an organisation made, whose name nobody here chose: it is meant by its id only.
	Organized bool `json:",omitempty"`
}

var accounts = store.NewTable[account]("cloister_account")

var (
	accountExists  = fault.Kind{Code: "AccountAlreadyExists", Status: 400}
	invalidAccount = fault.Kind{Code: "InvalidAccount", Status: 400}
)

// Founder furnishes an account: the roles by which services keep house there and its default VPC. Found
// gives the first key of its root, too; made is false if the root has a key already. Both may be asked again.
type Founder interface {
	Furnish(ctx context.Context, account string) error
	Found(ctx context.Context, account string) (key, secret string, made bool, err error)
}

// ofAccounts is the check of operations on accounts: they are the first account's to make.
func ofAccounts[In any](s string) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, _ *In) []api.Check {
		return []api.Check{{Action: "cloister:" + s, Resource: "*"}}
	}
}

var _ = api.Define(operations, "CreateAccount", ofAccounts[shape.CreateAccountInput]("CreateAccount"), (*Service).createAccount)

// createAccount makes an account and gives its root's key, once.
func (s *Service) createAccount(ctx context.Context, c *api.Call, in *shape.CreateAccountInput) (*shape.CreateAccountOutput, error) {
	if err := s.home(c, "CreateAccount"); err != nil {
		return nil, err
	}
	a := &account{Name: *in.Name}
	if in.AccountId != nil {
		a.ID = *in.AccountId
	}
	if strings.TrimSpace(a.Name) == "" {
		return nil, invalidAccount.New("An account's name is not only spaces.")
	}
	if err := s.DB.Update(ctx, func(tx *store.Tx) (err error) { a, err = s.record(tx, a); return err }); err != nil {
		return nil, err
	}
	key, secret, made, err := s.Founder.Found(ctx, a.ID)
	if err != nil {
		return nil, fmt.Errorf("found account %s: %w", a.ID, err)
	}
	if !made {
		return nil, accountExists.New("There is an account %s (%s) already.", a.ID, a.Name)
	}
	return &shape.CreateAccountOutput{Account: a.shape(), AccessKeyId: &key, SecretAccessKey: &secret}, nil
}

// record keeps an account. One that is there already under both names goes on to be furnished, as the
// server may have ended in between.
func (s *Service) record(tx *store.Tx, a *account) (*account, error) {
	all, err := accounts.All(tx, "")
	if err != nil {
		return nil, err
	}
	meant := func(old *account) bool { return old.ID == a.ID || a.ID == "" && old.Name == a.Name && !old.Organized }
	if i := slices.IndexFunc(all, meant); i >= 0 && all[i].Name == a.Name {
		return all[i], nil
	}
	if i := slices.IndexFunc(all, func(old *account) bool { return old.ID == a.ID || old.Name == a.Name && !old.Organized }); i >= 0 {
		return nil, accountExists.New("There is an account %s (%s) already.", all[i].ID, all[i].Name)
	}
	if a.ID == s.Home {
		return nil, accountExists.New("Account %s is the first one.", a.ID)
	}
	for a.ID == "" || a.ID == s.Home || slices.ContainsFunc(all, func(o *account) bool { return o.ID == a.ID }) {
		a.ID = newAccountID()
	}
	a.Created = tx.Now.UTC().Truncate(time.Second)
	return a, accounts.Put(tx, a.ID, a)
}

// newAccountID is twelve digits, the first of which is not zero.
func newAccountID() string {
	n, err := rand.Int(rand.Reader, big.NewInt(900_000_000_000))
	if err != nil {
		panic(err) // the kernel has no randomness
	}
	return fmt.Sprint(n.Int64() + 100_000_000_000)
}

// home refuses other accounts than the first, whatever their policies say: they are not asked about it.
func (s *Service) home(c *api.Call, action string) error {
	if c.Account() == s.Home {
		return nil
	}
	return denied.New("User: %s is not authorized to perform: cloister:%s on resource: %s", c.Caller.Identity.ARN, action, arn.Format("cloister", "", s.Home, "account/*"))
}

var denied = fault.Kind{Code: "AccessDeniedException", Status: 400}

var _ = api.Define(operations, "ListAccounts", ofAccounts[shape.ListAccountsInput]("ListAccounts"), (*Service).listAccounts)

func (s *Service) listAccounts(ctx context.Context, c *api.Call, _ *shape.ListAccountsInput) (*shape.ListAccountsOutput, error) {
	if err := s.home(c, "ListAccounts"); err != nil {
		return nil, err
	}
	out := &shape.ListAccountsOutput{Accounts: []shape.Account{{AccountId: &s.Home, Name: new("first")}}}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := accounts.All(tx, "")
		for _, a := range all {
			out.Accounts = append(out.Accounts, *a.shape())
		}
		return err
	})
}

func (a *account) shape() *shape.Account {
	return &shape.Account{AccountId: &a.ID, Name: &a.Name, Created: &a.Created}
}

// Name tells what an account is called; found is false where there is none.
func (s *Service) Name(ctx context.Context, id string) (name string, found bool, err error) {
	if id == s.Home {
		return "first", true, nil
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		a, err := accounts.Get(tx, id)
		if a != nil {
			name, found = a.Name, true
		}
		return err
	})
	return name, found, err
}

// Add makes an account whose root has no key, as an organisation does. Its name may be another's, too. It may
// be asked again.
func (s *Service) Add(ctx context.Context, id, name string) error {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := accounts.Get(tx, id)
		if err != nil || a != nil {
			return err
		}
		return accounts.Put(tx, id, &account{ID: id, Name: name, Created: tx.Now.UTC().Truncate(time.Second), Organized: true})
	})
	if err != nil {
		return err
	}
	return s.Founder.Furnish(ctx, id)
}

// Accounts are all that there are but the first.
func (s *Service) Accounts(ctx context.Context) (ids []string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := accounts.All(tx, "")
		for _, a := range all {
			ids = append(ids, a.ID)
		}
		return err
	})
	return ids, err
}
