package audit_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/audit"
	"cloister/internal/machine/store"
)

const noisy = "444455556666"

func of(account string, n int, denied bool) *audit.Entry {
	e := call(n, denied)
	e.Identity.Account = account
	return e
}

// decided is a decision over a document with this many statements about other actions and about this one.
func decided(t *testing.T, others, own int, effect string) *policy.Decision {
	t.Helper()
	var list []string
	for i := range others {
		list = append(list, fmt.Sprintf(`{"Sid":"Other%d","Effect":"Allow","Action":"iam:*","Resource":"*"}`, i))
	}
	for i := range own {
		list = append(list, fmt.Sprintf(`{"Sid":"Own%d","Effect":%q,"Action":"s3:*","Resource":"*","Condition":{"Null":{"aws:SourceIp":"true"}}}`, i, effect))
	}
	doc, err := policy.Parse(`{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	s := &policy.Stack{Identity: []policy.Attached{{Document: doc, Name: "long", Owner: account}}}
	return policy.Explain(s, &policy.Request{Principal: policy.Principal{Kind: policy.User, ARN: "ann", Account: account}, Action: "s3:GetObject", Resource: "*"})
}

func TestOneAccountPushesOutNoOthersCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path)
	l := audit.New(db, slog.New(slog.DiscardHandler))
	stop := run(t, l)
	l.Add(call(1, true))
	l.Add(call(2, false))
	for n := range audit.Kept + 10 {
		l.Add(of(noisy, 1000+n, true))
	}
	if !has(t, l, 2) {
		t.Error("another account's calls pushed one out of memory")
	}
	stop()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	defer db.Close()
	l = audit.New(db, slog.New(slog.DiscardHandler))
	if !has(t, l, 1) {
		t.Error("another account's calls pushed one out of the store")
	}
	for n, want := range map[int]bool{1000: false, 1009: false, 1010: true, 1000 + audit.Kept + 9: true} {
		if e, err := l.Find(t.Context(), noisy, fmt.Sprintf("call-%d", n)); err != nil || (e != nil) != want {
			t.Errorf("its own call %d: %v, %v", n, e, err)
		}
	}
}

func TestLongReasonsAreCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	long, small := decided(t, 1200, 1, "Deny"), decided(t, 3, 1, "Allow")
	var entries []*audit.Entry
	add := func(n int, list ...*policy.Decision) {
		e := call(n, true)
		for _, d := range list {
			e.Decide(d)
		}
		entries = append(entries, e)
	}
	add(0, small, small)
	add(1, small, long)
	add(2, decided(t, 0, 900, "Allow"), decided(t, 0, 900, "Deny"))
	var many []*policy.Decision
	for range 100 {
		many = append(many, small)
	}
	add(3, append(many, long)...)
	db := open(t, path)
	l := audit.New(db, slog.New(slog.DiscardHandler))
	stop := run(t, l)
	for _, e := range entries {
		l.Add(e)
	}
	if e, err := l.Find(t.Context(), account, "call-1"); err != nil || len(e.Decisions[1].Policies[0].Statements) != 1201 || e.Cut {
		t.Errorf("in memory it is cut: %v", err)
	}
	stop()
	db.Close()
	db = open(t, path)
	defer db.Close()
	l = audit.New(db, slog.New(slog.DiscardHandler))
	for n, want := range []struct {
		decisions, omitted, statements int
		cut                            bool
		sid                            string
	}{{2, 0, 4, false, "Own0"}, {2, 0, 1, true, "Own0"}, {1, 1, 0, true, "Own0"}, {32, 69, 1, true, "Own0"}} {
		e, err := l.Find(t.Context(), account, fmt.Sprintf("call-%d", n))
		if err != nil || e == nil {
			t.Fatal(n, err)
		}
		text, _ := json.Marshal(e)
		last := e.Decisions[len(e.Decisions)-1]
		if len(e.Decisions) != want.decisions || e.Omitted != want.omitted || e.Cut != want.cut || len(last.Policies[0].Statements) != want.statements || last.Sid != want.sid || len(text) > 64<<10 {
			t.Errorf("call %d: %d decisions, %d omitted, cut %v, %d statements, %d bytes", n, len(e.Decisions), e.Omitted, e.Cut, len(last.Policies[0].Statements), len(text))
		}
	}
}

func TestMemoryAndStoreAreBoundedInBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path)
	defer db.Close()
	l := audit.New(db, slog.New(slog.DiscardHandler))
	const size = 60 << 10
	message := strings.Repeat("x", size)
	n := audit.KeptBytes/size + 20
	for i := range n {
		e := call(i, true)
		e.Message = message
		l.Add(e)
	}
	if has(t, l, 0) || !has(t, l, n-1) || has(t, l, n-200) || !has(t, l, n-100) {
		t.Error("memory is not bounded as it should be")
	}
	stop := run(t, l)
	stop()
	l = audit.New(db, slog.New(slog.DiscardHandler))
	if has(t, l, 0) || has(t, l, 10) || !has(t, l, 40) || !has(t, l, n-1) {
		t.Error("the store is not bounded as it should be")
	}
}

// What an older version kept is counted from then on.
func TestWhatAnOlderVersionKept(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	defer db.Close()
	entries, order := store.NewTable[audit.Entry]("audit_entry"), store.NewTable[string]("audit_order")
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for n, who := range []string{account, "", noisy} {
			e := of(who, n, true)
			if err := entries.Put(tx, store.Key("id", e.RequestID), e); err != nil {
				return err
			}
			if err := order.Put(tx, store.Key(e.Time.UTC().Format(time.RFC3339Nano), e.RequestID), &e.RequestID); err != nil {
				return err
			}
		}
		return order.Put(tx, store.Key("never", "gone"), new("gone"))
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		run(t, audit.New(db, slog.New(slog.DiscardHandler)))()
	}
	if !has(t, audit.New(db, slog.New(slog.DiscardHandler)), 0) {
		t.Error("a call is gone")
	}
	err = db.View(t.Context(), func(tx *store.Tx) error {
		left, err := order.Count(tx, "")
		kept, err2 := store.NewTable[struct{ ID string }]("audit_kept").Count(tx, "")
		records, err3 := entries.Count(tx, "")
		if left != 0 || kept != 2 || records != 2 {
			t.Errorf("%d old rows, %d rows, %d records; %v %v", left, kept, records, err2, err3)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
