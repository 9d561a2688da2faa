package sagemaker

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// keeper writes checkpoints as it is told by what it reads from a channel.
func keeper(steps <-chan func(dir string) error) memory.Program {
	return func(ctx context.Context, p memory.Process) int {
		for {
			select {
			case step, more := <-steps:
				if !more {
					return 0
				}
				if err := step(p.Path("/opt/ml/checkpoints")); err != nil {
					return 1
				}
			case <-p.Terminate:
				os.WriteFile(p.Path("/opt/ml/checkpoints/last"), []byte("terminated"), 0o644)
				return 0
			case <-ctx.Done():
				return 137
			}
		}
	}
}

func checkpointWorld(t *testing.T) (*world, chan func(string) error) {
	steps := make(chan func(string) error)
	w := newWorld(t, map[string]memory.Program{"program": keeper(steps)})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	w.s3.put("out/ckpt/epoch/1", []byte("one"))
	w.s3.put("out/ckpt/old", []byte("old"))
	w.s3.put("out/ckpt-other", []byte("not ours"))
	return w, steps
}

func checkpointRequest(name string) *sagemaker.CreateTrainingJobRequest {
	r := trainingRequest(name)
	r.CheckpointConfig = &sagemaker.CheckpointConfig{S3Uri: new("s3://out/ckpt")}
	return r
}

func TestCheckpointsGoBothWays(t *testing.T) {
	w, steps := checkpointWorld(t)
	s := w.service()
	stop := w.run(s)
	w.begin(s, checkpointRequest("keeps"))
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	steps <- func(dir string) error {
		b, err := os.ReadFile(dir + "/epoch/1")
		if err != nil || string(b) != "one" {
			t.Errorf("restored %q %v", b, err)
		}
		if _, err := os.Stat(dir + "/-other"); err == nil {
			t.Error("another prefix's object was restored")
		}
		return errors.Join(os.Remove(dir+"/old"), os.WriteFile(dir+"/epoch/1", []byte("one more"), 0o644), os.WriteFile(dir+"/epoch/2", []byte("two"), 0o644),
			os.Symlink(secret, dir+"/link"), syscall.Mkfifo(dir+"/fifo", 0o666))
	}
	w.until("what is new is in S3, and what was removed is not", func() bool {
		return string(w.s3.get("out/ckpt/epoch/1")) == "one more" && string(w.s3.get("out/ckpt/epoch/2")) == "two" && w.s3.get("out/ckpt/old") == nil
	})
	if w.s3.get("out/ckpt/link") != nil || w.s3.get("out/ckpt/fifo") != nil || w.s3.get("out/ckpt-other") == nil {
		t.Error("more than files was brought")
	}
	// What is removed while nobody looks is removed by the next process.
	stop()
	steps <- func(dir string) error { return os.Remove(dir + "/epoch/1") }
	s = w.service()
	w.run(s)
	w.until("the next process removes it", func() bool { return w.s3.get("out/ckpt/epoch/1") == nil })
	steps <- func(dir string) error { return os.WriteFile(dir+"/end", []byte("end"), 0o644) }
	close(steps)
	if d := w.ended(s, "keeps"); *d.TrainingJobStatus != completed || text(d.CheckpointConfig.LocalPath) != checkpointPath {
		t.Errorf("ended %s: %s; %v", *d.TrainingJobStatus, text(d.FailureReason), d.CheckpointConfig)
	}
	if string(w.s3.get("out/ckpt/end")) != "end" || string(w.s3.get("out/ckpt/epoch/2")) != "two" {
		t.Error("the last files are not in S3")
	}
	w.empty()
}

func TestCheckpointsOfAStoppedJob(t *testing.T) {
	w, steps := checkpointWorld(t)
	s := w.service()
	w.run(s)
	w.begin(s, checkpointRequest("stops"))
	steps <- func(string) error { return nil }
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("stops")); err != nil {
		t.Fatal(err)
	}
	w.ended(s, "stops")
	if string(w.s3.get("out/ckpt/last")) != "terminated" {
		t.Error("what it wrote at its end is not in S3")
	}
	w.empty()
}

func TestCheckpointsThatS3Refuses(t *testing.T) {
	w, steps := checkpointWorld(t)
	w.s3.refuse = func(r *http.Request) (int, string) {
		if r.Method == "PUT" && strings.Contains(r.URL.Path, "/ckpt/") {
			return 403, "AccessDenied"
		}
		return 0, ""
	}
	s := w.service()
	w.run(s)
	w.begin(s, checkpointRequest("refused"))
	steps <- func(dir string) error { return os.WriteFile(dir+"/new", []byte("new"), 0o644) }
	close(steps)
	if d := w.ended(s, "refused"); text(d.FailureReason) != "ClientError: Artifact upload failed:failed to upload artifact. 403 Forbidden (403): Forbidden" {
		t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
}
