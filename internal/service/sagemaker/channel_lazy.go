package sagemaker

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	// lazyChunk is what is kept of an object, or not.
	lazyChunk = 4 << 20
	// lazyAhead is how many chunks of an object are brought at most before they are asked for by who reads one after
	// the other, lazyUnread how many of all objects, and lazyKept how many are kept.
	lazyAhead  = 8
	lazyUnread = 2 * lazyAhead
	lazyKept   = 3 * lazyAhead
	// lazyNear is how far chunks are from one another that one reader wants at a time: the kernel asks for several
	// pieces, in no order.
	lazyNear = 2
	// lazyStep is how often who waits for a chunk is told how far it is.
	lazyStep = 1 << 20
)

// lazy reads objects in chunks.
type lazy struct {
	client  *s3
	objects []member
	ahead   errgroup.Group // what is brought before it is asked for
	g       sync.WaitGroup // what was asked for

	mu     sync.Mutex
	kept   map[chunkAt]*chunk
	used   []chunkAt          // the chunks that are kept, the latest used last
	last   map[int]lazyReader // by object
	unread int                // chunks that nobody has asked for yet
}

// lazyReader is what is known of who reads an object: the chunk read last, and how many one after the other.
type lazyReader struct{ number, steps int }

// chunkAt is where a chunk is.
type chunkAt struct{ object, number int }

// chunk is one that is there, or on its way.
type chunk struct {
	b []byte
	// Of these the lock is lazy's: how much of it is there, what closes when there is more, why there will be no more,
	// who holds it, whether nobody has asked for it, and whether it is kept.
	filled int
	more   chan struct{}
	err    error
	users  int
	unread bool
	gone   bool
}

// errNotBrought is of a chunk that nobody had the time to bring before it was asked for.
var errNotBrought = errors.New("not brought")

// chunkRoom is room for chunks that is used again: fresh room is cleared first, and not in any cache.
var chunkRoom sync.Pool

func newLazy(c *s3, objects []member) *lazy {
	l := &lazy{client: c, objects: objects, kept: map[chunkAt]*chunk{}, last: map[int]lazyReader{}}
	l.ahead.SetLimit(lazyAhead)
	return l
}

// read gives n bytes of what an object holds from off on.
func (l *lazy) read(ctx context.Context, object int, off int64, n int) (pieces [][]byte, done func(), err error) {
	if off+int64(n) > l.objects[object].Size {
		return nil, nil, io.ErrUnexpectedEOF
	}
	var held []*chunk
	done = func() { l.release(held...) }
	for n > 0 {
		from := int(off % lazyChunk)
		to := min(from+n, lazyChunk)
		c, err := l.chunk(ctx, chunkAt{object, int(off / lazyChunk)}, to)
		if err != nil {
			done()
			return nil, nil, err
		}
		held, pieces = append(held, c), append(pieces, c.b[from:to])
		n, off = n-(to-from), off+int64(to-from)
	}
	return pieces, done, nil
}

// chunk gives a chunk of which so much is there; it is the caller's to release.
func (l *lazy) chunk(ctx context.Context, at chunkAt, to int) (*chunk, error) {
	for {
		c, mine, next := l.want(at)
		if len(next) > 0 && !l.ahead.TryGo(func() error { l.bring(ctx, next); return nil }) {
			l.drop(next, errNotBrought)
		}
		if mine { // who asked for less than all of it need not wait for the rest
			l.g.Go(func() { l.bring(ctx, []chunkOf{{at, c}}) })
		}
		err := l.await(ctx, c, to)
		if err == nil {
			return c, nil
		}
		l.release(c)
		if err != errNotBrought {
			return nil, transferred(download, err)
		}
	}
}

