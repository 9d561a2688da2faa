package sagemaker

import (
	"context"
	"os"
	"sync"
)

// growing is a file that is read while it is written, by somebody else and from the front.
type growing struct {
	f    *os.File
	mu   sync.Mutex
	more chan struct{} // closed when there is more
	size int64
	over bool
	err  error
}

func grow(f *os.File) *growing { return &growing{f: f, more: make(chan struct{})} }

// ReadAt is for bytes that are there.
func (g *growing) ReadAt(p []byte, off int64) (int, error) { return g.f.ReadAt(p, off) }

// Write adds bytes. Those who wait for them are woken.
func (g *growing) Write(p []byte) (int, error) {
	n, err := g.f.Write(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size += int64(n)
	g.wake()
	return n, err
}

// end says that all is there, or that the rest will never be.
func (g *growing) end(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over, g.err = true, err
	g.wake()
}

func (g *growing) wake() {
	close(g.more)
	g.more = make(chan struct{})
}

// upTo is origin's.
func (g *growing) upTo(ctx context.Context, n int64) (int64, error) {
	for {
		g.mu.Lock()
		size, over, err, more := g.size, g.over, g.err, g.more
		g.mu.Unlock()
		if size >= n || over {
			return min(size, n), err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}
