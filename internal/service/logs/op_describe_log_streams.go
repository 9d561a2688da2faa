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

var _ = api.Define(operations, "DescribeLogStreams", func(c *api.Call, in *shape.DescribeLogStreamsRequest) []api.Check {
	return onGroup(c, "DescribeLogStreams", named(in.LogGroupName, in.LogGroupIdentifier))
}, (*Service).describeLogStreams)

// describeLogStreams lists the streams of a group by name or by the time of their last event.
func (s *Service) describeLogStreams(ctx context.Context, c *api.Call, in *shape.DescribeLogStreamsRequest) (*shape.DescribeLogStreamsResponse, error) {
	name := named(in.LogGroupName, in.LogGroupIdentifier)
	byTime := in.OrderBy != nil && *in.OrderBy == "LastEventTime"
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid.New("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	var all []*stream
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if _, err := findGroup(tx, c, name); err != nil {
			return err
		}
		all, err = streams.All(tx, store.Prefix(c.Account(), name))
		return err
	})
	if err != nil {
		return nil, err
	}
	if byTime {
		slices.SortStableFunc(all, func(a, b *stream) int { return cmp.Compare(a.Last, b.Last) })
	}
	if in.Descending != nil && *in.Descending {
		slices.Reverse(all)
	}
	return streamPage(c, all, in), nil
}

// streamPage gives the streams after the one that the token names.
func streamPage(c *api.Call, all []*stream, in *shape.DescribeLogStreamsRequest) *shape.DescribeLogStreamsResponse {
	if in.NextToken != nil {
		at := slices.IndexFunc(all, func(st *stream) bool { return st.Name == *in.NextToken })
		all = all[at+1:]
	}
	limit := 50
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	out := &shape.DescribeLogStreamsResponse{LogStreams: []shape.LogStream{}}
	for _, st := range all {
		if in.LogStreamNamePrefix != nil && !strings.HasPrefix(st.Name, *in.LogStreamNamePrefix) {
			continue
		}
		if len(out.LogStreams) == limit {
			out.NextToken = out.LogStreams[limit-1].LogStreamName
			break
		}
		out.LogStreams = append(out.LogStreams, st.shape(c))
	}
	return out
}

func (st *stream) shape(c *api.Call) shape.LogStream {
	v := shape.LogStream{LogStreamName: &st.Name, CreationTime: &st.Created, StoredBytes: new(int64(0)),
		Arn: new(c.ARN("logs", "log-group:"+st.Group+":log-stream:"+st.Name))}
	if st.Next > 0 {
		v.FirstEventTimestamp, v.LastEventTimestamp, v.LastIngestionTime = &st.First, &st.Last, &st.Ingested
		v.UploadSequenceToken = new(position(st.Last, st.Next))
	}
	return v
}
