package ecr

import (
	"errors"
	"io"
)

// reader reads the open pieces of a layer one after another.
type reader struct{ open []io.ReadCloser }

func (r *reader) Read(p []byte) (int, error) {
	for len(r.open) > 0 {
		n, err := r.open[0].Read(p)
		if err == io.EOF {
			err = r.open[0].Close()
			r.open = r.open[1:]
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

func (r *reader) Close() error {
	var errs []error
	for _, f := range r.open {
		errs = append(errs, f.Close())
	}
	r.open = nil
	return errors.Join(errs...)
}
