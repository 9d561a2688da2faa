package logs

import (
	"context"
	"fmt"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/logs"
)

var _ = api.Define(operations, "PutLogEvents", func(c *api.Call, in *shape.PutLogEventsRequest) []api.Check {
	return onStream(c, "PutLogEvents", *in.LogGroupName, *in.LogStreamName)
}, (*Service).putLogEvents)

// The limits of one call (CloudWatch Logs quotas).
const (
	maxBatch  = 1 << 20 // bytes, each event counting 26 more
	overhead  = 26
	tooNew    = 2 * time.Hour
	tooOld    = 14 * 24 * time.Hour
	spanLimit = 24 * time.Hour
)

// putLogEvents appends events to a stream; those too old or too new are told and left out.
func (s *Service) putLogEvents(ctx context.Context, c *api.Call, in *shape.PutLogEventsRequest) (*shape.PutLogEventsResponse, error) {
	if err := orderly(in.LogEvents); err != nil {
		return nil, err
	}
	out := new(shape.PutLogEventsResponse)
	err := s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		st, err := findStream(tx, c, *in.LogGroupName, *in.LogStreamName)
		if err != nil {
			return err
		}
		from, to := window(in.LogEvents, tx.Now)
		out.RejectedLogEventsInfo = rejected(from, to, len(in.LogEvents))
		prefix := store.Prefix(c.Account(), st.Group, st.Name)
		for _, e := range in.LogEvents[from:to] {
			st.take(*e.Timestamp, len(*e.Message), tx.Now.UnixMilli())
			if err := events.Put(tx, prefix+position(*e.Timestamp, st.Next), &event{*e.Timestamp, st.Ingested, *e.Message}); err != nil {
				return err
			}
		}
		out.NextSequenceToken = new(fmt.Sprintf("%056d", st.Next))
		return streams.Put(tx, store.Key(c.Account(), st.Group, st.Name), st)
	})
	return out, err
}

// take counts one more event.
func (st *stream) take(at int64, size int, now int64) {
	if st.Next == 0 || at < st.First {
		st.First = at
	}
	st.Last, st.Ingested = max(st.Last, at), now
	st.Bytes += int64(size + overhead)
	st.Next++
}

// orderly checks what holds for the batch as a whole.
func orderly(batch []shape.InputLogEvent) error {
	size := 0
	for i, e := range batch {
		size += len(*e.Message) + overhead
		if i > 0 && *e.Timestamp < *batch[i-1].Timestamp {
			return invalid.New("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if size > maxBatch {
		return invalid.New("Upload too large: %d bytes exceeds limit of %d", size, maxBatch)
	}
	if span := *batch[len(batch)-1].Timestamp - *batch[0].Timestamp; span > spanLimit.Milliseconds() {
		return invalid.New("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// window gives the part of an ordered batch that is neither too old nor too new.
func window(batch []shape.InputLogEvent, now time.Time) (from, to int) {
	oldest, newest := now.Add(-tooOld).UnixMilli(), now.Add(tooNew).UnixMilli()
	for from < len(batch) && *batch[from].Timestamp < oldest {
		from++
	}
	to = len(batch)
	for to > from && *batch[to-1].Timestamp > newest {
		to--
	}
	return from, to
}

func rejected(from, to, n int) *shape.RejectedLogEventsInfo {
	if from == 0 && to == n {
		return nil
	}
	r := new(shape.RejectedLogEventsInfo)
	if from > 0 {
		r.TooOldLogEventEndIndex = new(int32(from))
	}
	if to < n {
		r.TooNewLogEventStartIndex = new(int32(to))
	}
	return r
}

// position sorts as time and then number do.
func position(at, number int64) string { return fmt.Sprintf("%020d%012d", at, number) }
