package logs

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/logs"
)

var _ = api.Define(operations, "GetLogEvents", func(c *api.Call, in *shape.GetLogEventsRequest) []api.Check {
	return onStream(c, "GetLogEvents", named(in.LogGroupName, in.LogGroupIdentifier), *in.LogStreamName)
}, (*Service).getLogEvents)

// page is what one call gives at most, in events; pageBytes is after how many bytes it ends.
const (
	page      = 10000
	pageBytes = 1 << 20
)

// getLogEvents reads a stream, forward from its head or backward from its end. A token is "f/" or
// "b/" and the position of the last event seen in that direction; at the end the same token comes back.
func (s *Service) getLogEvents(ctx context.Context, c *api.Call, in *shape.GetLogEventsRequest) (*shape.GetLogEventsResponse, error) {
	group := named(in.LogGroupName, in.LogGroupIdentifier)
	forward := in.StartFromHead != nil && *in.StartFromHead
	var at string
	if in.NextToken != nil {
		way, where, ok := strings.Cut(*in.NextToken, "/")
		if !ok || len(where) != 32 || way != "f" && way != "b" {
			return nil, invalid.New("The specified nextToken is invalid.")
		}
		forward, at = way == "f", where
	}
	limit := page
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	out := &shape.GetLogEventsResponse{Events: []shape.OutputLogEvent{}}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := findStream(tx, c, group, *in.LogStreamName); err != nil {
			return err
		}
		prefix := store.Prefix(c.Account(), group, *in.LogStreamName)
		all, err := between(tx, prefix, in.StartTime, in.EndTime, forward, at, limit)
		if err != nil {
			return err
		}
		for _, e := range all {
			out.Events = append(out.Events, shape.OutputLogEvent{Timestamp: &e.Value.Time, Message: &e.Value.Text, IngestionTime: &e.Value.Ingested})
		}
		first, last := at, at
		if n := len(all); n > 0 {
			first, last = strings.TrimPrefix(all[0].Key, prefix), strings.TrimPrefix(all[n-1].Key, prefix)
		} else if at == "" {
			first, last = position(0, 0), position(0, 0)
		}
		out.NextForwardToken, out.NextBackwardToken = new("f/"+last), new("b/"+first)
		return nil
	})
	return out, err
}

// between gives up to limit events of a stream in order of time: after position at when forward, the
// last ones before it (or before the end) when not.
func between(tx *store.Tx, prefix string, start, end *int64, forward bool, at string, limit int) ([]store.Entry[event], error) {
	r := newReader(prefix, start, end)
	if !forward {
		if at != "" {
			r.to = min(r.to, prefix+at)
		}
		return r.last(tx, limit)
	}
	if at != "" {
		r.from = max(r.from, store.After(prefix+at))
	}
	var all []store.Entry[event]
	for size := 0; len(all) < limit && size < pageBytes; {
		e, err := r.next(tx)
		if err != nil || e == nil {
			return all, err
		}
		all, size = append(all, *e), size+len(e.Value.Text)+overhead
	}
	return all, nil
}
