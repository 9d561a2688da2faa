package logs

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/logs"
)

var _ = api.Define(operations, "FilterLogEvents", func(c *api.Call, in *shape.FilterLogEventsRequest) []api.Check {
	return onGroup(c, "FilterLogEvents", named(in.LogGroupName, in.LogGroupIdentifier))
}, (*Service).filterLogEvents)

// scan is how many events one call looks at; when a pattern is rare the page may be empty and the
// token leads on, as AWS's does.
const scan = 100_000

// searched is a stream that is read.
type searched struct {
	*reader
	name string
}

// filterLogEvents reads the events of many streams in order of time. Patterns are plain terms, all of
// which must occur; the JSON and column forms are refused. A token is the place of the last event
// that was looked at.
func (s *Service) filterLogEvents(ctx context.Context, c *api.Call, in *shape.FilterLogEventsRequest) (*shape.FilterLogEventsResponse, error) {
	terms, err := pattern(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	if in.NextToken != nil && (len(*in.NextToken) < 33 || (*in.NextToken)[32] != '/') {
		return nil, invalid.New("The specified nextToken is invalid.")
	}
	name := named(in.LogGroupName, in.LogGroupIdentifier)
	var out *shape.FilterLogEventsResponse
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := findGroup(tx, c, name); err != nil {
			return err
		}
		all, err := search(tx, c, name, in)
		if err == nil {
			out, err = collect(tx, all, in, terms)
		}
		return err
	})
	return out, err
}

// search opens the wanted streams behind the token.
func search(tx *store.Tx, c *api.Call, group string, in *shape.FilterLogEventsRequest) ([]searched, error) {
	sts, err := streams.All(tx, store.Prefix(c.Account(), group))
	if err != nil {
		return nil, err
	}
	var all []searched
	for _, st := range sts {
		if !wanted(st.Name, in) {
			continue
		}
		r := newReader(store.Prefix(c.Account(), group, st.Name), in.StartTime, in.EndTime)
		if in.NextToken != nil {
			at, last := (*in.NextToken)[:32], (*in.NextToken)[33:]
			after := r.prefix + at
			if st.Name <= last {
				after = store.After(after)
			}
			r.from = max(r.from, after)
		}
		all = append(all, searched{r, st.Name})
	}
	return all, nil
}

// collect merges the streams until the page is full or enough was looked at.
func collect(tx *store.Tx, all []searched, in *shape.FilterLogEventsRequest, terms []string) (*shape.FilterLogEventsResponse, error) {
	limit := page
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	out := &shape.FilterLogEventsResponse{Events: []shape.FilteredLogEvent{}, SearchedLogStreams: []shape.SearchedLogStream{}}
	last, size := "", 0
	for seen := 0; ; seen++ {
		from, place, err := first(tx, all)
		if err != nil {
			return nil, err
		}
		if from == nil {
			return out, nil
		}
		if len(out.Events) == limit || seen == scan || size >= pageBytes {
			out.NextToken = &last
			return out, nil
		}
		e, err := from.next(tx)
		if err != nil {
			return nil, err
		}
		last = place
		if matches(e.Value.Text, terms) {
			size += len(e.Value.Text) + overhead
			out.Events = append(out.Events, shape.FilteredLogEvent{LogStreamName: &from.name, Timestamp: &e.Value.Time,
				Message: &e.Value.Text, IngestionTime: &e.Value.Ingested, EventId: &place})
		}
	}
}

// first finds the stream whose next event is the earliest; nil when no stream has one left.
func first(tx *store.Tx, all []searched) (from *searched, place string, err error) {
	for i := range all {
		e, err := all[i].peek(tx)
		if err != nil {
			return nil, "", err
		}
		if e == nil {
			continue
		}
		if p := all[i].place(e, all[i].name); from == nil || p < place {
			from, place = &all[i], p
		}
	}
	return from, place, nil
}

func wanted(stream string, in *shape.FilterLogEventsRequest) bool {
	if len(in.LogStreamNames) > 0 {
		return slices.Contains(in.LogStreamNames, stream)
	}
	return in.LogStreamNamePrefix == nil || strings.HasPrefix(stream, *in.LogStreamNamePrefix)
}

// pattern splits plain terms; a quoted one may hold spaces.
func pattern(p *string) ([]string, error) {
	if p == nil {
		return nil, nil
	}
	rest := strings.TrimSpace(*p)
	var terms []string
	for rest != "" {
		if strings.ContainsAny(rest[:1], "{[?-%") {
			return nil, invalid.New("Invalid filter pattern: Cloister knows plain and quoted terms only.")
		}
		var term string
		if q, ok := strings.CutPrefix(rest, `"`); ok {
			if term, rest, ok = strings.Cut(q, `"`); !ok {
				return nil, invalid.New("Invalid filter pattern: a quote is not closed.")
			}
		} else {
			term, rest, _ = strings.Cut(rest, " ")
		}
		terms = append(terms, term)
		rest = strings.TrimSpace(rest)
	}
	return terms, nil
}

func matches(text string, terms []string) bool {
	for _, t := range terms {
		if !strings.Contains(text, t) {
			return false
		}
	}
	return true
}
