package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cloister/internal/frame/audit"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
)

const account = "111122223333"

var start = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func call(n int, denied bool) *audit.Entry {
	e := &audit.Entry{RequestID: fmt.Sprintf("call-%d", n), Time: start.Add(time.Duration(n) * time.Millisecond), Caller: caller.Caller{Identity: caller.Identity{Account: account}}}
	if denied {
		e.Denied()
	}
	return e
}

func has(t *testing.T, l *audit.Log, n int) bool {
	t.Helper()
	e, err := l.Find(t.Context(), account, fmt.Sprintf("call-%d", n))
	if err != nil {
		t.Fatal(err)
	}
	return e != nil
}

// run has a log run until stop, which gives its error to the test.
func run(t *testing.T, l *audit.Log) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestTheNewestCallsAreInMemory(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	defer db.Close()
	l := audit.New(db, slog.New(slog.DiscardHandler))
	for n := range audit.Recent + 10 {
		l.Add(call(n, false))
	}
	for n, want := range map[int]bool{0: false, 9: false, 10: true, audit.Recent + 9: true, audit.Recent + 10: false} {
		if has(t, l, n) != want {
			t.Errorf("call %d is here: %v, want %v", n, !want, want)
		}
	}
}

func TestDeniedCallsAreKeptUntilNewerOnesPushThemOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path)
	l := audit.New(db, slog.New(slog.DiscardHandler))
	stop := run(t, l)
	half := audit.Kept / 2
	for n := range half {
		l.Add(call(n, true))
		l.Add(call(1e6+n, false))
	}
	stop()
	stop = run(t, l)
	for n := half; n < audit.Kept+25; n++ {
		l.Add(call(n, true))
	}
	stop()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	defer db.Close()
	l = audit.New(db, slog.New(slog.DiscardHandler))
	for n, want := range map[int]bool{0: false, 24: false, 25: true, half: true, audit.Kept + 24: true, 1e6: false, 1e6 + half - 1: false} {
		if has(t, l, n) != want {
			t.Errorf("call %d is here: %v, want %v", n, !want, want)
		}
	}
}

func TestTheLastDeniedCall(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	defer db.Close()
	l := audit.New(db, slog.New(slog.DiscardHandler))
	last := func(who string) string {
		t.Helper()
		e, err := l.Last(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return ""
		}
		return e.RequestID
	}
	check := func(want string) {
		t.Helper()
		if got := last(account); got != want || last("444455556666") != "" || last("") != "" {
			t.Errorf("the last is %q, not %q", got, want)
		}
	}
	check("")
	l.Add(call(1, true))
	l.Add(call(2, true))
	l.Add(call(3, false))
	check("call-2")
	run(t, l)() // writes them
	check("call-2")
	l = audit.New(db, slog.New(slog.DiscardHandler))
	check("call-2")
	l.Add(call(4, true))
	check("call-4")
}

func TestCallsOfOtherAccountsAndOfNobodyAreNotFound(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	defer db.Close()
	l := audit.New(db, slog.New(slog.DiscardHandler))
	l.Add(call(1, true))
	e := call(2, true)
	e.Identity.Account = ""
	l.Add(e)
	for who, ids := range map[string][]string{"444455556666": {"call-1", "call-2"}, account: {"call-2", "call-3", ""}} {
		for _, id := range ids {
			if e, err := l.Find(t.Context(), who, id); e != nil || err != nil {
				t.Errorf("%s finds %q: %v, %v", who, id, e, err)
			}
		}
	}
}

// A call by whom nobody knows is with the account that it was about, and takes no room from its own calls.
func TestStrangersCallsAreWithWhomTheyAreAbout(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	l := audit.New(db, slog.New(slog.DiscardHandler))
	stop := run(t, l)
	l.Add(call(1, false))
	for n := range audit.Recent + 5 {
		e := call(100+n, true)
		e.Identity, e.Recipient = caller.Identity{Kind: caller.Anonymous}, account
		l.Add(e)
	}
	bearer := call(2, true)
	bearer.Identity, bearer.Recipient = caller.Identity{Kind: caller.Federated}, account
	l.Add(bearer)
	for n, want := range map[int]bool{1: true, 2: true, 100: false, 104: false, 105: true, audit.Recent + 104: true} {
		if has(t, l, n) != want {
			t.Errorf("call %d is here: %v, want %v", n, !want, want)
		}
	}
	if e, err := l.Find(t.Context(), "444455556666", "call-105"); e != nil || err != nil {
		t.Errorf("another account finds %v, %v", e, err)
	}
	stop()
	l = audit.New(db, slog.New(slog.DiscardHandler))
	if has(t, l, 105) || !has(t, l, 2) {
		t.Error("who has proven nothing takes room on the disk, or who has takes none")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// What cannot be written now is written later.
func TestAFailingStoreLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	broken := open(t, path)
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}
	l := audit.New(broken, slog.New(slog.DiscardHandler))
	l.Add(call(1, true))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 2 {
		if err := l.Run(ctx); err == nil {
			t.Fatal("a closed store took the calls")
		}
	}
	if e, err := l.Find(t.Context(), account, "call-1"); e == nil || err != nil {
		t.Errorf("%v, %v", e, err)
	}
}

func TestAddAndFindAtOnce(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	defer db.Close()
	l := audit.New(db, slog.New(slog.DiscardHandler))
	stop := run(t, l)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 500 {
				id := w*1000 + n
				l.Add(call(id, n%5 == 0))
				if !has(t, l, id) {
					t.Errorf("call %d is gone at once", id)
				}
			}
		})
	}
	wg.Wait()
	stop()
}
