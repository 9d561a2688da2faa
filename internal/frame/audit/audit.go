// Package audit keeps the record of every call, so that whoever made it may ask why it went as it did.
//
// It promises that each call of an account that reached the door is here until newer ones of the same account
// push it out, denied ones also after a restart; that a call of nobody's account is in that of whom it was about;
// that it never takes more than its room, in memory and in the store, and strangers none that an account's own
// calls have; and that nobody reads a call of another account. It must not decide anything.
package audit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
)

// Log is safe for concurrent use.
type Log struct {
	db   *store.DB
	slog *slog.Logger

	rings sync.Map // account to *ring

	mu      sync.Mutex
	pending []*Entry
	writing []*Entry       // were pending, and may not be in the store yet
	waiting map[string]int // of pending, by account
	wake    chan struct{}
}

// mostPending is how many denied calls of one account wait for a store that does not take them.
const mostPending = Kept

// New makes a log over the store. Run must run for denied calls to be kept.
func New(db *store.DB, log *slog.Logger) *Log {
	return &Log{db: db, slog: log, waiting: map[string]int{}, wake: make(chan struct{}, 1)}
}

// Add records a call; the entry must not be changed after. It never blocks on the disk. What was neither made by
// an account nor about one nobody may read, so it is not kept; who has proven nothing takes no room on the disk.
func (l *Log) Add(e *Entry) {
	account := e.account()
	if account == "" {
		return
	}
	if e.Identity.Kind == caller.Anonymous {
		l.ring(strangers(account)).add(e)
		return
	}
	l.ring(account).add(e)
	if !e.denied {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wait(e)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// strangers names the ring of calls about an account by whom nobody knows.
func strangers(account string) string { return account + "/anonymous" }

func (l *Log) ring(account string) *ring {
	r, ok := l.rings.Load(account)
	if !ok {
		r, _ = l.rings.LoadOrStore(account, new(ring))
	}
	return r.(*ring)
}

// Find gives the call of a request id if it was made in that account, or by somebody without one about it.
func (l *Log) Find(ctx context.Context, account, requestID string) (*Entry, error) {
	if account == "" {
		return nil, nil
	}
	e := l.ring(account).find(requestID)
	if e == nil {
		e = l.ring(strangers(account)).find(requestID)
	}
	if e == nil {
		err := l.db.View(ctx, func(tx *store.Tx) (err error) {
			e, err = entries.Get(tx, store.Key("id", requestID))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("find request %s: %w", requestID, err)
		}
	}
	if e == nil || e.account() != account {
		return nil, nil
	}
	return e.explained().readBy(account), nil
}

// Last gives the account's newest denied call; nil when none is kept.
func (l *Log) Last(ctx context.Context, account string) (*Entry, error) {
	if account == "" {
		return nil, nil
	}
	if id := l.lastPending(account); id != "" {
		return l.Find(ctx, account, id)
	}
	var newest []store.Entry[row]
	err := l.db.View(ctx, func(tx *store.Tx) (err error) {
		newest, err = rows.Last(tx, store.Prefix(account), "", "", 1)
		return err
	})
	if err != nil || len(newest) == 0 {
		return nil, err
	}
	return l.Find(ctx, account, newest[0].Value.ID)
}

// lastPending is the newest denied call of an account that is not written yet.
func (l *Log) lastPending(account string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range [][]*Entry{l.pending, l.writing} {
		for _, e := range slices.Backward(of) {
			if e.account() == account {
				return e.RequestID
			}
		}
	}
	return ""
}

// Run writes denied calls to the store until ctx is done, and once more then.
func (l *Log) Run(ctx context.Context) error {
	whole := context.WithoutCancel(ctx) // a write that was begun is finished
	if err := l.db.Update(whole, adopt); err != nil {
		l.slog.Warn("calls kept by an older version stay out of count", "error", err)
	}
	for {
		select {
		case <-ctx.Done():
			return l.flush(whole)
		case <-l.wake:
			if err := l.flush(whole); err != nil {
				l.slog.Warn("denied calls not kept yet", "error", err)
			}
		}
	}
}

func (l *Log) flush(ctx context.Context) error {
	batch := l.take()
	if len(batch) == 0 {
		return nil
	}
	err := l.db.Update(ctx, func(tx *store.Tx) error { return write(tx, batch) })
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		newer := l.pending
		l.pending, l.waiting = nil, map[string]int{}
		for _, e := range append(batch, newer...) {
			l.wait(e)
		}
	}
	return err
}

func (l *Log) take() []*Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.pending
	l.pending, l.writing, l.waiting = nil, batch, map[string]int{}
	return batch
}

// wait puts an entry with those to be written; of an account with too many the oldest goes. The lock is held.
func (l *Log) wait(e *Entry) {
	account := e.account()
	if l.waiting[account] == mostPending {
		oldest := slices.IndexFunc(l.pending, func(o *Entry) bool { return o.account() == account })
		l.pending = slices.Delete(l.pending, oldest, oldest+1)
		l.waiting[account]--
	}
	l.pending = append(l.pending, e)
	l.waiting[account]++
}
