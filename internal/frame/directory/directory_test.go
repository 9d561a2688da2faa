package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
)

const role = "arn:aws:iam::111122223333:role/team/worker"

// world is a directory with one role and a clock that the test moves.
type world struct {
	*directory.Directory
	now time.Time
}

func start() *world {
	w := &world{now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	w.Directory = directory.New([32]byte{7}, func() time.Time { return w.now })
	w.SetPrincipal(&directory.Principal{Kind: caller.AssumedRole, Account: "111122223333", ARN: role, ID: "AROA1", Name: "worker"})
	return w
}

func (w *world) session(t *testing.T, policies ...string) directory.Credentials {
	t.Helper()
	c, err := w.Mint(caller.Identity{Kind: caller.AssumedRole, Account: "111122223333", ARN: "session", PrincipalARN: role, SessionPolicies: policies},
		"AROA1", w.now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestASessionLivesAsLongAsItsRoleAndNoLonger(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*world)
		want error
	}{
		"nothing happens":      {func(*world) {}, nil},
		"just before its end":  {func(w *world) { w.now = w.now.Add(time.Hour - time.Nanosecond) }, nil},
		"at its end":           {func(w *world) { w.now = w.now.Add(time.Hour) }, directory.ErrExpired},
		"the role is deleted":  {func(w *world) { w.RemovePrincipal(role) }, directory.ErrBadToken},
		"the role is made new": {func(w *world) { w.SetPrincipal(&directory.Principal{ARN: role, ID: "AROA2"}) }, directory.ErrBadToken},
	} {
		t.Run(name, func(t *testing.T) {
			w := start()
			k := w.session(t)
			for range 2 { // the second time it is remembered
				if secret, id, err := w.Secret(k.AccessKey, k.Token); err != nil || secret != k.Secret || id.ARN != "session" || id.AccessKey != k.AccessKey {
					t.Fatalf("at first: %v, %+v, %v", secret == k.Secret, id, err)
				}
			}
			c.end(w)
			if _, _, err := w.Secret(k.AccessKey, k.Token); !errors.Is(err, c.want) {
				t.Errorf("then %v, want %v", err, c.want)
			}
		})
	}
}

func TestATokenIsGoodForItsOwnKeyOnlyAndCannotBeAltered(t *testing.T) {
	w := start()
	k, other := w.session(t), w.session(t)
	for name, c := range map[string][2]string{
		"another key":   {other.AccessKey, k.Token},
		"cut short":     {k.AccessKey, k.Token[:len(k.Token)-8]},
		"one bit":       {k.AccessKey, flip(k.Token)},
		"no base64":     {k.AccessKey, "!"},
		"nearly empty":  {k.AccessKey, "AAAA"},
		"long-term key": {"AKIAAAAAAAAAAAAAAAAA", k.Token},
	} {
		for range 2 {
			if _, _, err := w.Secret(c[0], c[1]); !errors.Is(err, directory.ErrBadToken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, _, err := directory.New([32]byte{8}, time.Now).Secret(k.AccessKey, k.Token); !errors.Is(err, directory.ErrBadToken) {
		t.Errorf("sealed by another key: %v", err)
	}
	if text := fmt.Sprintf("%v %+v", k, k); strings.Contains(text, k.Secret) || strings.Contains(text, k.Token) {
		t.Error("credentials print their secret")
	}
}

func flip(token string) string {
	c := byte('A')
	if token[40] == c {
		c = 'B'
	}
	return token[:40] + string(c) + token[41:]
}

func TestManySessionsAreForgottenAndStillGood(t *testing.T) {
	w := start()
	var all []directory.Credentials
	for range 1500 { // more than are remembered
		all = append(all, w.session(t))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range all {
				if secret, _, err := w.Secret(all[i].AccessKey, all[i].Token); err != nil || secret != all[i].Secret {
					t.Errorf("session %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestAKeyIsAsGoodAsItsOwner(t *testing.T) {
	w := start()
	const ann = "arn:aws:iam::111122223333:user/ann"
	w.SetPrincipal(&directory.Principal{Kind: caller.User, Account: "111122223333", ARN: ann, ID: "AIDA1", Name: "ann"})
	key := directory.Key{ID: "AKIA1", Secret: "s", Account: "111122223333", Owner: ann, Active: true}
	w.SetKey(key)
	if s, id, err := w.Secret("AKIA1", ""); err != nil || s != "s" || id.Kind != caller.User || id.ARN != ann || id.ID != "AIDA1" || id.Name != "ann" {
		t.Fatalf("%q %+v %v", s, id, err)
	}
	dead := func(what string) {
		t.Helper()
		if _, _, err := w.Secret("AKIA1", ""); !errors.Is(err, directory.ErrUnknownKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	key.Active = false
	w.SetKey(key)
	dead("inactive")
	key.Active = true
	w.SetKey(key)
	w.RemovePrincipal(ann)
	dead("without owner")
	key.Owner = ""
	w.SetKey(key)
	if _, id, err := w.Secret("AKIA1", ""); err != nil || id.Kind != caller.Root || id.ARN != "arn:aws:iam::111122223333:root" || id.ID != "111122223333" {
		t.Errorf("root: %+v %v", id, err)
	}
	w.RemoveKey("AKIA1")
	dead("removed")
}

func TestResolveFindsPathsAndCase(t *testing.T) {
	w := start()
	for in, want := range map[string]string{
		"arn:aws:iam::111122223333:role/worker":   role,
		"arn:aws:iam::111122223333:role/WORKER":   role,
		role:                                      role,
		"arn:aws:iam::111122223333:role/x/worker": "arn:aws:iam::111122223333:role/x/worker",
		"arn:aws:iam::444455556666:role/worker":   "arn:aws:iam::444455556666:role/worker",
		"arn:aws:iam::111122223333:user/worker":   "arn:aws:iam::111122223333:user/worker",
		"arn:aws:iam::111122223333:policy/worker": "arn:aws:iam::111122223333:policy/worker",
		"*":                        "*",
		"arn:aws:s3:::role/worker": "arn:aws:s3:::role/worker",
		"arn:aws:iam::":            "arn:aws:iam::",
	} {
		if got := w.Resolve("111122223333", in); got != want {
			t.Errorf("Resolve(%q) = %q, want %q", in, got, want)
		}
	}
	w.RemovePrincipal(role)
	if got := w.Resolve("111122223333", "arn:aws:iam::111122223333:role/worker"); strings.Contains(got, "team") {
		t.Errorf("a role that is gone resolves to %q", got)
	}
}

func TestStackGathersWhatHasASay(t *testing.T) {
	w := start()
	doc := func(s string) *policy.Attached {
		d, err := policy.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return &policy.Attached{Document: d, Name: "p"}
	}
	const all = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`
	w.SetResource(&directory.Resource{ARN: role, Account: "111122223333", Trust: true, Policy: doc(trust)})
	w.SetResource(&directory.Resource{ARN: "arn:aws:s3:::b", Account: "444455556666", Policy: doc(all)})
	w.SetEndpoint(&directory.Endpoint{ID: "vpce-1", Policy: doc(all)})
	k := w.session(t, all, "{")
	_, id, _ := w.Secret(k.AccessKey, k.Token)
	c := &caller.Caller{Identity: id, Origin: caller.Origin{Place: caller.Endpoint, EndpointID: "vpce-1"}}

	s, account := stack(w, c, "s3:GetObject", "arn:aws:s3:::b/key", "")
	if account != "444455556666" || len(s.Resource) != 1 || s.Trust || !s.HasSession || len(s.Session) != 1 || len(s.Endpoint) != 1 || !s.ViaEndpoint {
		t.Errorf("an object of another account: %s, %+v", account, s)
	}
	if s, _ := stack(w, c, "STS:assumerole", role, ""); !s.Trust || len(s.Resource) != 1 {
		t.Errorf("the trust policy is not asked: %+v", s)
	}
	if s, _ := stack(w, c, "iam:GetRole", role, ""); s.Trust || len(s.Resource) != 0 {
		t.Errorf("the trust policy is asked about iam:GetRole: %+v", s)
	}
	w.RemoveEndpoint("vpce-1")
	if s, _ := stack(w, c, "s3:GetObject", "arn:aws:s3:::b/key", ""); !s.ViaEndpoint ||
		policy.Decide(&s, &policy.Request{Principal: policy.Principal{Kind: policy.RootUser, Account: "444455556666"}, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/key", ResourceAccount: account}).Effect == policy.Allowed {
		t.Errorf("an endpoint that is gone allows: %+v", s)
	}
	w.RemoveResource("arn:aws:s3:::b")
	if s, account := stack(w, c, "s3:GetObject", "arn:aws:s3:::b/key", "999900001111"); account != "999900001111" || len(s.Resource) != 0 {
		t.Errorf("a bucket that is gone: %s, %+v", account, s)
	}
}

// stack asks and gives the account.
func stack(w *world, c *caller.Caller, action, resource, account string) (policy.Stack, string) {
	s, f := w.Stack(c, &directory.Question{Action: action, Resource: resource, Account: account})
	return s, f.Account
}
