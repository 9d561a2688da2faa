package sagemaker

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
)

func TestUploadsThatWereBegunAreKnown(t *testing.T) {
	b := begunUploads(filepath.Join(t.TempDir(), begunFile))
	if left, err := b.left(); len(left) != 0 || err != nil {
		t.Fatalf("%v %v", left, err)
	}
	one, two := begunUpload{"b", "k", "1", false}, begunUpload{"b", "k\n", "2", false}
	over := one
	over.Over = true
	for _, u := range []begunUpload{one, two, over} {
		if err := b.note(u); err != nil {
			t.Fatal(err)
		}
	}
	// What a process wrote that died in the middle of a line.
	f, err := os.OpenFile(string(b), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\n{\"b\":\"x\",\"k"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	three := begunUpload{"b", "k", "3", false}
	if err := b.note(three); err != nil {
		t.Fatal(err)
	}
	if left, err := b.left(); err != nil || len(left) != 2 || left[0] != two || left[1] != three {
		t.Errorf("%v %v", left, err)
	}
}

// random is the trainer of a model that does not get smaller.
func random(size int) memory.Program {
	return func(_ context.Context, p memory.Process) int {
		b := make([]byte, size)
		rand.NewChaCha8([32]byte{1}).Read(b) //nolint:errcheck // it always can
		if os.WriteFile(p.Path("/opt/ml/model/weights"), b, 0o644) != nil {
			return 1
		}
		return 0
	}
}

// TestLargeArchiveSurvivesKill ends the process, as kill -9 does, at each request by which a large model goes to S3.
func TestLargeArchiveSurvivesKill(t *testing.T) {
	const chunk, size = 100_000, 150_000
	for n := 1; ; n++ {
		w := newWorld(t, map[string]memory.Program{"program": random(size)})
		s := w.service()
		s.chunk = chunk
		r := trainingRequest("job")
		r.InputDataConfig = nil
		w.begin(s, r)
		ctx, kill := context.WithCancel(t.Context())
		count, crashed := 0, false
		w.s3.refuse = func(r *http.Request) (int, string) {
			switch {
			case crashed: // the dead send nothing, no abort either
				return 503, "SlowDown"
			case r.Method == http.MethodPost || r.Method == http.MethodPut:
				if count++; count == n {
					crashed = true
					kill()
					return 503, "SlowDown"
				}
			}
			return 0, ""
		}
		w.s3.stored = func(string) { // it is there, and nobody has been told
			if count++; count == n {
				crashed = true
				kill()
				time.Sleep(10 * time.Millisecond)
			}
		}
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		w.until("crash or end", func() bool { return ctx.Err() != nil || *w.describe(s, "job").TrainingJobStatus == completed })
		kill()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.s3.mu.Lock()
		w.s3.refuse, w.s3.stored = nil, nil
		w.s3.mu.Unlock()
		s = w.service()
		s.chunk = chunk
		w.run(s)
		if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
			t.Fatalf("crash at %d: %s", n, text(d.FailureReason))
		}
		w.until("rest", func() bool { return len(leftIn(t, s.Directory)) == 0 })
		w.s3.mu.Lock()
		name := "out/models/job/output/model.tar.gz"
		if w.s3.puts[name] != 1 || len(w.s3.uploads) != 0 {
			t.Errorf("crash at %d: put %d times, %d uploads are left", n, w.s3.puts[name], len(w.s3.uploads))
		}
		whole := w.s3.objects[name]
		w.s3.mu.Unlock()
		if got := untar(t, whole); len(got["weights"]) != size {
			t.Errorf("crash at %d: %d bytes", n, len(got["weights"]))
		}
		if !crashed || t.Failed() {
			if n != 6 { // begin, two parts, the end, and the end's answer
				t.Errorf("%d requests were cut", n-1)
			}
			return
		}
	}
}

func leftIn(t *testing.T, dir string) []os.DirEntry {
	all, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// TestArchiveThatCannotBe has a model that is refused while it is packed, by S3 and by us.
func TestArchiveThatCannotBe(t *testing.T) {
	for what, c := range map[string]struct {
		size int
		part string
		want string
	}{
		"denied":    {3 * gzipBlock, "2", "ClientError: Artifact upload failed:failed to upload artifact. 403 Forbidden (403): Forbidden"},
		"too large": {-1, "", "ClientError: Artifact upload failed:Insufficient disk space: the artifacts are larger than 30 GiB"},
	} {
		program := random(max(c.size, 3*gzipBlock))
		w := newWorld(t, map[string]memory.Program{"program": func(ctx context.Context, p memory.Process) int {
			if c.size < 0 { // a file that is too large, behind one that is not
				if os.WriteFile(p.Path("/opt/ml/model/x"), nil, 0o644) != nil || os.Truncate(p.Path("/opt/ml/model/x"), largestModel) != nil {
					return 1
				}
			}
			return program(ctx, p)
		}})
		w.s3.refuse = func(r *http.Request) (int, string) {
			if c.part != "" && r.URL.Query().Get("partNumber") == c.part {
				return 403, "AccessDenied"
			}
			return 0, ""
		}
		s := w.service()
		s.chunk = gzipBlock
		r := trainingRequest("job")
		r.InputDataConfig = nil
		w.begin(s, r)
		w.run(s)
		d := w.ended(s, "job")
		if text(d.FailureReason) != c.want {
			t.Errorf("%s: %s: %s", what, *d.TrainingJobStatus, text(d.FailureReason))
		}
		w.until("rest", func() bool { return len(leftIn(t, s.Directory)) == 0 })
		w.s3.mu.Lock()
		if len(w.s3.uploads)+len(w.s3.puts) != 0 {
			t.Errorf("%s: %d uploads, %v", what, len(w.s3.uploads), w.s3.puts)
		}
		w.s3.mu.Unlock()
	}
}

func TestGrowing(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := grow(f)
	got := make(chan int64)
	go func() {
		n, _ := g.upTo(t.Context(), 5)
		got <- n
		n, _ = g.upTo(t.Context(), 100)
		got <- n
	}()
	for _, b := range []string{"abc", "defg"} {
		if _, err := g.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	if n := <-got; n != 5 {
		t.Errorf("%d of 5", n)
	}
	g.end(nil)
	if n := <-got; n != 7 {
		t.Errorf("%d of 7", n)
	}
	b := make([]byte, 7)
	if _, err := g.ReadAt(b, 0); err != nil || !bytes.Equal(b, []byte("abcdefg")) {
		t.Errorf("%q %v", b, err)
	}
	bad := grow(f)
	bad.end(errNoSpace)
	if _, err := bad.upTo(t.Context(), 1); !errors.Is(err, errNoSpace) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := grow(f).upTo(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
