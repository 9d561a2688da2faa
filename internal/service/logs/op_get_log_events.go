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

// page is what one call gives at most.
const page = 10000

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
	out := new(shape.GetLogEventsResponse)
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
	from, most := prefix, -1
	if start != nil {
		from = prefix + position(max(*start, 0), 0)
	}
	if forward {
		if at != "" {
			from = max(from, store.After(prefix+at))
		}
		most = limit
	}
	all, err := events.From(tx, prefix, from, most)
	if err != nil {
		return nil, err
	}
	if end != nil {
		all = until(all, func(e store.Entry[event]) bool { return e.Value.Time < *end })
	}
	if forward {
		return all, nil
	}
	if at != "" {
		all = until(all, func(e store.Entry[event]) bool { return e.Key < prefix+at })
	}
	return all[max(0, len(all)-limit):], nil
}

// until gives the head of a list for which f holds.
func until[T any](all []T, f func(T) bool) []T {
	for i, v := range all {
		if !f(v) {
			return all[:i]
		}
	}
	return all
}
