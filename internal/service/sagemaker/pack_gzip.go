package sagemaker

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	// gzipStored is the most that a stored block of DEFLATE holds, gzipHead what stands before one.
	gzipStored = 65535
	gzipHead   = 5
	// gzipBlock is what is compressed by itself.
	gzipBlock = 16 * gzipStored
	// gzipSample is how much of every eighth piece of a block is tried to see whether the rest is worth it.
	gzipSample = 4 << 10
)

// gzipWriter writes one gzip member whose blocks are compressed on all processors. Blocks that do not get
// smaller, such as weights, are stored as they are. It must be closed, also after an error.
type gzipWriter struct {
	ctx   context.Context
	work  *errgroup.Group // compresses
	out   *errgroup.Group // writes, in order
	queue chan chan *gzipSpace
	block *gzipSpace // being filled
	sum   uint32
	size  uint32
}

func newGzipWriter(ctx context.Context, to io.Writer) *gzipWriter {
	w := &gzipWriter{work: &errgroup.Group{}, block: newGzipSpace()}
	n := runtime.GOMAXPROCS(0)
	w.work.SetLimit(n)
	w.queue = make(chan chan *gzipSpace, n)
	w.out, w.ctx = errgroup.WithContext(ctx)
	w.out.Go(func() error {
		// No time and no name: the same files make the same archive.
		if _, err := to.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255}); err != nil {
			return err
		}
		for c := range w.queue {
			s := <-c
			if _, err := to.Write(s.out); err != nil {
				return err
			}
			s.free()
		}
		return nil
	})
	return w
}

func (w *gzipWriter) Write(p []byte) (int, error) {
	w.sum, w.size = crc32.Update(w.sum, crc32.IEEETable, p), w.size+uint32(len(p))
	for n := 0; n < len(p); {
		n += w.block.fill(p[n:])
		if w.block.n == gzipBlock {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
	}
	return len(p), nil
}

// flush hands a block over. Who writes may have failed.
func (w *gzipWriter) flush() error {
	block, done := w.block, make(chan *gzipSpace, 1)
	w.block = newGzipSpace()
	select {
	case w.queue <- done:
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
	w.work.Go(func() error { block.deflate(); done <- block; return nil })
	return nil
}

// Close writes what is left and the member's end.
func (w *gzipWriter) Close() error {
	err := context.Cause(w.ctx)
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		end := make(chan *gzipSpace, 1)
		tail := binary.LittleEndian.AppendUint32([]byte{3, 0}, w.sum) // an empty last block
		end <- &gzipSpace{out: binary.LittleEndian.AppendUint32(tail, w.size)}
		select {
		case w.queue <- end:
		case <-w.ctx.Done():
			err = context.Cause(w.ctx)
		}
	}
	w.block.free()
	close(w.queue)
	w.work.Wait() //nolint:errcheck // it gives none
	if failed := w.out.Wait(); failed != nil {
		return failed
	}
	return err
}

// gzipSpace holds a block, with room for the head of a stored one before each piece, so that what does not get
// smaller is there already in the form in which it is written.
type gzipSpace struct {
	raw  []byte // heads and pieces
	n    int    // bytes of the block
	flat *flate.Writer
	into bytes.Buffer
	out  []byte // what is to be written
}

// gzipSpaces are used again: they are large, and their compressors even larger.
var gzipSpaces sync.Pool

func newGzipSpace() *gzipSpace {
	if s, ok := gzipSpaces.Get().(*gzipSpace); ok {
		return s
	}
	return &gzipSpace{}
}

// free gives it back. Nobody may have it any more.
func (s *gzipSpace) free() {
	s.n, s.out = 0, nil
	if s.raw != nil {
		gzipSpaces.Put(s)
	}
}

// fill takes as much as fits.
func (s *gzipSpace) fill(p []byte) (n int) {
	for n < len(p) && s.n < gzipBlock {
		in := s.n % gzipStored
		k := min(len(p)-n, gzipStored-in)
		at := s.n/gzipStored*(gzipHead+gzipStored) + gzipHead + in
		if need := at + k; need > len(s.raw) {
			s.grow(need)
		}
		copy(s.raw[at:], p[n:n+k])
		n, s.n = n+k, s.n+k
	}
	return n
}

// grow makes room: little for little, as most that containers leave is.
func (s *gzipSpace) grow(need int) {
	const most = gzipBlock / gzipStored * (gzipHead + gzipStored)
	b := make([]byte, min(most, max(64<<10, 4*need)))
	copy(b, s.raw)
	s.raw = b
}

// pieces calls f with each piece and the room before it.
func (s *gzipSpace) pieces(f func(head, piece []byte)) {
	for left, at := s.n, 0; left > 0; left, at = left-gzipStored, at+gzipHead+gzipStored {
		f(s.raw[at:at+gzipHead], s.raw[at+gzipHead:at+gzipHead+min(left, gzipStored)])
	}
}

// deflate compresses the block so that others may follow it, or stores it.
func (s *gzipSpace) deflate() {
	if s.n > 4*gzipStored && !s.promising() {
		s.pieces(func(head, piece []byte) {
			head[0] = 0 // stored, and not the last
			binary.LittleEndian.PutUint16(head[1:], uint16(len(piece)))
			binary.LittleEndian.PutUint16(head[3:], ^uint16(len(piece)))
		})
		s.out = s.raw[:s.n+(s.n+gzipStored-1)/gzipStored*gzipHead]
		return
	}
	s.begin()
	s.pieces(func(_, piece []byte) { s.flat.Write(piece) }) //nolint:errcheck // it is memory
	s.flat.Flush()                                          //nolint:errcheck // it is memory
	s.out = s.into.Bytes()
}

// promising tells from samples whether the block gets smaller.
func (s *gzipSpace) promising() bool {
	s.begin()
	i, tried := 0, 0
	s.pieces(func(_, piece []byte) {
		if i++; i%8 == 1 {
			piece = piece[:min(len(piece), gzipSample)]
			s.flat.Write(piece) //nolint:errcheck // it is memory
			tried += len(piece)
		}
	})
	s.flat.Flush() //nolint:errcheck // it is memory
	return s.into.Len() <= tried*97/100
}

func (s *gzipSpace) begin() {
	s.into.Reset()
	if s.flat != nil {
		s.flat.Reset(&s.into)
		return
	}
	var err error
	if s.flat, err = flate.NewWriter(&s.into, flate.BestSpeed); err != nil {
		panic(err) // the level is ours
	}
}
