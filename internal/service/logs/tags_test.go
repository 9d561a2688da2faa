package logs_test

import (
	"maps"
	"testing"

	"cloister/internal/service/logs"
	"cloister/internal/value/caller"
)

func TestTagsOfGroups(t *testing.T) {
	h, c := start(t)
	known := map[string][]caller.Tag{}
	if err := (&logs.Service{DB: h.DB}).WatchTags(t.Context(), "us-east-1", func(arn string, tags []caller.Tag) { known[arn] = tags }); err != nil {
		t.Fatal(err)
	}
	c.call("CreateLogGroup", map[string]any{"logGroupName": "/tagged", "tags": map[string]any{"a": "1"}}, nil).Good(t)
	var found struct {
		LogGroups []struct{ LogGroupArn string }
	}
	c.call("DescribeLogGroups", map[string]any{"logGroupNamePrefix": "/tagged"}, &found)
	of := found.LogGroups[0].LogGroupArn
	tags := func(name string) map[string]string {
		var out struct{ Tags map[string]string }
		c.call("ListTagsForResource", map[string]any{"resourceArn": name}, &out)
		return out.Tags
	}
	c.call("TagResource", map[string]any{"resourceArn": of, "tags": map[string]any{"b": "2"}}, nil).Good(t)
	c.call("UntagResource", map[string]any{"resourceArn": of, "tagKeys": []string{"a", "none"}}, nil).Good(t)
	if got := tags(of); !maps.Equal(got, map[string]string{"b": "2"}) {
		t.Errorf("%s has %v", of, got)
	}
	if got := known["arn:aws:logs:us-east-1:111122223333:log-group:/tagged"]; len(got) != 1 || got[0] != (caller.Tag{Key: "b", Value: "2"}) {
		t.Errorf("decisions know of %v", known)
	}
	for name, words := range map[string]string{of + "x": "The specified log group does not exist.", "arn:aws:s3:::bucket": "The specified resource does not exist."} {
		c.call("ListTagsForResource", map[string]any{"resourceArn": name}, nil).Fault(t, 400, "ResourceNotFoundException", words)
	}
	// A policy about the group's ARN would not meet these.
	for other, words := range map[string]string{
		"arn:aws:logs:us-east-1:111122223333:/tagged":                     "The specified resource does not exist.",
		"arn:aws:logs:us-east-1:111122223333:log-group:log-group:/tagged": "The specified log group does not exist.",
	} {
		c.call("TagResource", map[string]any{"resourceArn": other, "tags": map[string]any{"c": "3"}}, nil).Fault(t, 400, "ResourceNotFoundException", words)
	}
	c.call("DeleteLogGroup", map[string]any{"logGroupName": "/tagged"}, nil).Good(t)
	if got := known["arn:aws:logs:us-east-1:111122223333:log-group:/tagged"]; len(got) != 0 {
		t.Errorf("of a group that is gone decisions know %v", got)
	}
}
