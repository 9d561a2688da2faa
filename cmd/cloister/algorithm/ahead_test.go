package algorithm

import (
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// passes is a source of rows that can be read many times, and may break.
type passes struct {
	rows     []float32
	dim, at  int
	breaks   error // instead of the end
	restarts int
}

func (p *passes) Read(rows []float32) (int, error) {
	n := copy(rows[:len(rows)/p.dim*p.dim], p.rows[p.at:])
	if p.at += n; n > 0 {
		return n / p.dim, nil
	}
	if p.breaks != nil {
		return 0, p.breaks
	}
	return 0, io.EOF
}

func (p *passes) Restart() error {
	p.at = 0
	p.restarts++
	return nil
}

func TestReadingAheadGivesTheSameRows(t *testing.T) {
	broken := errors.New("broken")
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(1, 5).Draw(t, "dim")
		source := &passes{rows: make([]float32, dim*rapid.IntRange(0, 400).Draw(t, "rows")), dim: dim}
		for i := range source.rows {
			source.rows[i] = float32(i)
		}
		if rapid.Bool().Draw(t, "breaks") {
			source.breaks = broken
		}
		a := newAhead(source, dim)
		a.size = dim * rapid.IntRange(1, 50).Draw(t, "block")
		for range rapid.IntRange(1, 4).Draw(t, "passes") {
			var got []float32
			var err error
			for range rapid.IntRange(0, 40).Draw(t, "reads") {
				buffer := make([]float32, dim*rapid.IntRange(1, 100).Draw(t, "read"))
				var n int
				if n, err = a.Read(buffer); err != nil {
					break
				}
				got = append(got, buffer[:n*dim]...)
				if n*dim < len(buffer) && (len(got) != len(source.rows) || source.breaks != nil) {
					t.Fatalf("%d values where %d fit, after %d of %d", n*dim, len(buffer), len(got), len(source.rows))
				}
			}
			if !slices.Equal(got, source.rows[:len(got)]) {
				t.Fatal("other rows")
			}
			if err != nil && (err != source.breaks && source.breaks != nil || err == io.EOF && len(got) != len(source.rows)) {
				t.Fatalf("%v after %d of %d", err, len(got), len(source.rows))
			}
			if err := a.Restart(); err != nil {
				t.Fatal(err)
			}
		}
		if !a.end() {
			t.Fatal("the source is still in use")
		}
	})
}

// A pipe without a writer must not keep a failed run from ending.
func TestReadingAheadEndsBesideAReaderThatHangs(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	a := newAhead(hanging{hang}, 1)
	a.blocks, a.stop = make(chan block, aheadBlocks), make(chan struct{})
	go a.fill(a.blocks, a.stop)
	if a.end() {
		t.Error("it says that nobody reads any more")
	}
}

type hanging struct{ until chan struct{} }

func (h hanging) Read([]float32) (int, error) { <-h.until; return 0, io.EOF }
func (h hanging) Restart() error              { return nil }
