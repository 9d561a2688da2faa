package sagemaker

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"
)

const (
	gzipBlock = 1 << 20
	// gzipSample is how much of a block is tried to see whether the rest is worth it.
	gzipSample = 64 << 10
)

// gzipWriter writes one gzip member whose blocks are compressed on all processors. Blocks that do not get
// smaller, such as weights, are stored as they are. It must be closed, also after an error.
type gzipWriter struct {
	ctx   context.Context
	work  *errgroup.Group // compresses
	out   *errgroup.Group // writes, in order
	queue chan chan []byte
	block []byte
	sum   uint32
	size  uint32
}

func newGzipWriter(ctx context.Context, to io.Writer) *gzipWriter {
	w := &gzipWriter{work: &errgroup.Group{}, block: make([]byte, 0, gzipBlock)}
	n := runtime.GOMAXPROCS(0)
	w.work.SetLimit(n)
	w.queue = make(chan chan []byte, n)
	w.out, w.ctx = errgroup.WithContext(ctx)
	w.out.Go(func() error {
		// No time and no name: the same files make the same archive.
		if _, err := to.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255}); err != nil {
			return err
		}
		for c := range w.queue {
			if _, err := to.Write(<-c); err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

func (w *gzipWriter) Write(p []byte) (int, error) {
	w.sum, w.size = crc32.Update(w.sum, crc32.IEEETable, p), w.size+uint32(len(p))
	for n := 0; n < len(p); {
		k := min(len(p)-n, gzipBlock-len(w.block))
		w.block = append(w.block, p[n:n+k]...)
		n += k
		if len(w.block) == gzipBlock {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
	}
	return len(p), nil
}

// flush hands a block over. Who writes may have failed.
func (w *gzipWriter) flush() error {
	block, done := w.block, make(chan []byte, 1)
	w.block = make([]byte, 0, gzipBlock)
	select {
	case w.queue <- done:
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
	w.work.Go(func() error { done <- deflate(block); return nil })
	return nil
}

// Close writes what is left and the member's end.
func (w *gzipWriter) Close() error {
	err := context.Cause(w.ctx)
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		end := make(chan []byte, 1)
		tail := binary.LittleEndian.AppendUint32([]byte{3, 0}, w.sum) // an empty last block
		end <- binary.LittleEndian.AppendUint32(tail, w.size)
		select {
		case w.queue <- end:
		case <-w.ctx.Done():
			err = context.Cause(w.ctx)
		}
	}
	close(w.queue)
	w.work.Wait() //nolint:errcheck // it gives none
	if failed := w.out.Wait(); failed != nil {
		return failed
	}
	return err
}

// deflate compresses a block so that others may follow it.
func deflate(block []byte) []byte {
	var b bytes.Buffer
	level := flate.BestSpeed
	if len(block) > gzipSample {
		compress(&b, level, block[:gzipSample])
		if b.Len() > gzipSample*97/100 {
			level = flate.NoCompression
		}
		b.Reset()
	}
	compress(&b, level, block)
	return b.Bytes()
}

func compress(b *bytes.Buffer, level int, block []byte) {
	z, err := flate.NewWriter(b, level)
	if err != nil {
		panic(err) // the level is ours
	}
	z.Write(block) //nolint:errcheck // it is memory
	z.Flush()      //nolint:errcheck // it is memory
}
