package logs

import (
	"cmp"
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

// found is an event with where it stands.
type found struct {
	position, stream string
	*event
}

// filterLogEvents reads the events of many streams in order of time. Patterns are plain terms, all of
// which must occur; the JSON and column forms are refused.
func (s *Service) filterLogEvents(ctx context.Context, c *api.Call, in *shape.FilterLogEventsRequest) (*shape.FilterLogEventsResponse, error) {
	terms, err := pattern(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	limit := page
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	name := named(in.LogGroupName, in.LogGroupIdentifier)
	var all []found
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := findGroup(tx, c, name); err != nil {
			return err
		}
		sts, err := streams.All(tx, store.Prefix(c.Account(), name))
		if err != nil {
			return err
		}
		for _, st := range sts {
			if !wanted(st.Name, in) {
				continue
			}
			prefix := store.Prefix(c.Account(), name, st.Name)
			es, err := between(tx, prefix, in.StartTime, in.EndTime, true, "", -1)
			if err != nil {
				return err
			}
			for _, e := range es {
				if matches(e.Value.Text, terms) {
					all = append(all, found{strings.TrimPrefix(e.Key, prefix) + "/" + st.Name, st.Name, e.Value})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.position, b.position) })
	return cut(all, in.NextToken, limit), nil
}

// cut gives the page after a token, which is the position of the last event given.
func cut(all []found, token *string, limit int) *shape.FilterLogEventsResponse {
	out := &shape.FilterLogEventsResponse{SearchedLogStreams: []shape.SearchedLogStream{}}
	for i := range all {
		e := &all[i]
		if token != nil && e.position <= *token {
			continue
		}
		if len(out.Events) == limit {
			out.NextToken = new(all[i-1].position)
			break
		}
		out.Events = append(out.Events, shape.FilteredLogEvent{LogStreamName: &e.stream, Timestamp: &e.Time, Message: &e.Text,
			IngestionTime: &e.Ingested, EventId: new(e.position)})
	}
	return out
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
