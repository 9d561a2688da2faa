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
	// lazyChunk is what is brought of an object at a time when somebody reads in it.
	lazyChunk = 4 << 20
	// lazyAhead is how many chunks are brought before they are asked for by who reads one after the other, and
	// lazyKept how many are kept.
	lazyAhead = transfers
	lazyKept  = 3 * lazyAhead
)

// lazy reads objects in chunks.
type lazy struct {
	client  *s3
	objects []member
	ahead   errgroup.Group

	mu   sync.Mutex
	kept map[chunkAt]*chunk
	used []chunkAt   // the chunks that are kept, the latest used last
	last map[int]int // by object, the chunk read last
}

// chunkAt is where a chunk is.
type chunkAt struct{ object, number int }

// chunk is one that is there, or on its way.
type chunk struct {
	there chan struct{}
	b     []byte
	err   error
}

// errNotBrought is of a chunk that nobody had the time to bring before it was asked for.
var errNotBrought = errors.New("not brought")

func newLazy(c *s3, objects []member) *lazy {
	l := &lazy{client: c, objects: objects, kept: map[chunkAt]*chunk{}, last: map[int]int{}}
	l.ahead.SetLimit(lazyAhead)
	return l
}

// read fills p with what an object holds from off on.
func (l *lazy) read(ctx context.Context, object int, off int64, p []byte) error {
	for len(p) > 0 {
		at := chunkAt{object, int(off / lazyChunk)}
		c, mine, more := l.want(at)
		for _, next := range more {
			if c, mine := l.reserve(next); mine && !l.ahead.TryGo(func() error { l.bring(ctx, next, c); return nil }) {
				l.drop(next, c, errNotBrought)
			}
		}
		if mine {
			l.bring(ctx, at, c)
		}
		select {
		case <-c.there:
		case <-ctx.Done():
			return ctx.Err()
		}
		if c.err == errNotBrought {
			continue
		}
		if c.err != nil {
			return transferred(download, c.err)
		}
		n := copy(p, c.b[min(int64(len(c.b)), off%lazyChunk):])
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// want gives a chunk, and whether the caller is to bring it. more are those that will be read next.
func (l *lazy) want(at chunkAt) (c *chunk, mine bool, more []chunkAt) {
	c, mine = l.reserve(at)
	l.mu.Lock()
	defer l.mu.Unlock()
	before, known := l.last[at.object]
	if l.last[at.object] = at.number; at.number != 0 && (!known || at.number != before && at.number != before+1) {
		return c, mine, nil
	}
	for i := at.number + 1; i <= at.number+lazyAhead && int64(i)*lazyChunk < l.objects[at.object].Size; i++ {
		if next := (chunkAt{at.object, i}); l.kept[next] == nil {
			more = append(more, next)
		}
	}
	return c, mine, more
}

// reserve gives a chunk, and whether the caller is to bring it.
func (l *lazy) reserve(at chunkAt) (c *chunk, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.used, at); i >= 0 {
		l.used = slices.Delete(l.used, i, i+1)
	}
	l.used = append(l.used, at)
	if c = l.kept[at]; c == nil {
		mine, c = true, &chunk{there: make(chan struct{})}
		l.kept[at] = c
	}
	for len(l.used) > lazyKept {
		delete(l.kept, l.used[0])
		l.used = l.used[1:]
	}
	return c, mine
}

// bring brings a chunk. What could not be brought is not kept.
func (l *lazy) bring(ctx context.Context, at chunkAt, c *chunk) {
	o := l.objects[at.object]
	off := int64(at.number) * lazyChunk
	b := make([]byte, min(lazyChunk, o.Size-off))
	err := func() error {
		done, err := l.client.slot(ctx)
		if err != nil {
			return err
		}
		defer done()
		r, err := l.client.open(ctx, o.Bucket, o.Key, o.Tag, off, off+int64(len(b)))
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.ReadFull(r, b)
		return err
	}()
	if errors.Is(replaced(err), errReplaced) {
		err = fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s was replaced while it was read", o.Key)
	}
	if err != nil {
		l.drop(at, c, err)
		return
	}
	c.b = b
	close(c.there)
}

func (l *lazy) drop(at chunkAt, c *chunk, err error) {
	l.mu.Lock()
	if l.kept[at] == c {
		delete(l.kept, at)
	}
	l.mu.Unlock()
	c.err = err
	close(c.there)
}
