package main

import (
	"strings"
	"testing"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/audit"
	"cloister/internal/service/ec2"
)

// TestWhatOthersChoseStaysInItsLine: whoever may do nothing can ask for a resource of any name, of which the root user is
// told; that name says nothing in our words and moves no terminal. Nor does what a container said of its end.
func TestWhatOthersChoseStaysInItsLine(t *testing.T) {
	const name = "x\x1b]0;title\x07\x1b[2K\u009b2K\u202e\r\n  => allowed"
	e := &audit.Entry{Code: "AccessDenied", Status: 403, Message: "not on " + name}
	e.Decisions = make([]policy.Report, 1)
	e.Decisions[0].Resource, e.Decisions[0].Effect, e.Decisions[0].Cause = "arn:aws:s3:::bucket/"+name, policy.ImplicitDeny, "for "+name
	j := &toldJob{Kind: "TrainingJob", Name: "one", FailureReason: "AlgorithmError: " + name, FailedTrials: []failedTrial{{"trial", name}}}
	var b strings.Builder
	j.tell(&b)
	for what, said := range map[string]string{"a call": story(e), "a job": b.String(), "a connection": tellConnection("", &ec2.Explanation{To: name, Note: name})} {
		if strings.ContainsAny(said, "\x1b\x07\u009b\u202e\r") || strings.Contains(said, "\n  => allowed") || !strings.Contains(said, "]0;title") {
			t.Errorf("%s: %q", what, said)
		}
	}
}
