package door

import (
	"bytes"
	"context"
	"sync"
	"time"

	"cloister/internal/engine/wire"
)

const (
	// unread bounds the bytes of large answers that their callers have not taken yet.
	unread = 512 << 20
	// slowest is how many bytes in a second a caller takes at least of an answer that lies in memory, once the first
	// minute is over: who is slower is hung up on.
	slowest = 32 << 10
)

// unsent is a large answer until it was written, or was not.
type unsent struct {
	bytes.Reader
	sent func()
}

// Close gives back the room that the answer has.
func (u *unsent) Close() error {
	u.sent()
	return nil
}

// listens makes an account wait whose callers do not take the answers that are there for them: what they ask for next
// would only lie in memory, too.
func (d *Door) listens(ctx context.Context, x *exchange) error {
	ctx, cancel := context.WithTimeout(ctx, roomTime)
	defer cancel()
	if err := d.unsent.calm(ctx, x.whose()); err != nil {
		return slowDown.New("Too many answers wait to be read. Please try again.")
	}
	return nil
}

// lay counts a large answer until it is written.
func (d *Door) lay(x *exchange, w *wire.Response) {
	size := int64(len(w.Bytes))
	if w.Body != nil || size <= prefetch {
		return
	}
	who := x.whose()
	d.unsent.add(who, size)
	u := &unsent{sent: sync.OnceFunc(func() { d.unsent.give(who, size) })}
	u.Reset(w.Bytes)
	w.Body, w.Length, w.Bytes = u, size, nil
}

// whose answers are counted together: an account's, or those of a place that strangers call from.
func (x *exchange) whose() string {
	if account := x.Caller.Identity.Account; account != "" {
		return account
	}
	return x.from()
}

// until is when an answer that lies in memory must have been taken.
func (u *unsent) until(now time.Time) time.Time {
	return now.Add(time.Minute + time.Duration(u.Len()/slowest)*time.Second)
}
