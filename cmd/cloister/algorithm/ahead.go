package algorithm

import (
	"io"
	"time"

	"cloister/internal/engine/kmeans"
)

const (
	aheadBlocks = 4
	aheadValues = 1 << 16 // of a block, or one row
)

// ahead reads a source while what it gave before is worked on: reading takes one core, and a third
// of the time.
type ahead struct {
	source kmeans.Source
	dim    int
	size   int // values of a block
	spare  chan []float32

	blocks chan block // of the pass begun; nil before
	stop   chan struct{}
	now    block
	last   error // that ended the pass
}

type block struct {
	rows []float32 // still to give
	all  []float32 // the memory
	err  error
}

func newAhead(source kmeans.Source, dim int) *ahead {
	a := &ahead{source: source, dim: dim, size: max(aheadValues/dim, 1) * dim, spare: make(chan []float32, aheadBlocks)}
	for range aheadBlocks {
		a.spare <- nil
	}
	return a
}

// fill reads until the pass ends or nobody wants more.
func (a *ahead) fill(blocks chan<- block, stop <-chan struct{}) {
	defer close(blocks)
	for {
		var memory []float32
		select {
		case memory = <-a.spare:
		case <-stop:
			return
		}
		if memory == nil {
			memory = make([]float32, a.size)
		}
		n, err := a.source.Read(memory)
		select {
		case blocks <- block{rows: memory[:n*a.dim], all: memory, err: err}:
		case <-stop:
			a.spare <- memory
			return
		}
		if err != nil {
			return
		}
	}
}

// Read gives rows that were read before, and begins a pass.
func (a *ahead) Read(rows []float32) (int, error) {
	if a.blocks == nil {
		a.blocks, a.stop = make(chan block, aheadBlocks), make(chan struct{})
		go a.fill(a.blocks, a.stop)
	}
	n := 0
	for n < len(rows) {
		if len(a.now.rows) > 0 {
			copied := copy(rows[n:], a.now.rows)
			n, a.now.rows = n+copied, a.now.rows[copied:]
			continue
		}
		if a.last != nil {
			break
		}
		a.release()
		a.now = <-a.blocks
		a.last = a.now.err
	}
	if a.last != nil && (n == 0 || a.last != io.EOF) {
		return 0, a.last
	}
	return n / a.dim, nil
}

func (a *ahead) release() {
	if a.now.all != nil {
		a.spare <- a.now.all
		a.now = block{}
	}
}

// Restart ends the pass wherever it is and begins the next.
func (a *ahead) Restart() error {
	if a.blocks != nil {
		close(a.stop)
		for b := range a.blocks {
			a.spare <- b.all
		}
		a.release()
		a.blocks, a.last = nil, nil
	}
	return a.source.Restart()
}

// end gives up reading, and tells whether nobody uses the source any more: a pipe to which nobody
// writes keeps its reader.
func (a *ahead) end() bool {
	if a.blocks == nil {
		return true
	}
	close(a.stop)
	patience := time.After(time.Second)
	for {
		select {
		case _, more := <-a.blocks:
			if !more {
				a.blocks = nil
				return true
			}
		case <-patience:
			return false
		}
	}
}
