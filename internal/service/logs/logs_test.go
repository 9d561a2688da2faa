package logs_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/door/doortest"
)

// events is the answer of the operations that read.
type events struct {
	Events []struct {
		Timestamp, IngestionTime int64
		Message, LogStreamName   string
	}
	NextForwardToken, NextBackwardToken, NextToken string
}

func (e events) messages() (out []string) {
	for _, x := range e.Events {
		out = append(out, x.Message)
	}
	return out
}

type client struct {
	*doortest.Client
	t *testing.T
}

// call makes a request of a Go value and reads the answer into another.
func (c client) call(op string, in map[string]any, out any) *doortest.Answer {
	c.t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	a := c.Call("logs", op, string(b))
	if out != nil {
		a.Good(c.t).JSON(c.t, out)
	}
	return a
}

func (c client) put(group, stream string, at int64, messages ...string) *doortest.Answer {
	c.t.Helper()
	var list []map[string]any
	for i, m := range messages {
		list = append(list, map[string]any{"timestamp": at + int64(i), "message": m})
	}
	return c.call("PutLogEvents", map[string]any{"logGroupName": group, "logStreamName": stream, "logEvents": list}, nil)
}

func start(t *testing.T) (*doortest.House, client) {
	h := doortest.Open(t)
	c := client{h.As(t, h.Root), t}
	c.call("CreateLogGroup", map[string]any{"logGroupName": "/g"}, nil).Good(t)
	c.call("CreateLogStream", map[string]any{"logGroupName": "/g", "logStreamName": "s"}, nil).Good(t)
	return h, c
}

