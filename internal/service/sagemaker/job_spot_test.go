package sagemaker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

func spotRequest(name string) *sagemaker.CreateTrainingJobRequest {
	r := checkpointRequest(name)
	r.EnableManagedSpotTraining, r.StoppingCondition.MaxWaitTimeInSeconds = new(true), new(int32(600))
	r.EnableNetworkIsolation = nil
	return r
}

// spotter counts in its checkpoint how often it was started; the first time it waits until it is ended.
func spotter(ctx context.Context, p memory.Process) int {
	const at = "/opt/ml/checkpoints/starts"
	b, _ := os.ReadFile(p.Path(at))
	if err := os.WriteFile(p.Path(at), append(b, 'x'), 0o644); err != nil {
		return 1
	}
	fmt.Fprintln(p.Output, "start", len(b)+1)
	if len(b) > 0 {
		return 0
	}
	select {
	case <-p.Terminate:
		return 143
	case <-ctx.Done():
		return 137
	}
}

func spotWorld(t *testing.T) (*world, *Service) {
	w := newWorld(t, map[string]memory.Program{"program": spotter})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	return w, w.service()
}

func TestInterruptedHostsGoOn(t *testing.T) {
	for name, change := range map[string]func(*sagemaker.CreateTrainingJobRequest){
		"in a VPC":      func(*sagemaker.CreateTrainingJobRequest) {},
		"apart":         func(r *sagemaker.CreateTrainingJobRequest) { r.EnableNetworkIsolation = new(true) },
		"sealed":        func(r *sagemaker.CreateTrainingJobRequest) { r.EnableInterContainerTrafficEncryption = new(true) },
		"without a VPC": func(r *sagemaker.CreateTrainingJobRequest) { r.VpcConfig = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := spotWorld(t)
			w.run(s)
			r := spotRequest("spot")
			r.ResourceConfig.InstanceCount = new(int32(2))
			change(r)
			w.begin(s, r)
			w.until("both run", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 2 })
			w.interrupt(s, "spot")
			if d := w.ended(s, "spot"); *d.TrainingJobStatus != completed || string(w.s3.get("out/ckpt/starts")) != "xx" {
				t.Errorf("ended %s: %s; %s", *d.TrainingJobStatus, text(d.FailureReason), w.s3.get("out/ckpt/starts"))
			}
			w.empty()
		})
	}
}

func TestAnInterruptedJobGoesOn(t *testing.T) {
	w, s := spotWorld(t)
	w.run(s)
	w.begin(s, spotRequest("spot"))
	w.interrupt(s, "spot")
	d := w.ended(s, "spot")
	if *d.TrainingJobStatus != completed || !*d.EnableManagedSpotTraining {
		t.Fatalf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	var seen []string
	for _, tr := range d.SecondaryStatusTransitions {
		seen = append(seen, *tr.Status)
	}
	if got := strings.Join(seen, " "); got != "Starting Downloading Training Interrupted Starting Downloading Training Uploading Completed" {
		t.Errorf("transitions %s", got)
	}
	if got := string(w.s3.get("out/ckpt/starts")); got != "xx" {
		t.Errorf("checkpoint %q", got)
	}
	if *d.BillableTimeInSeconds > *d.TrainingTimeInSeconds {
		t.Errorf("%d of %d seconds", *d.BillableTimeInSeconds, *d.TrainingTimeInSeconds)
	}
	w.empty()
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, l := range w.lines {
		lines = append(lines, l...)
	}
	if slices.Sort(lines); strings.Join(lines, "|") != "start 1|start 2" {
		t.Errorf("logs %v", w.lines)
	}
}

// interrupt waits until a job's container has written its checkpoint, and has it interrupted twice: that is
// once.
func (w *world) interrupt(s *Service, name string) {
	w.t.Helper()
	w.until("training", func() bool {
		all, _ := w.exec.List(w.t.Context())
		return len(all) > 0 && *w.describe(s, name).SecondaryStatus == training && w.s3.get("out/ckpt/starts") != nil
	})
	for range 2 {
		if err := s.Interrupt(w.t.Context(), account, name); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestWhatCannotBeInterrupted(t *testing.T) {
	w, s := spotWorld(t)
	refused(t, s.Interrupt(t.Context(), account, "none"), "ValidationException", "Requested resource not found.")
	r := trainingRequest("plain")
	w.begin(s, r)
	refused(t, s.Interrupt(t.Context(), account, "plain"), "ValidationException", "does not use managed spot training")
	w.begin(s, spotRequest("early"))
	refused(t, s.Interrupt(t.Context(), account, "early"), "ValidationException", "has secondary status Starting")
}

// TestAStopDuringAnInterruption asks an interrupted job to stop before it has begun again.
func TestAStopDuringAnInterruption(t *testing.T) {
	w, s := spotWorld(t)
	stop := w.run(s)
	w.begin(s, spotRequest("spot"))
	w.until("training", func() bool {
		all, _ := w.exec.List(t.Context())
		return len(all) == 1 && w.s3.get("out/ckpt/starts") != nil
	})
	stop()
	if err := s.Interrupt(t.Context(), account, "spot"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("spot")); err != nil {
		t.Fatal(err)
	}
	s = w.service()
	w.run(s)
	if d := w.ended(s, "spot"); *d.TrainingJobStatus != stopped || *d.SecondaryStatus != stopped {
		t.Errorf("ended %s %s", *d.TrainingJobStatus, *d.SecondaryStatus)
	}
	w.empty()
}

func TestAJobThatWaitedTooLong(t *testing.T) {
	w, s := spotWorld(t)
	stop := w.run(s)
	w.begin(s, spotRequest("spot"))
	w.until("training", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 1 })
	stop()
	if err := w.db.Update(t.Context(), func(tx *store.Tx) error {
		j, err := trainingJobs.Get(tx, store.Key(account, "spot"))
		if err != nil {
			return err
		}
		j.Created = time.Now().Add(-time.Hour)
		return trainingJobs.Put(tx, store.Key(account, "spot"), j)
	}); err != nil {
		t.Fatal(err)
	}
	s = w.service()
	w.run(s)
	if d := w.ended(s, "spot"); *d.TrainingJobStatus != stopped || *d.SecondaryStatus != "MaxWaitTimeExceeded" {
		t.Errorf("ended %s %s", *d.TrainingJobStatus, *d.SecondaryStatus)
	}
	w.empty()
}

// TestAnInterruptionSurvivesEveryCrash stops the process at each outward call of an interruption in turn.
func TestAnInterruptionSurvivesEveryCrash(t *testing.T) {
	for n := 1; ; n++ {
		crashed := false
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w, s := spotWorld(t)
			stop := w.run(s)
			w.begin(s, spotRequest("job"))
			w.until("training", func() bool {
				all, _ := w.exec.List(t.Context())
				return len(all) == 1 && w.s3.get("out/ckpt/starts") != nil
			})
			stop()
			if err := s.Interrupt(t.Context(), account, "job"); err != nil {
				t.Fatal(err)
			}
			s = w.service()
			crashed = w.crashAt(s, n, func() bool { return *w.describe(s, "job").TrainingJobStatus == completed })
			s = w.service()
			w.run(s)
			if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
				t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
			}
			w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces)+len(w.isolated) == 0 })
			w.empty()
			// The second start may itself be repeated, but never begin without what the first left.
			if got := string(w.s3.get("out/ckpt/starts")); got != "xx" {
				t.Errorf("checkpoint %q", got)
			}
		})
		if !crashed || t.Failed() {
			if n < 10 {
				t.Errorf("only %d calls were interrupted", n-1)
			}
			return
		}
	}
}
