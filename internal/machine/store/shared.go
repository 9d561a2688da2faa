package store

import (
	"context"
	"errors"
	"fmt"
)

// mostTogether bounds how many transactions become durable at once: the first of them waits for the last.
const mostTogether = 64

// batch is a transaction of the database that several of Updates share.
type batch struct {
	*open
	n    int           // Updates in it
	err  error         // of the commit; set before done is closed
	done chan struct{} // closed when it is durable and its hooks have run, or neither will be
}

// UpdateShared is Update for many at a time: those that wait for their turn become durable with the one before them,
// by one write to the disk instead of one each. f sees what they wrote, but their After hooks run later, in the same
// order, so f must not depend on what hooks keep in memory. An f that fails takes back its own and nothing else. It is not
// interrupted when ctx ends, and takes back what it did if ctx has ended then.
func (d *DB) UpdateShared(ctx context.Context, f func(*Tx) error) error {
	b, err := d.join(ctx, f)
	if err != nil {
		return err
	}
	<-b.done
	return b.err
}

// join runs f in the batch that is open, or opens one. The batch stays open if somebody waits who will go on with it.
func (d *DB) join(ctx context.Context, f func(*Tx) error) (*batch, error) {
	d.waiting.Add(1)
	d.mu.Lock()
	d.waiting.Add(-1)
	defer func() {
		if d.batch != nil && (d.waiting.Load() == 0 || d.batch.n >= mostTogether) {
			d.endBatch()
		}
		d.mu.Unlock()
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.batch == nil {
		o, err := d.begin(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		d.batch = &batch{open: o, done: make(chan struct{})}
	}
	b := d.batch
	if err := d.within(ctx, b, f); err != nil {
		return nil, err
	}
	b.n++
	return b, nil
}

// within runs f between marks to which the batch can return. The first needs none: without it there is no batch.
func (d *DB) within(ctx context.Context, b *batch, f func(*Tx) error) (err error) {
	apart := context.WithoutCancel(ctx)
	if b.n > 0 {
		if _, err := b.tx.ExecContext(apart, `savepoint one`); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	hooks, kept := len(b.after), false
	defer func() {
		if kept {
			return
		}
		b.after = b.after[:hooks]
		if b.n == 0 {
			d.batch = nil
			b.tx.Rollback() //nolint:errcheck // nobody else has written in it
		} else if _, e := b.tx.ExecContext(apart, `rollback to one`); e != nil {
			b.err = errors.Join(b.err, fmt.Errorf("roll back: %w", e))
		}
	}()
	if err := f(b.as(apart, d)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	kept = true
	return nil
}

// endBatch makes what is in the batch durable and lets all return whose it is; the lock is held.
func (d *DB) endBatch() {
	b := d.batch
	if b == nil {
		return
	}
	d.batch = nil
	defer close(b.done)
	if b.err != nil {
		b.tx.Rollback() //nolint:errcheck // the error that counts is told
		return
	}
	b.err = b.commit()
}
