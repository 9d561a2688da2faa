package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"cloister/internal/machine/tunnel/mesh"
)

// tell tells of the jobs, one after the other.
func (s *jobStory) tell() string {
	var b strings.Builder
	for i, j := range s.Jobs {
		if i > 0 {
			b.WriteString("\n")
		}
		j.tell(&b)
	}
	if s.Unasked != nil {
		fmt.Fprintf(&b, "\nThe caller may not look for jobs of every kind:%s\n", s.unasked())
	}
	return b.String()
}

// unasked tells of the kinds that could not be asked for, each in a line.
func (s *jobStory) unasked() string {
	var b strings.Builder
	for _, u := range s.Unasked {
		fmt.Fprintf(&b, "\n  %s: %s", noun(u.Kind), u.Why)
	}
	return b.String()
}

// tell tells of one: why it failed first, and then what its network allows.
func (j *toldJob) tell(b *strings.Builder) {
	what := noun(j.Kind)
	say(b, "%s %s: %s, made %s", strings.ToUpper(what[:1])+what[1:], j.Name, j.Status, j.Created.Format("2006-01-02 15:04:05 MST"))
	if j.FailureReason != "" {
		for i, l := range strings.Split(j.FailureReason, "\n") {
			say(b, "%s%s", []string{"Failed: ", "        "}[min(i, 1)], l)
		}
	}
	for _, t := range j.FailedTrials {
		say(b, "  trial %s failed: %s", t.TrainingJobName, strings.Join(strings.Fields(printable(t.FailureReason)), " "))
	}
	switch n := j.MoreFailedTrials; {
	case n > 0 && j.FailedTrials != nil:
		say(b, "  and %d more of its trials failed", n)
	case n > 0:
		say(b, "  %d of its trials failed", n)
	}
	if j.Note != "" {
		say(b, "%s", j.Note)
	}
	if j.Encrypted && j.VpcConfig != nil {
		say(b, "What its hosts send each other is encrypted: to the groups it is UDP to port %d, whatever it was.", mesh.Port)
	}
	for _, c := range j.Connections {
		b.WriteString("\n")
		what := ""
		if c.Peer != "" {
			what = "a host of the same groups in " + c.Peer
		}
		b.WriteString(tellConnection(what, c.Explanation))
	}
}

// noun is how people name a kind.
func noun(kind string) string {
	return jobKinds[slices.IndexFunc(jobKinds, func(k jobKind) bool { return k.operation == kind })].noun
}

// say writes one line.
func say(b *strings.Builder, format string, args ...any) {
	b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n")
}

// printable is a text without what moves a terminal or begins another line: callers choose the names of what they ask for,
// and containers write the reasons why they failed.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}
