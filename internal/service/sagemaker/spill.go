package sagemaker

import (
	"errors"
	"io"
	"os"

	"cloister/internal/engine/batch"
)

const (
	// spills begins the names of what is too long for memory, and spillAt is how long that is.
	spills  = "answer-"
	spillAt = 1 << 20
)

// spill holds an answer: in memory, and from a length on in a file that the watch over the volume finds.
type spill struct {
	dir    string
	memory []byte
	file   *os.File
	last   byte
}

func (s *spill) Write(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.last = p[len(p)-1]
	if s.file == nil && len(s.memory)+len(p) <= spillAt {
		s.memory = append(s.memory, p...)
		return len(p), nil
	}
	if s.file == nil {
		if s.file, err = os.CreateTemp(s.dir, spills); err != nil {
			return 0, err
		}
		if _, err := s.file.Write(s.memory); err != nil {
			return 0, err
		}
		s.memory = nil
	}
	return s.file.Write(p)
}

// empty makes it as it was in the beginning.
func (s *spill) empty() error {
	f := s.file
	s.memory, s.file, s.last = nil, nil, 0
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// assemble adds the answer to an output and lets go of it.
func (s *spill) assemble(out io.Writer, lines bool) (err error) {
	defer func() { err = errors.Join(err, s.empty()) }()
	if s.file == nil {
		_, err := out.Write(batch.Assemble(nil, s.memory, lines))
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(out, s.file); err != nil {
		return err
	}
	if lines && s.last != '\n' {
		_, err = out.Write([]byte{'\n'})
	}
	return err
}
