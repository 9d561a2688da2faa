package organizations_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/directory"
	"cloister/internal/service/organizations"
	"cloister/internal/value/caller"
)

// ledger is the accounts of a house. It can break, or have the server die, once.
type ledger struct {
	mu      sync.Mutex
	names   map[string]string
	breaks  bool
	dies    bool
	furnish func(account string)
}

func (l *ledger) Name(_ context.Context, id string) (string, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, found := l.names[id]
	return name, found, nil
}

func (l *ledger) Add(_ context.Context, id, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.breaks {
		l.breaks = false
		return errors.New("no room")
	}
	l.names[id] = name
	if l.dies {
		l.dies = false
		panic("the end of the server")
	}
	l.furnish(id)
	return nil
}

const third = "777788889999"

// world is a house with Organizations, three accounts and their roots.
type world struct {
	*doortest.House
	*ledger
	service             *organizations.Service
	root, other, thirds *doortest.Client
}

func open(t *testing.T) *world {
	w := &world{ledger: &ledger{names: map[string]string{doortest.Account: "first", doortest.Other: "second", third: "third"}}, service: new(organizations.Service)}
	bound, err := w.service.Bind()
	if err != nil {
		t.Fatal(err)
	}
	w.House = doortest.Open(t, bound)
	w.wire()
	w.root = w.As(t, w.Root)
	key := func(account string) *doortest.Client {
		id, secret, _, err := w.IAM.Root(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		return w.As(t, sigv4.Credentials{AccessKey: id, Secret: secret})
	}
	w.other, w.thirds = key(doortest.Other), key(third)
	return w
}

func (w *world) wire() {
	w.furnish = func(account string) {
		for _, r := range organizations.ServiceLinkedRoles {
			doc, err := policy.Parse(r.Policy)
			if err != nil {
				panic(err) // a text of ours
			}
			w.Directory.SetPrincipal(&directory.Principal{Kind: caller.AssumedRole, Account: account, ARN: caller.ServiceLinkedRoleARN(r.Service, r.Name, account),
				ID: "AROA" + r.Name, Name: r.Name, Policies: []policy.Attached{{Document: doc, Name: r.Name}}})
		}
	}
	s := w.service
	s.DB, s.Directory, s.Accounts, s.Client, s.Log = w.DB, w.Directory, w.ledger, w.Door, slog.New(slog.NewTextHandler(w.Log, nil))
}

// restart is what follows kill -9.
func (w *world) restart(t *testing.T) {
	t.Helper()
	w.Restart()
	w.wire()
	if err := errors.Join(w.service.Load(t.Context()), w.service.Settle(t.Context())); err != nil {
		t.Fatal(err)
	}
	w.root, w.other, w.thirds = w.As(t, w.root.Credentials), w.As(t, w.other.Credentials), w.As(t, w.thirds.Credentials)
}

type object = map[string]any

// ask calls Organizations.
func ask(t *testing.T, c *doortest.Client, operation string, in object) *doortest.Answer {
	t.Helper()
	if in == nil {
		in = object{}
	}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return c.Call("organizations", operation, string(b))
}

// get is ask that has to go well, read.
func get(t *testing.T, c *doortest.Client, operation string, in object) (out object) {
	t.Helper()
	a := ask(t, c, operation, in).Good(t)
	if len(a.Body) > 0 {
		a.JSON(t, &out)
	}
	return out
}

// at walks an answer by names.
func at(v any, path ...string) string {
	for _, p := range path {
		o, _ := v.(object)
		v = o[p]
	}
	s, _ := v.(string)
	return s
}

// ids are a member of each object of a list.
func ids(o object, list, member string) (out []string) {
	l, _ := o[list].([]any)
	for _, v := range l {
		out = append(out, at(v, member))
	}
	return out
}

// begin makes an organisation of the first account with both types of policy, and gives its root's id.
func (w *world) begin(t *testing.T) (root string) {
	t.Helper()
	get(t, w.root, "CreateOrganization", nil)
	root = ids(get(t, w.root, "ListRoots", nil), "Roots", "Id")[0]
	get(t, w.root, "EnablePolicyType", object{"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"})
	get(t, w.root, "EnablePolicyType", object{"RootId": root, "PolicyType": "RESOURCE_CONTROL_POLICY"})
	return root
}

// invited makes an account a member.
func (w *world) invited(t *testing.T, c *doortest.Client, account string) {
	t.Helper()
	h := at(get(t, w.root, "InviteAccountToOrganization", object{"Target": object{"Type": "ACCOUNT", "Id": account}}), "Handshake", "Id")
	get(t, c, "AcceptHandshake", object{"HandshakeId": h})
}

// policy makes a policy and gives its id.
func (w *world) policy(t *testing.T, kind, name, document string) string {
	t.Helper()
	return at(get(t, w.root, "CreatePolicy", object{"Type": kind, "Name": name, "Description": "", "Content": document}), "Policy", "PolicySummary", "Id")
}

const (
	scp = "SERVICE_CONTROL_POLICY"
	rcp = "RESOURCE_CONTROL_POLICY"
)