func TestWhatGoesInComesOutOnceInOrderAlsoAfterARestart(t *testing.T) {
	h, c := start(t)
	now := h.Now().UnixMilli()
	c.put("/g", "s", now, "three", "four").Good(t)
	c.put("/g", "s", now-1000, "one", "two").Good(t) // an earlier batch that comes later
	c.put("/g", "s", now, "beside three").Good(t)
	want := []string{"one", "two", "three", "beside three", "four"}
	for range 2 {
		var got events
		c.call("GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "startFromHead": true}, &got)
		if !slices.Equal(got.messages(), want) || got.Events[0].Timestamp != now-1000 || got.Events[0].IngestionTime < now {
			t.Errorf("%+v", got)
		}
		var described struct {
			LogStreams []struct {
				LogStreamName, Arn                                         string
				FirstEventTimestamp, LastEventTimestamp, LastIngestionTime int64
			}
		}
		c.call("DescribeLogStreams", map[string]any{"logGroupName": "/g"}, &described)
		if d := described.LogStreams; len(d) != 1 || d[0].FirstEventTimestamp != now-1000 || d[0].LastEventTimestamp != now+1 ||
			d[0].Arn != "arn:aws:logs:us-east-1:111122223333:log-group:/g:log-stream:s" {
			t.Errorf("%+v", d)
		}
		h.Restart()
		c = client{h.As(t, h.Root), t}
	}
}

func TestReadingInPagesSeesEveryEventOnce(t *testing.T) {
	h, c := start(t)
	now := h.Now().UnixMilli()
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("m%02d", i))
	}
	c.put("/g", "s", now, want...).Good(t)
	read := func(token string, forward bool) (got []string) {
		for range 10 {
			in := map[string]any{"logGroupName": "/g", "logStreamName": "s", "startFromHead": forward, "limit": 10}
			if token != "" {
				in["nextToken"] = token
			}
			var page events
			c.call("GetLogEvents", in, &page)
			next := page.NextForwardToken
			if forward {
				got = append(got, page.messages()...)
			} else {
				next = page.NextBackwardToken
				got = append(page.messages(), got...)
			}
			if next == token {
				return got // the same token again says that this is the end
			}
			token = next
		}
		t.Error("no end")
		return got
	}
	if got := read("", true); !slices.Equal(got, want) {
		t.Errorf("forward: %v", got)
	}
	if got := read("", false); !slices.Equal(got, want) {
		t.Errorf("backward: %v", got)
	}
	// A reader that waits at the end sees what comes.
	var page, more events
	c.call("GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "startFromHead": true}, &page)
	c.put("/g", "s", now+100, "late").Good(t)
	c.call("GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "nextToken": page.NextForwardToken}, &more)
	if !slices.Equal(more.messages(), []string{"late"}) {
		t.Errorf("then %v", more.messages())
	}
	c.call("GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "nextToken": "x/1"}, nil).
		Fault(t, 400, "InvalidParameterException", "The specified nextToken is invalid.")
	var some events
	c.call("GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "startTime": now + 3, "endTime": now + 6, "startFromHead": true}, &some)
	if !slices.Equal(some.messages(), want[3:6]) {
		t.Errorf("between: %v", some.messages())
	}
}

func TestFilterReadsManyStreamsInOrderOfTime(t *testing.T) {
	h, c := start(t)
	now := h.Now().UnixMilli()
	c.call("CreateLogStream", map[string]any{"logGroupName": "/g", "logStreamName": "s2"}, nil).Good(t)
	c.call("CreateLogStream", map[string]any{"logGroupName": "/g", "logStreamName": "t"}, nil).Good(t)
	c.put("/g", "s", now, "loss 1", "accuracy 2").Good(t)
	c.put("/g", "s2", now+1, "loss 3").Good(t)
	c.put("/g", "t", now-5, "say \"loss 1\" again").Good(t)
	for name, x := range map[string]struct {
		in   map[string]any
		want []string
	}{
		"all":     {map[string]any{}, []string{"say \"loss 1\" again", "loss 1", "accuracy 2", "loss 3"}},
		"term":    {map[string]any{"filterPattern": "loss"}, []string{"say \"loss 1\" again", "loss 1", "loss 3"}},
		"terms":   {map[string]any{"filterPattern": "1 loss"}, []string{"say \"loss 1\" again", "loss 1"}},
		"quoted":  {map[string]any{"filterPattern": `"loss 3"`}, []string{"loss 3"}},
		"prefix":  {map[string]any{"logStreamNamePrefix": "s"}, []string{"loss 1", "accuracy 2", "loss 3"}},
		"streams": {map[string]any{"logStreamNames": []string{"s2", "t"}}, []string{"say \"loss 1\" again", "loss 3"}},
		"from":    {map[string]any{"startTime": now + 1}, []string{"accuracy 2", "loss 3"}},
		"none":    {map[string]any{"filterPattern": "absent"}, nil},
	} {
		x.in["logGroupName"] = "/g"
		x.in["limit"] = 2
		var got []string
		for {
			var page events
			c.call("FilterLogEvents", x.in, &page)
			got = append(got, page.messages()...)
			if page.NextToken == "" || len(got) > 10 {
				break
			}
			x.in["nextToken"] = page.NextToken
		}
		if name == "all" || name == "from" || name == "prefix" { // two of one time come in either order
			slices.Sort(got)
			slices.Sort(x.want)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
	if a := c.call("FilterLogEvents", map[string]any{"logGroupName": "/g", "filterPattern": "{ $.x = 1 }"}, nil); a.Code != "InvalidParameterException" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestWhatLogsRefuses(t *testing.T) {
	h, c := start(t)
	now := h.Now().UnixMilli()
	event := func(at int64, text string) map[string]any { return map[string]any{"timestamp": at, "message": text} }
	put := func(list ...map[string]any) map[string]any {
		return map[string]any{"logGroupName": "/g", "logStreamName": "s", "logEvents": list}
	}
	for name, x := range map[string]struct {
		op         string
		in         map[string]any
		code, text string
	}{
		"group twice":      {"CreateLogGroup", map[string]any{"logGroupName": "/g"}, "ResourceAlreadyExistsException", "The specified log group already exists"},
		"stream twice":     {"CreateLogStream", map[string]any{"logGroupName": "/g", "logStreamName": "s"}, "ResourceAlreadyExistsException", "The specified log stream already exists"},
		"stream, no group": {"CreateLogStream", map[string]any{"logGroupName": "/none", "logStreamName": "s"}, "ResourceNotFoundException", "The specified log group does not exist."},
		"no group":         {"DeleteLogGroup", map[string]any{"logGroupName": "/none"}, "ResourceNotFoundException", "The specified log group does not exist."},
		"no stream":        {"DeleteLogStream", map[string]any{"logGroupName": "/g", "logStreamName": "none"}, "ResourceNotFoundException", "The specified log stream does not exist."},
		"read nothing":     {"GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "none"}, "ResourceNotFoundException", "The specified log stream does not exist."},
		"put nowhere":      {"PutLogEvents", map[string]any{"logGroupName": "/none", "logStreamName": "s", "logEvents": []any{event(now, "m")}}, "ResourceNotFoundException", "The specified log group does not exist."},
		"not in order":     {"PutLogEvents", put(event(now, "b"), event(now-1, "a")), "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order."},
		"more than a day":  {"PutLogEvents", put(event(now-86400001, "a"), event(now, "b")), "InvalidParameterException", "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."},
		"too much":         {"PutLogEvents", put(event(now, strings.Repeat("x", 1<<19)), event(now, strings.Repeat("x", 1<<19-51))), "InvalidParameterException", "Upload too large: 1048577 bytes exceeds limit of 1048576"},
		"limit":            {"GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "limit": 10001}, "InvalidParameterException", "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"},
		"prefix, pattern":  {"DescribeLogGroups", map[string]any{"logGroupNamePrefix": "/", "logGroupNamePattern": "g"}, "InvalidParameterException", "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."},
		"time and prefix":  {"DescribeLogStreams", map[string]any{"logGroupName": "/g", "logStreamNamePrefix": "s", "orderBy": "LastEventTime"}, "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix."},
		"a key":            {"CreateLogGroup", map[string]any{"logGroupName": "/k", "kmsKeyId": "arn:aws:kms:us-east-1:111122223333:key/1"}, "InvalidParameterException", "kmsKeyId is not supported by Cloister yet: remove it from the request."},
		"parted name":      {"CreateLogStream", map[string]any{"logGroupName": "/g", "logStreamName": "s\x1f2"}, "InvalidParameterException", "1 validation error detected: Value at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*"},
	} {
		t.Run(name, func(t *testing.T) { c.call(x.op, x.in, nil).Fault(t, 400, x.code, x.text) })
	}
}

func TestEventsTooOldOrTooNewAreToldAndLeftOut(t *testing.T) {
	h, c := start(t)
	now := h.Now()
	at := func(d time.Duration, text string) map[string]any {
		return map[string]any{"timestamp": now.Add(d).UnixMilli(), "message": text}
	}
	var out struct {
		RejectedLogEventsInfo *struct{ TooOldLogEventEndIndex, TooNewLogEventStartIndex *int }
	}
	c.call("PutLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "logEvents": []any{
		at(-14*24*time.Hour-time.Hour, "old"), at(-14*24*time.Hour+time.Minute, "just"),
	}}, &out)
	if i := out.RejectedLogEventsInfo; i == nil || i.TooOldLogEventEndIndex == nil || *i.TooOldLogEventEndIndex != 1 || i.TooNewLogEventStartIndex != nil {
		t.Errorf("%+v", i)
	}
	c.call("PutLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "logEvents": []any{at(0, "now"), at(3*time.Hour, "new")}}, &out)
	if i := out.RejectedLogEventsInfo; i == nil || i.TooNewLogEventStartIndex == nil || *i.TooNewLogEventStartIndex != 1 {
		t.Errorf("%+v", i)
	}
	var got events
	c.call("GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "startFromHead": true}, &got)
	if !slices.Equal(got.messages(), []string{"just", "now"}) {
		t.Errorf("%v", got.messages())
	}
}

func TestADeletedGroupTakesAllWithIt(t *testing.T) {
	h, c := start(t)
	c.call("CreateLogGroup", map[string]any{"logGroupName": "/g2"}, nil).Good(t)
	c.call("CreateLogStream", map[string]any{"logGroupName": "/g2", "logStreamName": "s"}, nil).Good(t)
	c.put("/g", "s", h.Now().UnixMilli(), "gone").Good(t)
	c.put("/g2", "s", h.Now().UnixMilli(), "stays").Good(t)
	c.call("DeleteLogGroup", map[string]any{"logGroupName": "/g"}, nil).Good(t)
	var groups struct {
		LogGroups []struct{ LogGroupName, Arn, LogGroupArn string }
	}
	c.call("DescribeLogGroups", map[string]any{}, &groups)
	if g := groups.LogGroups; len(g) != 1 || g[0].LogGroupName != "/g2" || g[0].Arn != "arn:aws:logs:us-east-1:111122223333:log-group:/g2:*" {
		t.Errorf("%+v", g)
	}
	c.call("CreateLogGroup", map[string]any{"logGroupName": "/g"}, nil).Good(t)
	c.call("CreateLogStream", map[string]any{"logGroupName": "/g", "logStreamName": "s"}, nil).Good(t)

	for group, want := range map[string]int{"/g": 0, "/g2": 1} {
		var got events
		c.call("GetLogEvents", map[string]any{"logGroupIdentifier": "arn:aws:logs:us-east-1:111122223333:log-group:" + group, "logStreamName": "s"}, &got)
		if len(got.Events) != want {
			t.Errorf("%s holds %v", group, got.messages())
		}
	}
}

func TestManyWritersOfOneStreamLoseNothing(t *testing.T) {
	h, c := start(t)
	now := h.Now().UnixMilli()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 10 {
				if a := c.put("/g", "s", now, fmt.Sprintf("%d.%d", w, n)); a.Status != 200 {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			}
		})
	}
	wg.Wait()
	var got events
	c.call("GetLogEvents", map[string]any{"logGroupName": "/g", "logStreamName": "s", "startFromHead": true}, &got)
	seen := map[string]bool{}
	for _, m := range got.messages() {
		seen[m] = true
	}
	if len(got.Events) != 40 || len(seen) != 40 {
		t.Errorf("%d events, %d different", len(got.Events), len(seen))
	}
}

func TestPoliciesOnGroupsAndStreams(t *testing.T) {
	h, c := start(t)
	c.call("CreateLogGroup", map[string]any{"logGroupName": "/other"}, nil).Good(t)
	u := client{h.As(t, h.User(t, "ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"arn:aws:logs:us-east-1:111122223333:log-group:/g:*"}]}`)), t}
	u.put("/g", "s", h.Now().UnixMilli(), "m").Good(t)
	var got events
	u.call("FilterLogEvents", map[string]any{"logGroupName": "/g"}, &got)
	u.put("/other", "s", h.Now().UnixMilli(), "m").Fault(t, 400, "AccessDeniedException",
		"User: arn:aws:iam::111122223333:user/ann is not authorized to perform: logs:PutLogEvents on resource: arn:aws:logs:us-east-1:111122223333:log-group:/other:log-stream:s because no identity-based policy allows the logs:PutLogEvents action")
	for _, op := range []string{"DeleteLogGroup", "FilterLogEvents", "DescribeLogStreams", "CreateLogGroup"} {
		if a := u.call(op, map[string]any{"logGroupName": "/other"}, nil); a.Code != "AccessDeniedException" {
			t.Errorf("%s of another group: %d %s", op, a.Status, a.Body)
		}
	}
}
