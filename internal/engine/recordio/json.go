package recordio

import (
	"fmt"
	"io"
)

// A JSON example is {"features": F} or {"data": {"features": F}} where F is a list of numbers or
// {"values": [..], "keys": [..], "shape": [..]}. The body of a JSON request is
// {"instances": [example, ...]} or one example.

type jsonRows struct {
	scanner
	dst  []float32
	dim  int
	keys []int
}

func appendJSON(dst []float32, body []byte, dim int) ([]float32, error) {
	rows := jsonRows{scanner: scanner{data: body}, dst: dst, dim: dim}
	if err := rows.request(); err != nil {
		return nil, fmt.Errorf("JSON, byte %d: %w", rows.at, err)
	}
	if err := rows.end(); err != nil {
		return nil, fmt.Errorf("JSON, byte %d: %w", rows.at, err)
	}
	return rows.dst, nil
}

func appendJSONLines(dst []float32, next func() ([]byte, error), dim int) ([]float32, error) {
	rows := jsonRows{dst: dst, dim: dim}
	for line := 1; ; line++ {
		text, err := next()
		if err == io.EOF {
			return rows.dst, nil
		}
		rows.scanner = scanner{data: text}
		if err = rows.example(); err == nil {
			err = rows.end()
		}
		if err != nil {
			return nil, fmt.Errorf("JSON line %d, byte %d: %w", line, rows.at, err)
		}
	}
}

func (r *jsonRows) request() error {
	start, found := len(r.dst), false
	err := r.object(func(name []byte) error {
		switch string(name) {
		case "instances":
			found = true
			return r.array(r.example)
		case "features", "data":
			found = true
			return r.member(name)
		}
		return r.skip()
	})
	if err == nil && !found {
		return fmt.Errorf(`the request has no "instances"`)
	}
	if err == nil && (len(r.dst)-start)%r.dim != 0 {
		return columnsError((len(r.dst)-start)%r.dim, r.dim)
	}
	return err
}

func (r *jsonRows) example() error {
	start := len(r.dst)
	if err := r.object(r.member); err != nil {
		return err
	}
	if got := len(r.dst) - start; got != r.dim {
		return columnsError(got, r.dim)
	}
	return nil
}

// member reads one member of an example; "data" holds the same members one level down.
func (r *jsonRows) member(name []byte) error {
	switch string(name) {
	case "data":
		return r.object(func(inner []byte) error {
			if string(inner) == "features" {
				return r.features()
			}
			return r.skip()
		})
	case "features":
		return r.features()
	}
	return r.skip()
}

func (r *jsonRows) features() error {
	start := len(r.dst)
	if r.peek() == '[' {
		return r.numbers(start)
	}
	sparse := false
	r.keys = r.keys[:0]
	err := r.object(func(name []byte) error {
		switch string(name) {
		case "values":
			return r.numbers(start)
		case "keys":
			sparse = true
			return r.array(r.key)
		}
		return r.skip()
	})
	if err != nil || !sparse {
		return err
	}
	return r.spread(start)
}

func (r *jsonRows) numbers(start int) error {
	return r.array(func() error {
		value, err := r.number()
		if err != nil {
			return err
		}
		if len(r.dst)-start >= r.dim {
			return fmt.Errorf("the row has more than %d features, feature_dim is %d", r.dim, r.dim)
		}
		r.dst = append(r.dst, value)
		return nil
	})
}

func (r *jsonRows) key() error {
	value, err := r.number()
	if err != nil {
		return err
	}
	if value < 0 || int(value) >= r.dim || value != float32(int(value)) {
		return fmt.Errorf("sparse key %v is outside feature_dim %d", value, r.dim)
	}
	r.keys = append(r.keys, int(value))
	return nil
}

// spread turns the values read since start into a whole row, each at its key.
func (r *jsonRows) spread(start int) error {
	values := append([]float32(nil), r.dst[start:]...)
	if len(values) != len(r.keys) {
		return fmt.Errorf("the sparse tensor has %d keys and %d values", len(r.keys), len(values))
	}
	if start+r.dim > MaxValues {
		return errTooLarge
	}
	r.dst = append(r.dst[:start], make([]float32, r.dim)...)
	for i, key := range r.keys {
		r.dst[start+key] = values[i]
	}
	return nil
}
