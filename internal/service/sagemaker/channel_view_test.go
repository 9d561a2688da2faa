package sagemaker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

func needMounts(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount: run the tests as root")
	}
}

// TestFastFile shows files that are brought when they are read, and only those.
func TestFastFile(t *testing.T) {
	needMounts(t)
	large := noise(3*lazyChunk + 12_345)
	var got []string
	w := newWorld(t, map[string]memory.Program{"program": func(_ context.Context, p memory.Process) int {
		for _, name := range []string{"a", "sub/large", "empty"} {
			b, err := os.ReadFile(p.Path("/opt/ml/input/data/train/" + name))
			if err != nil {
				got = append(got, err.Error())
			}
			got = append(got, string(b))
		}
		f, err := os.Open(p.Path("/opt/ml/input/data/train/unread"))
		if err == nil {
			b := make([]byte, 5)
			f.ReadAt(b, 2*lazyChunk+7) //nolint:errcheck // the test sees
			got = append(got, string(b))
			f.Close()
		}
		if os.WriteFile(p.Path("/opt/ml/input/data/train/new"), nil, 0o644) == nil {
			return 9
		}
		return 0
	}})
	w.s3.put("data/d/a", []byte("A"))
	w.s3.put("data/d/empty", nil)
	w.s3.put("data/d/sub/large", large)
	w.s3.put("data/d/never", large)
	w.s3.put("data/d/unread", large)
	r := trainingRequest("job")
	r.InputDataConfig = []sagemaker.Channel{s3Channel("train", prefixData, "s3://data/d/", fastFile)}
	s := w.service()
	w.run(s)
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
		t.Fatalf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
	want := []string{"A", string(large), "", string(large[2*lazyChunk+7:][:5])}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("read %d is not what it should be", i)
		}
	}
	w.s3.mu.Lock()
	defer w.s3.mu.Unlock()
	// Whether what is ahead comes in a piece with what is behind it is the reader's haste; nothing comes twice.
	if large := w.s3.gets["data/d/sub/large"]; w.s3.gets["data/d/never"] != 0 || w.s3.gets["data/d/unread"] != 1 || large < 3 || large > 4 {
		t.Errorf("requests: %v", w.s3.gets)
	}
}

// TestFastFileAfterACrash ends the server again and again while the container reads, which is not through before it was
// ended twice, however slow this machine is at ending it.
func TestFastFileAfterACrash(t *testing.T) {
	needMounts(t)
	want := noise(5 * lazyChunk)
	result := ""
	var crashes atomic.Int32
	read := func(p memory.Process) int {
		f, err := os.Open(p.Path("/opt/ml/input/data/train/x"))
		if err != nil {
			result = err.Error()
			return 1
		}
		defer f.Close()
		b := make([]byte, lazyChunk)
		for i := range 5 {
			if _, err := f.ReadAt(b, int64(i*lazyChunk)); err != nil || !bytes.Equal(b, want[i*lazyChunk:][:lazyChunk]) {
				result = fmt.Sprint("chunk ", i, ": ", err)
				return 1
			}
			for time.Sleep(5 * time.Millisecond); int(crashes.Load()) < i/2; {
				time.Sleep(5 * time.Millisecond)
			}
		}
		return 0
	}
	w := newWorld(t, map[string]memory.Program{"program": func(_ context.Context, p memory.Process) int {
		code := make(chan int, 1)
		go func() { code <- read(p) }()
		select {
		case n := <-code:
			return n
		case <-p.Terminate:
			return 143
		}
	}})
	w.s3.put("data/d/x", want)
	r := trainingRequest("job")
	r.InputDataConfig = []sagemaker.Channel{s3Channel("train", prefixData, "s3://data/d/", fastFile)}
	s := w.service()
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	for ; *w.describe(s, "job").TrainingJobStatus == inProgress && crashes.Load() < 100; crashes.Add(1) {
		s = w.service()
		stop := w.run(s)
		time.Sleep(time.Duration(20+crashes.Load()*20) * time.Millisecond)
		stop()
	}
	s = w.service()
	w.run(s)
	w.until("nothing left", func() bool { files, _ := os.ReadDir(filepath.Join(w.dir, "jobs")); return len(files) == 0 })
	if d := w.describe(s, "job"); *d.TrainingJobStatus != completed || crashes.Load() < 2 {
		t.Fatalf("%s after %d crashes: %s; %s", *d.TrainingJobStatus, crashes.Load(), text(d.FailureReason), result)
	}
}

func TestFastFileFails(t *testing.T) {
	needMounts(t)
	const head = "ClientError: Data download failed:"
	for name, c := range map[string]struct {
		prepare func(w *world) (prefix string)
		reason  string
	}{
		"partial prefix": {func(*world) string { return "s3://data/d/pa" }, head + "Failed to download data.\nFor FastFile mode, partial S3 prefix is not supported."},
		"clash":          {func(w *world) string { w.s3.put("data/d/part", nil); return "s3://data/d/" }, head + "Failed to download data. A key of channel train cannot be a file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := witnessed(t, 0)
			w.s3.put("data/d/part/a", []byte("x"))
			r := trainingRequest("job")
			r.InputDataConfig = []sagemaker.Channel{s3Channel("train", prefixData, c.prepare(w), fastFile)}
			s := w.service()
			w.run(s)
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
				t.Fatal(err)
			}
			d := w.ended(s, "job")
			if *d.TrainingJobStatus != failed || !strings.HasPrefix(text(d.FailureReason), c.reason) {
				t.Errorf("%s %q, want %q", *d.TrainingJobStatus, text(d.FailureReason), c.reason)
			}
			w.until("nothing left", func() bool { files, _ := os.ReadDir(filepath.Join(w.dir, "jobs")); return len(files) == 0 })
			w.empty()
		})
	}
}

// TestFastFileFailsWhileItIsRead has an object replaced after it was listed: no mixture of two is read.
func TestFastFileFailsWhileItIsRead(t *testing.T) {
	needMounts(t)
	w := newWorld(t, nil)
	read := make(chan error, 1)
	w.exec = memory.New(map[string]memory.Program{"program": func(_ context.Context, p memory.Process) int {
		w.s3.put("data/d/x", []byte("other"))
		go func() { _, err := os.ReadFile(p.Path("/opt/ml/input/data/train/x")); read <- err }()
		<-p.Terminate
		return 143
	}})
	w.s3.put("data/d/x", []byte("first"))
	r := trainingRequest("job")
	r.InputDataConfig = []sagemaker.Channel{s3Channel("train", prefixData, "s3://data/d/", fastFile)}
	s := w.service()
	w.run(s)
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	if d := w.ended(s, "job"); *d.TrainingJobStatus != failed || !strings.Contains(text(d.FailureReason), "d/x was replaced while it was read") {
		t.Errorf("%s %q", *d.TrainingJobStatus, text(d.FailureReason))
	}
	if err := <-read; err == nil {
		t.Error("it was read")
	}
	w.empty()
}
