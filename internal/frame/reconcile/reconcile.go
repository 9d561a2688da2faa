// Package reconcile drives records towards rest: a queue of keys and workers that hand each key to a
// function until it says there is nothing more to do.
//
// It promises that a key is in the hands of one worker at a time, that a key added while it is being
// worked on is worked on once more after, and that Run returns only when every worker has. State is
// in the records, never here: a fresh process adds all unsettled keys and goes on.
package reconcile

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Queue is a set of keys to work on. The zero value is not usable: see New.
type Queue struct {
	name string
	work func(ctx context.Context, key string) (again time.Duration, err error)
	log  *slog.Logger

	mu    sync.Mutex
	state map[string]*item
	wake  chan struct{}
	ready []string
}

type item struct {
	running, again bool
	failures       int
	timer          *time.Timer
}

// New makes a queue whose keys are handed to work. work returns how long to wait before it wants the
// key again (0: it is settled until somebody adds it), or an error, after which it is tried again
// with growing pauses.
func New(name string, log *slog.Logger, work func(ctx context.Context, key string) (time.Duration, error)) *Queue {
	return &Queue{name: name, work: work, log: log, state: map[string]*item{}, wake: make(chan struct{}, 1)}
}

// Add asks for the key to be worked on, now. It never blocks.
func (q *Queue) Add(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.state[key]
	switch {
	case it == nil:
		q.state[key] = &item{}
		q.push(key)
	case it.running:
		it.again = true
	case it.timer != nil:
		it.timer.Stop()
		it.timer = nil
		q.push(key)
	}
}

// push makes a key ready; the lock is held.
func (q *Queue) push(key string) {
	q.ready = append(q.ready, key)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run works with so many workers until ctx is done, then waits for them.
func (q *Queue) Run(ctx context.Context, workers int) error {
	var wg sync.WaitGroup
	slots := make(chan struct{}, workers)
	for {
		key, ok := q.next(ctx)
		if !ok {
			break
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			again, err := q.work(ctx, key)
			q.done(ctx, key, again, err)
		})
	}
	wg.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.state {
		if it.timer != nil {
			it.timer.Stop()
		}
	}
	return nil
}

func (q *Queue) next(ctx context.Context) (string, bool) {
	for {
		q.mu.Lock()
		if len(q.ready) > 0 && ctx.Err() == nil {
			key := q.ready[0]
			q.ready = q.ready[1:]
			q.state[key].running = true
			q.mu.Unlock()
			return key, true
		}
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return "", false
		case <-q.wake:
		}
	}
}

func (q *Queue) done(ctx context.Context, key string, again time.Duration, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.state[key]
	it.running = false
	if err != nil && ctx.Err() == nil {
		it.failures++
		again = pause(it.failures)
		q.log.Warn("work failed and will be tried again", "queue", q.name, "key", key, "in", again, "error", err)
	} else {
		it.failures = 0
	}
	switch {
	case it.again:
		it.again = false
		q.push(key)
	case again > 0:
		it.timer = time.AfterFunc(again, func() { q.due(key, it) })
	default:
		delete(q.state, key)
	}
}

// due makes a waiting key ready unless somebody was quicker.
func (q *Queue) due(key string, it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.timer == nil || it.running {
		return
	}
	it.timer = nil
	q.push(key)
}

// pause grows from 50 ms to 10 s.
func pause(failures int) time.Duration {
	d := 50 * time.Millisecond
	for range min(failures-1, 8) {
		d *= 2
	}
	return min(d, 10*time.Second)
}
