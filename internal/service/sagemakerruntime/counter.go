package sagemakerruntime

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// counted names what is counted: a variant outlives the routes to it.
type counted struct{ account, endpoint, variant string }

// counter holds sums since the process began.
type counter struct {
	invocations, errors4xx, errors5xx atomic.Int64
	model, overhead                   atomic.Int64 // nanoseconds
}

// Count is what one variant was asked for since the process began.
type Count struct {
	Account, Endpoint, Variant string
	Invocations                int64
	// Errors4XX and Errors5XX are those of the model, by the class of its answer.
	Errors4XX, Errors5XX int64
	// Model is the time that containers took, all invocations together; Overhead the rest of it.
	Model, Overhead time.Duration
}

// Counts gives the sums of every variant that ever had traffic, in order of their names.
func (s *Service) Counts() []Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Count
	for k, c := range s.counters {
		out = append(out, Count{
			Account: k.account, Endpoint: k.endpoint, Variant: k.variant, Invocations: c.invocations.Load(),
			Errors4XX: c.errors4xx.Load(), Errors5XX: c.errors5xx.Load(),
			Model: time.Duration(c.model.Load()), Overhead: time.Duration(c.overhead.Load()),
		})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Variant, b.Variant))
	})
	return out
}

// counter gives the counter of a variant; the lock is held.
func (s *Service) counter(k counted) *counter {
	c := s.counters[k]
	if c == nil {
		c = &counter{}
		s.counters[k] = c
	}
	return c
}
