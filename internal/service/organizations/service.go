// Package organizations is AWS Organizations: accounts in a tree of units under one management account,
// and the two kinds of policy that bound them.
//
// It promises that what the records say of who is under which policy is what decisions are made by when
// the changing call returns, and that only the management account changes it. It must not know how a
// decision is made, nor what an account is furnished with.
package organizations

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math/big"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
)

var operations = api.NewSet[*Service]("organizations")

func bad(code string) fault.Kind { return fault.Kind{Code: code, Status: 400} }

// The kinds of faults, by the names that the API reference gives them.
var (
	notInUse           = bad("AWSOrganizationsNotInUseException")
	accessDenied       = bad("AccessDeniedException")
	alreadyIn          = bad("AlreadyInOrganizationException")
	notEmpty           = bad("OrganizationNotEmptyException")
	constraint         = bad("ConstraintViolationException")
	invalid            = bad("InvalidInputException")
	malformed          = bad("MalformedPolicyDocumentException")
	noParent           = bad("ParentNotFoundException")
	noSource           = bad("SourceParentNotFoundException")
	noDestination      = bad("DestinationParentNotFoundException")
	noChild            = bad("ChildNotFoundException")
	noRoot             = bad("RootNotFoundException")
	noUnit             = bad("OrganizationalUnitNotFoundException")
	duplicateUnit      = bad("DuplicateOrganizationalUnitException")
	unitNotEmpty       = bad("OrganizationalUnitNotEmptyException")
	noAccount          = bad("AccountNotFoundException")
	duplicateAccount   = bad("DuplicateAccountException")
	masterStays        = bad("MasterCannotLeaveOrganizationException")
	noCreation         = bad("CreateAccountStatusNotFoundException")
	noPolicy           = bad("PolicyNotFoundException")
	duplicatePolicy    = bad("DuplicatePolicyException")
	policyInUse        = bad("PolicyInUseException")
	alreadyAttached    = bad("DuplicatePolicyAttachmentException")
	notAttached        = bad("PolicyNotAttachedException")
	noTarget           = bad("TargetNotFoundException")
	typeEnabled        = bad("PolicyTypeAlreadyEnabledException")
	typeNotEnabled     = bad("PolicyTypeNotEnabledException")
	noHandshake        = bad("HandshakeNotFoundException")
	duplicateHandshake = bad("DuplicateHandshakeException")
	handshakeOver      = bad("InvalidHandshakeTransitionException")
	handshakeDone      = bad("HandshakeAlreadyInStateException")
	handshakeBarred    = bad("HandshakeConstraintViolationException")
)

// because is a fault with the member Reason, which three kinds have.
func because(k fault.Kind, reason, format string, args ...any) error {
	return k.New(format, args...).With("Reason", reason)
}

// Accounts are those of this Cloister, whether they are in an organisation or not.
type Accounts interface {
	// Name tells what an account is called; found is false where there is none.
	Name(ctx context.Context, id string) (name string, found bool, err error)
	// Add makes an account and furnishes it, without a key for its root. It may be asked again.
	Add(ctx context.Context, id, name string) error
}

// Service is Organizations over a store and a directory.
type Service struct {
	DB        *store.DB
	Directory *directory.Directory
	Accounts  Accounts
	Client    api.Client
	Log       *slog.Logger
	parsed    compiled
}

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// Load tells the directory every organisation that is on record.
func (s *Service) Load(ctx context.Context) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := organizations.All(tx, "")
		if err != nil {
			return err
		}
		for _, o := range all {
			t, err := grow(tx, o)
			if err != nil {
				return err
			}
			tell, err := s.facts(t)
			if err != nil {
				return fmt.Errorf("organisation %s: %w", o.ID, err)
			}
			tell()
		}
		return nil
	})
}

// Settle goes on with accounts that were being made when the server ended.
func (s *Service) Settle(ctx context.Context) error {
	var open []*creation
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := creations.All(tx, "")
		for _, n := range all {
			if n.State == inProgress {
				open = append(open, n)
			}
		}
		return err
	})
	for _, n := range open {
		if err != nil {
			return err
		}
		_, err = s.finish(ctx, n)
	}
	return err
}

// onAll is the checks of an operation that is about no resource in particular.
func onAll[In any](action string) func(*api.Call, *In) []api.Check {
	return func(*api.Call, *In) []api.Check {
		return []api.Check{{Action: "organizations:" + action, Resource: "*"}}
	}
}

// on is the checks of an operation on parts of an organisation that the request calls by their ids. The
// directory knows their ARNs.
func on(c *api.Call, action string, ids ...string) (checks []api.Check) {
	for _, id := range ids {
		checks = append(checks, api.Check{Action: "organizations:" + action, Resource: short(c.Account(), id), Told: typeOf})
	}
	return checks
}

// typeOf brings the key of a policy's type, which stands in its ARN.
func typeOf(arn string) []api.Key {
	parts := strings.Split(arn, "/")
	if len(parts) < 3 || !strings.HasSuffix(parts[0], ":policy") {
		return nil
	}
	return []api.Key{api.K("organizations:PolicyType", strings.ToUpper(parts[len(parts)-2]))}
}

// short is what stands for the ARN of a part in a question, as requests say the id alone.
func short(account, id string) string { return "arn:aws:organizations::" + account + ":" + id }

const letters = "0123456789abcdefghijklmnopqrstuvwxyz"

// newID is a prefix and so many letters and digits.
func newID(prefix string, n int) string {
	b := []byte(prefix)
	for range n {
		b = append(b, letters[below(int64(len(letters)))])
	}
	return string(b)
}

// newAccount is twelve digits, the first of which is not zero.
func newAccount() string { return fmt.Sprint(below(900_000_000_000) + 100_000_000_000) }

func below(most int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(most))
	if err != nil {
		panic(err) // the kernel has no randomness
	}
	return n.Int64()
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// page cuts a list at a token, which is the id that the page begins with.
func page[T any](all []T, id func(T) string, most *int32, token *string) (out []T, next *string, err error) {
	limit, begun := 20, token == nil
	if most != nil {
		limit = int(*most)
	}
	for i, v := range all {
		if !begun && id(v) != *token {
			continue
		}
		if begun = true; len(out) == limit {
			return out, new(id(all[i])), nil
		}
		out = append(out, v)
	}
	if !begun {
		return nil, nil, because(invalid, "INVALID_NEXT_TOKEN", "You provided an invalid value for the NextToken parameter.")
	}
	return out, nil, nil
}
