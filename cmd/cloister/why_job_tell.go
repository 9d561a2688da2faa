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
	fmt.Fprintf(b, "%s %s: %s, made %s\n", strings.ToUpper(what[:1])+what[1:], j.Name, j.Status, j.Created.Format("2006-01-02 15:04:05 MST"))
	if j.FailureReason != "" {
		fmt.Fprintf(b, "Failed: %s\n", printable(j.FailureReason))
	}
	for _, t := range j.FailedTrials {
		fmt.Fprintf(b, "  trial %s failed: %s\n", t.TrainingJobName, strings.Join(strings.Fields(printable(t.FailureReason)), " "))
	}
	switch n := j.MoreFailedTrials; {
	case n > 0 && j.FailedTrials != nil:
		fmt.Fprintf(b, "  and %d more of its trials failed\n", n)
	case n > 0:
		fmt.Fprintf(b, "  %d of its trials failed\n", n)
	}
	if j.Note != "" {
		fmt.Fprintf(b, "%s\n", j.Note)
	}
	if j.Encrypted && j.VpcConfig != nil {
		fmt.Fprintf(b, "What its hosts send each other is encrypted: to the groups it is UDP to port %d, whatever it was.\n", mesh.Port)
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

// printable is a text without what moves a terminal: containers write reasons.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}
