package sagemaker

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"cloister/internal/machine/executor/memory"
)

func TestSpill(t *testing.T) {
	dir := t.TempDir()
	for _, answer := range []string{"", "a", "a\n", strings.Repeat("x", spillAt), strings.Repeat("x", spillAt+1), strings.Repeat("x", 3*spillAt) + "\n"} {
		for _, lines := range []bool{false, true} {
			s := &spill{dir: dir}
			for _, part := range []string{"what was before it was asked again", strings.Repeat("y", 2*spillAt)} {
				s.Write([]byte(part)) //nolint:errcheck // it is emptied
			}
			if err := s.empty(); err != nil {
				t.Fatal(err)
			}
			for rest := []byte(answer); len(rest) > 0; {
				n := min(len(rest), 300_000)
				if _, err := s.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if large := len(answer) > spillAt; large != (s.file != nil) || large && s.memory != nil {
				t.Errorf("%d bytes: %d in memory, file %v", len(answer), len(s.memory), s.file)
			}
			want := answer
			if lines && !strings.HasSuffix(answer, "\n") {
				want += "\n"
			}
			var out bytes.Buffer
			if err := s.assemble(&out, lines); err != nil || out.String() != want {
				t.Errorf("%d bytes became %d, %v", len(answer), out.Len(), err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left: %v %v", left, err)
			}
		}
	}
}

// TestLargeAnswers: what a container answers is as long as the volume has room for, and does not take memory.
func TestLargeAnswers(t *testing.T) {
	m, _ := transformWorld(t)
	answer := bytes.Repeat([]byte("0123456789abcdef"), 3*spillAt/16)
	m.exec = memory.New(map[string]memory.Program{"program": func(ctx context.Context, p memory.Process) int {
		return m.mock(ctx, p, func(rw http.ResponseWriter, _ *http.Request) { rw.Write(answer) })
	}})
	s := m.service()
	s.answers = 1 << 20
	in := transformRequest("job")
	in.MaxConcurrentTransforms, in.BatchStrategy = new(int32(4)), new("SingleRecord")
	m.run(s)
	m.start(s, in)
	if d := m.ended(s, "job"); *d.TransformJobStatus != completed {
		t.Errorf("%s: %s", *d.TransformJobStatus, text(d.FailureReason))
	}
	want := bytes.Repeat(append(bytes.Clone(answer), '\n'), 3)
	if got := m.s3.get("out/done/a.csv.out"); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	m.gone()
}
