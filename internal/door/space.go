package door

import (
	"context"
	"sync"

	"cloister/internal/engine/wire"
)

const (
	// unproven bounds the bytes of large bodies that are held before their signature was checked, proven those of
	// callers who are known, for as long as their calls take.
	unproven = 256 << 20
	proven   = 1 << 30
	// atOnce is how many calls of one account are in hand: others of it wait their turn, and hold up nobody else.
	atOnce = 16
)

// space is memory for bodies. Nobody has more than half of it, and the last quarter is for those who have little:
// whoever fills his share, and be it with bodies that never come, keeps out nobody but himself.
type space struct {
	all   int64
	mu    sync.Mutex
	taken int64
	own   map[string]int64
	moved chan struct{} // closed when somebody left
}

func newSpace(all int64) *space {
	return &space{all: all, own: map[string]int64{}, moved: make(chan struct{})}
}

// take waits for so many bytes until ctx is done. The function gives them back.
func (s *space) take(ctx context.Context, who string, size int64) (func(), error) {
	if err := wait(ctx, func() (<-chan struct{}, bool) { return s.try(who, size) }); err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { s.give(who, size) }), nil
}

// calm waits until who has not more than his share. Those who have little never wait.
func (s *space) calm(ctx context.Context, who string) error {
	return wait(ctx, func() (<-chan struct{}, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		own := s.own[who]
		return s.moved, own <= s.all/8 || own <= s.all/2 && s.taken <= s.all-s.all/4
	})
}

func wait(ctx context.Context, try func() (<-chan struct{}, bool)) error {
	for {
		moved, ok := try()
		if ok {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *space) try(who string, size int64) (moved <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, own := s.taken+size, s.own[who]+size
	if taken > s.all || own > s.all/2 || taken > s.all-s.all/4 && own > s.all/8 {
		return s.moved, false
	}
	s.taken, s.own[who] = taken, own
	return nil, true
}

// add is take for bytes that are there already.
func (s *space) add(who string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken, s.own[who] = s.taken+size, s.own[who]+size
}

func (s *space) give(who string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken -= size
	if s.own[who] -= size; s.own[who] == 0 {
		delete(s.own, who)
	}
	close(s.moved)
	s.moved = make(chan struct{})
}

// room makes sure that bodies of callers who have proven nothing cannot fill the memory: a body that
// is not here yet waits until there is room for it. The room is to be left by the function given.
func (d *Door) room(ctx context.Context, x *exchange, who string, limit int64) (func(), error) {
	r := x.request
	if r.Body == nil || r.Length >= 0 && r.Length <= prefetch {
		return func() {}, nil
	}
	size := limit
	if r.Length >= 0 {
		size = min(size, r.Length)
	}
	return hold(ctx, d.bodies, who, size)
}

// keep makes sure that the bodies of one account's calls cannot fill the memory either.
func (d *Door) keep(ctx context.Context, x *exchange, account string) (err error) {
	if size := int64(len(x.request.Bytes)); size > prefetch {
		x.leave, err = hold(ctx, d.kept, account, size)
	}
	return err
}

func hold(ctx context.Context, s *space, who string, size int64) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, roomTime)
	defer cancel()
	leave, err := s.take(ctx, who, size)
	if err != nil {
		return nil, slowDown.New("Too many large requests at once. Please try again.")
	}
	return leave, nil
}

// from names who sends what nobody has proven yet.
func (x *exchange) from() string {
	o := &x.Caller.Origin
	return o.VPC + "/" + o.Source.String()
}

// turns are the calls that each account has in hand.
type turns struct{ accounts sync.Map }

// take waits for an account's turn. Who has no account waits for nobody.
func (t *turns) take(ctx context.Context, account string) (func(), error) {
	if account == "" {
		return func() {}, nil
	}
	v, ok := t.accounts.Load(account)
	if !ok {
		v, _ = t.accounts.LoadOrStore(account, make(chan struct{}, atOnce))
	}
	places := v.(chan struct{})
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// queues tells whether calls of a service wait their turn: those that read and change records, which is done one
// after another or few at once. Objects, layers of images, and what is handed on to a container or to another service, go by themselves.
func (x *exchange) queues() bool {
	m := x.service.Model
	return x.Call.Operation.New != nil && m.ID != "sagemakerruntime" && !m.Objects() && !(m.Registry() && wire.Streams(x.Call.Operation.Model))
}
