package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// puttingJob is a run of a job whose first host has left files.
func puttingJob(t *testing.T, files map[string]string) (*world, *jobRun, product) {
	w, s := trainingWorld(t)
	j := &trainingJob{jobState: newJob(w.call(), "tj", "arn"), Request: completeTraining(trainingRequest("job"))}
	j.addHosts(1, "ml.m5.large")
	j.Hosts[0].Interface = internet
	r := &jobRun{Service: s, kind: trainingKind, plan: j.plan(s)}
	var put job = j
	r.record.Store(&put)
	base := r.ml(0)
	for name, content := range files {
		at := filepath.Join(base, "out", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return w, r, product{Base: base, Dir: "out", Bucket: "b", Prefix: "p/"}
}

func TestBringOutPutsEachFileOnce(t *testing.T) {
	w, r, p := puttingJob(t, map[string]string{"a": "A", "sub/b": "B", "empty": ""})
	at := filepath.Join(p.Base, p.Dir)
	if err := errors.Join(os.Symlink("/etc/passwd", at+"/link"), os.Symlink("/etc", at+"/dir"), syscall.Mkfifo(at+"/fifo", 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.bringOut(t.Context(), 0, p); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"b/p/a": "A", "b/p/sub/b": "B", "b/p/empty": ""} {
		if got := w.s3.get(name); string(got) != want || w.s3.puts[name] != 1 {
			t.Errorf("%s: %q, put %d times", name, got, w.s3.puts[name])
		}
	}
	if len(w.s3.puts) != 3 {
		t.Errorf("put %v", w.s3.puts)
	}
	if err := os.WriteFile(at+"/a", []byte("AA"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.bringOut(t.Context(), 0, p); err != nil || string(w.s3.get("b/p/a")) != "AA" || w.s3.puts["b/p/sub/b"] != 1 {
		t.Errorf("what changed: %v %v", w.s3.puts, err)
	}
	if err := os.Remove(at + "/a"); err != nil {
		t.Fatal(err)
	}
	if err := r.bringOut(t.Context(), 0, p); err != nil || w.s3.get("b/p/a") == nil {
		t.Errorf("an object went with its file: %v", err)
	}
	p.Mirror = true
	if err := r.bringOut(t.Context(), 0, p); err != nil || w.s3.get("b/p/a") != nil || w.s3.get("b/p/sub/b") == nil {
		t.Errorf("a mirror: %v", err)
	}
	if err := os.WriteFile(at+"/bad\xff", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var known *failure
	if err := r.bringOut(t.Context(), 0, p); !errors.As(err, &known) {
		t.Errorf("a name that is no text: %v", err)
	}
	if err := errors.Join(os.RemoveAll(at), os.Symlink("/etc", at)); err != nil {
		t.Fatal(err)
	}
	before := len(w.s3.puts)
	p.Mirror = false
	if err := r.bringOut(t.Context(), 0, p); err != nil || len(w.s3.puts) != before {
		t.Errorf("a link in the directory's place: %v", err)
	}
}

// TestNoSecondPutAfterACrash ends the process when S3 has an object and nobody has been told so.
func TestNoSecondPutAfterACrash(t *testing.T) {
	for _, mayList := range []bool{true, false} {
		w, r, p := puttingJob(t, map[string]string{"a": "A", "b": "B", "c": "C"})
		ctx, crash := context.WithCancel(t.Context())
		w.s3.stored = func(string) { crash(); time.Sleep(10 * time.Millisecond) }
		if err := r.bringOut(ctx, 0, p); err == nil {
			t.Fatal("no crash")
		}
		w.s3.mu.Lock()
		w.s3.stored = nil
		if !mayList {
			w.s3.refuse = refuseMethod("GET", 403, "AccessDenied")
		}
		w.s3.mu.Unlock()
		if err := r.bringOut(t.Context(), 0, p); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "c"} {
			if n := w.s3.puts["b/p/"+name]; w.s3.get("b/p/"+name) == nil || mayList && n != 1 {
				t.Errorf("may list: %v: %s was put %d times", mayList, name, n)
			}
		}
	}
}

// TestMeanwhile brings out what comes, changes and goes while the container works.
func TestMeanwhile(t *testing.T) {
	w, r, p := puttingJob(t, map[string]string{"a": "A", "b": "B"})
	p.Mirror = true
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.bringOutMeanwhile(0, p, r.pause)(ctx) }()
	at := filepath.Join(p.Base, p.Dir)
	w.until("first", func() bool { return w.s3.get("b/p/a") != nil && w.s3.get("b/p/b") != nil })
	if err := errors.Join(os.WriteFile(at+"/c", []byte("C"), 0o644), os.WriteFile(at+"/a", []byte("A2"), 0o644), os.Remove(at+"/b")); err != nil {
		t.Fatal(err)
	}
	w.until("second", func() bool {
		return string(w.s3.get("b/p/a")) == "A2" && w.s3.get("b/p/c") != nil && w.s3.get("b/p/b") == nil
	})
	// What is refused is tried again, and decides nothing.
	w.s3.mu.Lock()
	refused := 0
	w.s3.refuse = func(r *http.Request) (int, string) {
		if r.Method == http.MethodPut && refused < 2 {
			refused++
			return 403, "AccessDenied"
		}
		return 0, ""
	}
	w.s3.mu.Unlock()
	if err := os.WriteFile(at+"/d", []byte("D"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.until("third", func() bool { return w.s3.get("b/p/d") != nil })
	cancel()
	if err := <-done; err != nil || refused != 2 {
		t.Error(refused, err)
	}
}

func TestTrainingUploadsLoose(t *testing.T) {
	w := newWorld(t, map[string]memory.Program{"program": func(_ context.Context, p memory.Process) int {
		os.WriteFile(p.Path("/opt/ml/model/of-"+p.Hostname), []byte(p.Hostname), 0o644)
		os.WriteFile(p.Path("/opt/ml/model/same"), []byte(p.Hostname), 0o644)
		os.WriteFile(p.Path("/opt/ml/output/data/x"), nil, 0o644)
		return 0
	}})
	r := trainingRequest("job")
	r.InputDataConfig, r.OutputDataConfig.CompressionType = nil, new("NONE")
	s := w.service()
	w.hosted(s, r, 2)
	w.run(s)
	d := w.ended(s, "job")
	if *d.TrainingJobStatus != completed || *d.ModelArtifacts.S3ModelArtifacts != "s3://out/models/job/output/model/" {
		t.Fatalf("%s at %s: %s", *d.TrainingJobStatus, *d.ModelArtifacts.S3ModelArtifacts, text(d.FailureReason))
	}
	for name, want := range map[string]string{"model/of-algo-1": "algo-1", "model/of-algo-2": "algo-2", "model/same": "algo-2", "data/x": ""} {
		if got := w.s3.get("out/models/job/output/" + name); got == nil && want != "" || string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	w.empty()
}

// TestGroupsGetTheirChannels gives a channel to one group of instances, in shards.
func TestGroupsGetTheirChannels(t *testing.T) {
	w, x := witnessed(t, 0)
	for i := range 4 {
		w.s3.put(fmt.Sprintf("data/d/%d", i), []byte("x"))
	}
	r := trainingRequest("job")
	r.ResourceConfig = &sagemaker.ResourceConfig{VolumeSizeInGB: new(int32(1)), InstanceGroups: []sagemaker.InstanceGroup{
		{InstanceGroupName: new("lead"), InstanceType: new("ml.m5.large"), InstanceCount: new(int32(1))},
		{InstanceGroupName: new("work"), InstanceType: new("ml.m5.large"), InstanceCount: new(int32(2))},
	}}
	r.InputDataConfig = []sagemaker.Channel{s3Channel("train", prefixData, "s3://data/d/", file)}
	source := r.InputDataConfig[0].DataSource.S3DataSource
	source.S3DataDistributionType, source.InstanceGroupNames = new(shardedByKey), []string{"none"}
	s := w.service()
	w.run(s)
	_, err := s.createTrainingJob(t.Context(), w.call(), r)
	refused(t, err, "ValidationException", "has no instance group none")
	source.InstanceGroupNames = []string{"work"}
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
		t.Fatalf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	counts := map[string]int{}
	for key := range x.saw {
		if host, _, ok := strings.Cut(key, " train/"); ok {
			counts[host]++
		}
	}
	if counts["algo-1"] != 0 || counts["algo-2"] != 2 || counts["algo-3"] != 2 {
		t.Errorf("%v", counts)
	}
}

// TestTrainingPutsOnce ends the process right after each object has reached S3.
func TestTrainingPutsOnce(t *testing.T) {
	for n := int32(1); n <= 2; n++ {
		w, s := trainingWorld(t)
		var count atomic.Int32
		ctx, crash := context.WithCancel(t.Context())
		w.s3.stored = func(string) {
			if count.Add(1) == n {
				crash()
				time.Sleep(10 * time.Millisecond)
			}
		}
		r := trainingRequest("job")
		r.HyperParameters["do"] = "both"
		if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
			t.Fatal(err)
		}
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		s = w.service()
		w.run(s)
		if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
			t.Fatalf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
		}
		w.s3.mu.Lock()
		for _, name := range []string{"model", "output"} {
			if k := w.s3.puts["out/models/job/output/"+name+".tar.gz"]; k != 1 {
				t.Errorf("crash at %d: %s was put %d times", n, name, k)
			}
		}
		w.s3.mu.Unlock()
	}
}
