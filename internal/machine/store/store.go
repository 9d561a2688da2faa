// Package store keeps records: documents under keys, in tables, changed in transactions.
//
// It promises that a transaction whose Update returned nil survives kill -9, that Updates happen one
// after another and each sees all before it, and that what was registered with Tx.After runs in
// commit order before Update returns. It must not know what a record means. SQLite is behind it;
// the SQL is the part of the language that PostgreSQL shares.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// DB is an open database, or one of its parts: each part has tables of its own under the same names.
type DB struct {
	*shared
	part string
}

// shared is what the parts of a database have in common: transactions are of the whole.
type shared struct {
	write, read *sql.DB
	clock       func() time.Time
	mu          sync.Mutex // held through an Update and its After hooks
	watched     map[string][]watcher
	batch       *batch       // what UpdateShared has not ended yet; who comes next does
	kept        sync.Map     // *keptTable by table
	waiting     atomic.Int32 // who will come for the lock and look at the batch
}

// In gives a part of the database. The part without a name is the database as it was opened.
func (d *DB) In(part string) *DB { return &DB{d.shared, part} }

const schema = `create table if not exists record (
	kind text not null, key blob not null, doc text not null, primary key (kind, key)) without rowid`

// Open opens or makes the database in the file at path. Times of transactions come from clock.
func Open(ctx context.Context, path string, clock func() time.Time) (*DB, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	dsn := func(extra string) string {
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)" +
			"&_pragma=synchronous(full)&_pragma=cache_size(-4096)" + extra
	}
	w, err := sql.Open("sqlite", dsn("&_txlock=immediate"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	w.SetMaxOpenConns(1)
	if _, err := w.ExecContext(ctx, schema); err != nil {
		w.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	r, err := sql.Open("sqlite", dsn("&_pragma=query_only(1)"))
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	r.SetMaxOpenConns(4)
	r.SetMaxIdleConns(4)
	return &DB{shared: &shared{write: w, read: r, clock: clock}}, nil
}

// private makes the file one that only its owner reads, for records may hold secrets. What SQLite
// lays beside it takes its mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// Close waits for the transaction in hand and closes the file.
func (d *DB) Close() error {
	defer d.alone()()
	return errors.Join(d.read.Close(), d.write.Close())
}

// Tx is one transaction. It is not safe for concurrent use and ends with the function it was given to.
type Tx struct {
	// Now is the one time of the transaction.
	Now   time.Time
	ctx   context.Context
	tx    *sql.Tx
	db    *shared
	part  string
	after *[]func()
	told  map[string][]watcher // nil in a View
}

// In gives the same transaction in another part of the database.
func (tx *Tx) In(part string) *Tx {
	other := *tx
	other.part = part
	return &other
}

// After registers what happens once the transaction is durable, in the order of registration and of
// commits. It does not happen when the transaction fails. It must be quick and must not call the DB.
func (tx *Tx) After(f func()) { *tx.after = append(*tx.after, f) }

// Update runs f in a read-write transaction and commits it if f returns nil.
func (d *DB) Update(ctx context.Context, f func(*Tx) error) error {
	defer d.alone()()
	o, err := d.begin(ctx)
	if err != nil {
		return err
	}
	defer o.tx.Rollback() //nolint:errcheck // nothing to roll back after a commit
	if err := f(o.as(ctx, d)); err != nil {
		return err
	}
	return o.commit()
}

// alone takes the lock, ends the batch that is open, if there is one, and gives what frees the lock.
func (d *DB) alone() (free func()) {
	d.waiting.Add(1)
	d.mu.Lock()
	d.waiting.Add(-1)
	d.endBatch()
	return d.mu.Unlock
}

// open is a transaction of the database with the hooks of all that is in it.
type open struct {
	tx    *sql.Tx
	after []func()
}

func (d *DB) begin(ctx context.Context) (*open, error) {
	t, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return &open{tx: t}, nil
}

// as is the transaction as a function sees it.
func (o *open) as(ctx context.Context, d *DB) *Tx {
	return &Tx{Now: d.clock().UTC(), ctx: ctx, tx: o.tx, db: d.shared, part: d.part, after: &o.after, told: d.watched}
}

func (o *open) commit() error {
	if err := o.tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, a := range o.after {
		a()
	}
	return nil
}

// View runs f in a read-only transaction: it sees one state throughout.
func (d *DB) View(ctx context.Context, f func(*Tx) error) error {
	t, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer t.Rollback() //nolint:errcheck // a read leaves nothing behind
	return f(&Tx{Now: d.clock().UTC(), ctx: ctx, tx: t, db: d.shared, part: d.part, after: new([]func())})
}
