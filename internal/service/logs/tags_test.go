package logs_test

import (
	"maps"
	"testing"
)

func TestTagsOfGroups(t *testing.T) {
	_, c := start(t)
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
	for name, words := range map[string]string{of + "x": "The specified log group does not exist.", "arn:aws:s3:::bucket": "The specified resource does not exist."} {
		c.call("ListTagsForResource", map[string]any{"resourceArn": name}, nil).Fault(t, 400, "ResourceNotFoundException", words)
	}
}
