package logs

import (
	"slices"
	"strings"

	"cloister/internal/machine/store"
)

// chunk is how many events are read at a time: a stream may have millions, of a quarter of a
// megabyte each, and no call may hold more than its page of them.
const chunk = 100

// reader goes through the events of one stream between two keys.
type reader struct {
	prefix, from, to string
	ahead            []store.Entry[event]
	over             bool
}

// newReader reads from start up to but without end, both times in ms or nil.
func newReader(prefix string, start, end *int64) *reader {
	r := &reader{prefix: prefix, from: prefix, to: store.AfterPrefix(prefix)}
	if start != nil {
		r.from = prefix + position(max(*start, 0), 0)
	}
	if end != nil {
		r.to = prefix + position(max(*end, 0), 0)
	}
	return r
}

// peek gives the next event without taking it; nil when there is none.
func (r *reader) peek(tx *store.Tx) (*store.Entry[event], error) {
	if len(r.ahead) == 0 && !r.over {
		some, err := events.From(tx, r.prefix, r.from, chunk)
		if err != nil {
			return nil, err
		}
		r.over = len(some) < chunk
		for i, e := range some {
			if e.Key >= r.to {
				some, r.over = some[:i], true
				break
			}
		}
		if n := len(some); n > 0 {
			r.from = store.After(some[n-1].Key)
		}
		r.ahead = some
	}
	if len(r.ahead) == 0 {
		return nil, nil
	}
	return &r.ahead[0], nil
}

// next takes the next event; nil when there is none.
func (r *reader) next(tx *store.Tx) (*store.Entry[event], error) {
	e, err := r.peek(tx)
	if e != nil {
		r.ahead = r.ahead[1:]
	}
	return e, err
}

// last gives the last events before r.to that fit one page, in order of time.
func (r *reader) last(tx *store.Tx, limit int) ([]store.Entry[event], error) {
	var all []store.Entry[event]
	for size := 0; len(all) < limit && size < pageBytes; {
		some, err := events.Last(tx, r.prefix, r.from, r.to, min(chunk, limit-len(all)))
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			if size >= pageBytes {
				break
			}
			all, size, r.to = append(all, e), size+len(e.Value.Text)+overhead, e.Key
		}
		if len(some) == 0 {
			break
		}
	}
	slices.Reverse(all)
	return all, nil
}

// place is where an event stands among those of all streams of a group: by time, then number, then
// the stream's name.
func (r *reader) place(e *store.Entry[event], stream string) string {
	return strings.TrimPrefix(e.Key, r.prefix) + "/" + stream
}
