// Package audit keeps the record of every call, so that whoever made it may ask why it went as it did.
//
// It promises that each call that reached the door is here until newer ones push it out, denied ones
// also after a restart, and that nobody reads a call of another account. It must not decide anything.
package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
)

// Entry is one call as it went.
type Entry struct {
	RequestID string    `json:"request_id"`
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Operation string    `json:"operation"`
	UserAgent string    `json:"user_agent,omitempty"`
	caller.Caller
	// Code and Message are what the caller was told; Code is empty when all went well.
	Code      string          `json:"code,omitempty"`
	Message   string          `json:"message,omitempty"`
	Status    int             `json:"status"`
	Decisions []policy.Report `json:"decisions,omitempty"`
	Duration  time.Duration   `json:"duration_ns"`

	decided []*policy.Decision
	denied  bool
}

// Decide records what a check came to.
func (e *Entry) Decide(d *policy.Decision) { e.decided = append(e.decided, d) }

// Denied marks the entry as one to keep.
func (e *Entry) Denied() { e.denied = true }

// explained spells the decisions out; only who asks pays for that.
func (e *Entry) explained() *Entry {
	if len(e.decided) == 0 {
		return e
	}
	c := *e
	c.Decisions = nil
	for _, d := range e.decided {
		c.Decisions = append(c.Decisions, d.Report())
	}
	return &c
}

// readBy is the entry without what other accounts keep to themselves: their policies.
func (e *Entry) readBy(account string) *Entry {
	c := *e
	c.Decisions = nil
	for _, d := range e.Decisions {
		c.Decisions = append(c.Decisions, d.For(account))
	}
	return &c
}

var entries = store.NewTable[Entry]("audit_entry")

const (
	// Recent is how many calls are kept in memory, whatever came of them.
	Recent = 4096
	// Kept is how many denied calls are kept in the store.
	Kept = 10000
)

// Log is safe for concurrent use.
type Log struct {
	db   *store.DB
	slog *slog.Logger

	ring [Recent]atomic.Pointer[Entry]
	next atomic.Uint64

	mu      sync.Mutex
	pending []*Entry
	wake    chan struct{}
}

// New makes a log over the store. Run must run for denied calls to be kept.
func New(db *store.DB, log *slog.Logger) *Log {
	return &Log{db: db, slog: log, wake: make(chan struct{}, 1)}
}

// Add records a call; the entry must not be changed after. It never blocks on the disk.
func (l *Log) Add(e *Entry) {
	l.ring[(l.next.Add(1)-1)%Recent].Store(e)
	if !e.denied {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) == Kept {
		l.pending = append(l.pending[:0], l.pending[1:]...)
	}
	l.pending = append(l.pending, e)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// recent looks a call up among those in memory. Calls are many and lookups few, so nothing indexes them.
func (l *Log) recent(requestID string) *Entry {
	for i := range l.ring {
		if e := l.ring[i].Load(); e != nil && e.RequestID == requestID {
			return e
		}
	}
	return nil
}

// Find gives the call of a request id if it was made in that account.
func (l *Log) Find(ctx context.Context, account, requestID string) (*Entry, error) {
	e := l.recent(requestID)
	if e == nil {
		err := l.db.View(ctx, func(tx *store.Tx) (err error) {
			e, err = entries.Get(tx, store.Key("id", requestID))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("find request %s: %w", requestID, err)
		}
	}
	if e == nil || e.Identity.Account != account {
		return nil, nil
	}
	return e.explained().readBy(account), nil
}

// Run writes denied calls to the store until ctx is done, and once more then.
func (l *Log) Run(ctx context.Context) error {
	whole := context.WithoutCancel(ctx) // a write that was begun is finished
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
	l.mu.Lock()
	batch := l.pending
	l.pending = nil
	l.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := l.db.Update(ctx, func(tx *store.Tx) error { return write(tx, batch) })
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pending = append(batch, l.pending...)
		l.pending = l.pending[max(0, len(l.pending)-Kept):]
	}
	return err
}

func write(tx *store.Tx, batch []*Entry) error {
	for _, e := range batch {
		if err := entries.Put(tx, store.Key("id", e.RequestID), e.explained()); err != nil {
			return err
		}
		if err := order.Put(tx, store.Key(e.Time.UTC().Format("2006-01-02T15:04:05.000000000Z"), e.RequestID), &e.RequestID); err != nil {
			return err
		}
	}
	return trim(tx)
}

// order says which denied call is the oldest.
var order = store.NewTable[string]("audit_order")

// trim removes the oldest denied calls beyond what is kept.
func trim(tx *store.Tx) error {
	n, err := order.Count(tx, "")
	if err != nil || n <= Kept {
		return err
	}
	old, err := order.From(tx, "", "", n-Kept)
	if err != nil {
		return err
	}
	for _, o := range old {
		if err := entries.Delete(tx, store.Key("id", *o.Value)); err != nil {
			return err
		}
		if err := order.Delete(tx, o.Key); err != nil {
			return err
		}
	}
	return nil
}