// await waits until so much of a chunk is there.
func (l *lazy) await(ctx context.Context, c *chunk, to int) error {
	for {
		l.mu.Lock()
		filled, err, more := c.filled, c.err, c.more
		l.mu.Unlock()
		if filled >= to || err != nil {
			return err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// chunkOf is a chunk and where it is.
type chunkOf struct {
	chunkAt
	*chunk
}

// want gives a chunk, held, and whether the caller is to have it brought, for which it is held once more. next are
// those that will be read next: they are to be brought too, in one piece.
func (l *lazy) want(at chunkAt) (c *chunk, mine bool, next []chunkOf) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, mine = l.reserve(at)
	if mine {
		c.users++
	}
	l.asked(c)
	was, known := l.last[at.object]
	now := lazyReader{number: at.number}
	switch {
	case known && at.number == was.number:
		now.steps = was.steps
	case known && at.number > was.number && at.number <= was.number+lazyNear:
		now.steps = was.steps + 1
	case known && at.number < was.number && at.number >= was.number-lazyNear:
		return c, mine, nil
	case at.number != 0:
		now.steps = -1
	}
	l.last[at.object] = now
	if now.steps < 0 {
		return c, mine, nil
	}
	// Who reads one after the other does not come back.
	for i := was.number; i <= at.number; i++ {
		l.forget(chunkAt{at.object, i - lazyNear - 1})
	}
	return c, mine, l.following(at, min(lazyAhead, 1<<min(now.steps, 8)))
}

// following reserves what comes behind a chunk, as far as ahead, if less than half of that is there.
func (l *lazy) following(at chunkAt, ahead int) (next []chunkOf) {
	i, end := at.number+1, min(at.number+ahead, int((l.objects[at.object].Size-1)/lazyChunk))
	for i <= end && l.kept[chunkAt{at.object, i}] != nil {
		i++
	}
	if i-1-at.number > ahead/2 {
		return nil
	}
	for ; i <= end && l.unread < lazyUnread && l.kept[chunkAt{at.object, i}] == nil; i++ {
		n := chunkAt{at.object, i}
		c, _ := l.reserve(n)
		c.unread = true
		l.unread++
		next = append(next, chunkOf{n, c})
	}
	return next
}

// asked is called with the lock held, as are the two above and below.
func (l *lazy) asked(c *chunk) {
	if c.unread {
		c.unread = false
		l.unread--
	}
}

// reserve gives a chunk, held, and whether the caller is to bring it.
func (l *lazy) reserve(at chunkAt) (c *chunk, mine bool) {
	if i := slices.Index(l.used, at); i >= 0 {
		l.used = slices.Delete(l.used, i, i+1)
	}
	l.used = append(l.used, at)
	if c = l.kept[at]; c == nil {
		mine, c = true, &chunk{more: make(chan struct{})}
		l.kept[at] = c
	}
	c.users++
	for len(l.used) > lazyKept {
		l.forget(l.used[0])
	}
	return c, mine
}

// forget keeps a chunk no longer. Who holds it still has it.
func (l *lazy) forget(at chunkAt) {
	if i := slices.Index(l.used, at); i >= 0 {
		l.used = slices.Delete(l.used, i, i+1)
	}
	c := l.kept[at]
	if c == nil {
		return
	}
	delete(l.kept, at)
	l.asked(c)
	if c.gone = true; c.users == 0 {
		c.free()
	}
}

// free gives its room back.
func (c *chunk) free() {
	if cap(c.b) == lazyChunk {
		chunkRoom.Put((*[lazyChunk]byte)(c.b[:lazyChunk]))
	}
	c.b = nil
}

func (l *lazy) release(all ...*chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range all {
		if c.users--; c.users == 0 && c.gone {
			c.free()
		}
	}
}

// bring brings chunks that follow one another, which are held for it. What could not be brought is not kept.
func (l *lazy) bring(ctx context.Context, all []chunkOf) {
	err := l.fill(ctx, all)
	if errors.Is(replaced(err), errReplaced) {
		err = fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s was replaced while it was read", l.objects[all[0].object].Key)
	}
	l.drop(all, err)
}

// fill reads chunks one after another and tells how far it is.
func (l *lazy) fill(ctx context.Context, all []chunkOf) error {
	o := l.objects[all[0].object]
	off, end := int64(all[0].number)*lazyChunk, min(o.Size, int64(all[len(all)-1].number+1)*lazyChunk)
	done, err := l.client.slot(ctx)
	if err != nil {
		return err
	}
	defer done()
	r, err := l.client.open(ctx, o.Bucket, o.Key, o.Tag, off, end)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, c := range all {
		b := room(min(lazyChunk, end-off))
		off += int64(len(b))
		l.grew(c.chunk, b, 0)
		for n := 0; n < len(b); {
			k, err := io.ReadFull(r, b[n:min(len(b), n+lazyStep)])
			if err != nil {
				return err
			}
			n += k
			l.grew(c.chunk, b, n)
		}
	}
	return nil
}

// grew says how much of a chunk is there.
func (l *lazy) grew(c *chunk, b []byte, filled int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.b, c.filled = b, filled
	close(c.more)
	c.more = make(chan struct{})
}

// room is that for a chunk of a size: small ones are made for it.
func room(size int64) []byte {
	if size <= lazyChunk/2 {
		return make([]byte, size)
	}
	if b, ok := chunkRoom.Get().(*[lazyChunk]byte); ok {
		return b[:size]
	}
	return make([]byte, size, lazyChunk)
}

// drop lets go of chunks, of which those are not kept, and say why, that are not whole.
func (l *lazy) drop(all []chunkOf, err error) {
	l.mu.Lock()
	for _, c := range all {
		if err != nil && (c.b == nil || c.filled < len(c.b)) {
			if l.kept[c.chunkAt] == c.chunk {
				l.forget(c.chunkAt)
			}
			c.err = err
			close(c.more)
			c.more = make(chan struct{})
		}
	}
	l.mu.Unlock()
	for _, c := range all {
		l.release(c.chunk)
	}
}

// wait waits until nothing is on its way any more.
func (l *lazy) wait() {
	l.ahead.Wait() //nolint:errcheck // it gives none
	l.g.Wait()
}
