package sagemaker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"cloister/internal/machine/executor"
)

// seeing notes the devices that containers were given.
type seeing struct {
	executor.Executor
	mu   sync.Mutex
	seen map[string][]string
}

func (s *seeing) Start(ctx context.Context, spec executor.Spec) error {
	s.mu.Lock()
	s.seen[spec.ID] = spec.Devices
	s.mu.Unlock()
	return s.Executor.Start(ctx, spec)
}

// TestGPUs: hosts have GPUs of their own, nobody has another's, and who finds none is told.
func TestGPUs(t *testing.T) {
	w, _ := trainingWorld(t)
	eyes := &seeing{Executor: w.exec, seen: map[string][]string{}}
	w.exec = eyes
	s := w.service()
	s.GPUs = []string{"nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=2"}
	w.run(s)
	in := trainingRequest("two")
	in.ResourceConfig.InstanceType, in.ResourceConfig.InstanceCount = new("ml.g5.xlarge"), new(int32(2))
	in.HyperParameters["do"] = "wait"
	in.EnableNetworkIsolation = new(false)
	if _, err := s.createTrainingJob(t.Context(), w.call(), in); err != nil {
		t.Fatal(err)
	}
	w.until("training", func() bool { return *w.describe(s, "two").SecondaryStatus == "Training" })
	w.until("both", func() bool { eyes.mu.Lock(); defer eyes.mu.Unlock(); return len(eyes.seen) == 2 })
	eyes.mu.Lock()
	taken := fmt.Sprint(eyes.seen)
	eyes.mu.Unlock()
	if !strings.Contains(taken, "-1:[nvidia.com/gpu=0]") || !strings.Contains(taken, "-2:[nvidia.com/gpu=1]") {
		t.Error(taken)
	}
	more := trainingRequest("more")
	more.ResourceConfig.InstanceType, more.ResourceConfig.InstanceCount = new("ml.g5.xlarge"), new(int32(2))
	if _, err := s.createTrainingJob(t.Context(), w.call(), more); err != nil {
		t.Fatal(err)
	}
	if d := w.ended(s, "more"); *d.TrainingJobStatus != failed || !strings.HasPrefix(text(d.FailureReason), "CapacityError: Unable to provision requested ML compute capacity") {
		t.Errorf("%s %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	big := trainingRequest("big")
	big.ResourceConfig.InstanceType = new("ml.p3.8xlarge")
	if _, err := s.createTrainingJob(t.Context(), w.call(), big); err == nil || !strings.Contains(err.Error(), "is not available in this region") {
		t.Error(err)
	}
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("two")); err != nil {
		t.Fatal(err)
	}
	w.ended(s, "two")
	again := trainingRequest("again")
	again.ResourceConfig.InstanceType, again.ResourceConfig.InstanceCount = new("ml.g5.xlarge"), new(int32(3))
	again.EnableNetworkIsolation = new(false)
	if _, err := s.createTrainingJob(t.Context(), w.call(), again); err != nil {
		t.Fatal(err)
	}
	if d := w.ended(s, "again"); *d.TrainingJobStatus != completed {
		t.Errorf("once they are back: %s %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
}
