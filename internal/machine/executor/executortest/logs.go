package executortest

import (
	"context"
	"strings"
	"unicode/utf8"
)

func logsSince(s suite) {
	s.start("count", "count", "1000")
	s.ends("count", 0)
	if all := s.lines("count", 0); len(all) != 1000 || all[999] != "999" {
		s.t.Errorf("%d lines", len(all))
	}
	if late := s.lines("count", 990); len(late) != 10 || late[0] != "990" {
		s.t.Errorf("since 990: %q", late)
	}
	if none := s.lines("count", 1000); len(none) != 0 {
		s.t.Errorf("since the end: %q", none)
	}
	if none := s.lines("count", 5000); len(none) != 0 {
		s.t.Errorf("since after the end: %q", none)
	}
}

func logsFollow(s suite) {
	s.start("tick", "tick")
	seen := 0
	for line, err := range s.Executor.Logs(s.ctx, "tick", 3) {
		if err != nil {
			s.t.Fatal(err)
		}
		if line.Sequence != int64(seen+3) {
			s.t.Fatalf("line %d comes after %d others", line.Sequence, seen)
		}
		if seen++; seen == 10 {
			// From now on following must end by itself.
			if err := s.Executor.Stop(s.ctx, "tick", patience); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if seen < 10 {
		s.t.Errorf("only %d lines", seen)
	}
	s.ends("tick", 0)
}

// logsGiantLine wants a line without end in pieces that CloudWatch Logs takes, no rune cut in two
// and nothing lost.
func logsGiantLine(s suite) {
	const size = 900_000
	s.start("giant", "giant", "900000")
	s.ends("giant", 0)
	all := s.lines("giant", 0)
	if len(all) < 4 {
		s.t.Errorf("%d pieces", len(all))
	}
	for _, piece := range all {
		if len(piece) > 256<<10 || !utf8.ValidString(piece) {
			s.t.Errorf("a piece has %d bytes, text: %t", len(piece), utf8.ValidString(piece))
		}
	}
	if got := strings.Join(all, ""); got != strings.Repeat("€", size/3) {
		s.t.Errorf("%d bytes came back", len(got))
	}
}

func logsUnended(s suite) {
	s.start("part", "part", "one\n\nno newline")
	s.ends("part", 0)
	s.prints("part", "one", "", "no newline")
}

func logsCancelled(s suite) {
	s.start("quiet", "stubborn")
	s.ready("quiet")
	ctx, cancel := context.WithCancel(s.ctx)
	for _, err := range s.Executor.Logs(ctx, "quiet", 0) {
		if err != nil {
			s.t.Errorf("a follower that was told to stop: %v", err)
		}
		cancel()
	}
	cancel()
}
