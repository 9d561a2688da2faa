package ecr

import (
	"errors"
	"io"
)

// reader reads the pieces of a layer one after another: those that are open, and then those that are not yet.
type reader struct {
	open  []io.ReadCloser
	later []func() (io.ReadCloser, error)
}

func (r *reader) Read(p []byte) (int, error) {
	for {
		if len(r.open) == 0 && len(r.later) > 0 {
			f, err := r.later[0]()
			if err != nil {
				return 0, err
			}
			r.open, r.later = append(r.open, f), r.later[1:]
		}
		if len(r.open) == 0 {
			return 0, io.EOF
		}
		n, err := r.open[0].Read(p)
		if err == io.EOF {
			err = r.open[0].Close()
			r.open = r.open[1:]
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (r *reader) Close() error {
	var errs []error
	for _, f := range r.open {
		errs = append(errs, f.Close())
	}
	r.open, r.later = nil, nil
	return errors.Join(errs...)
}
