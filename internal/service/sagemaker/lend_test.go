package sagemaker

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

const variable = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="

// waiting is a container that lives until it is ended, and shows its environment.
func waiting(seen chan<- []string) memory.Program {
	return func(ctx context.Context, p memory.Process) int {
		seen <- p.Env
		select {
		case <-p.Terminate:
		case <-ctx.Done():
		}
		return 0
	}
}

func pathIn(env []string) string {
	for _, e := range env {
		if path, ok := strings.CutPrefix(e, variable); ok {
			return path
		}
	}
	return ""
}

func TestAContainerIsLentItsRole(t *testing.T) {
	seen := make(chan []string, 4)
	w := newWorld(t, map[string]memory.Program{"program": waiting(seen)})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	s := w.service()
	stop := w.run(s)
	r := trainingRequest("Lent")
	r.EnableNetworkIsolation = nil
	r.Environment = map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/chosen"}
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	path := pathIn(<-seen)
	if len(path) != len("/v2/credentials/")+32 || !strings.HasPrefix(path, "/v2/credentials/") {
		t.Fatalf("path %q", path)
	}
	w.mu.Lock()
	eni := w.informed[0]
	w.mu.Unlock()
	h, ok, err := s.Held(t.Context(), eni)
	if !ok || err != nil || h.Path != path || h.RoleARN != role || h.AccessKey == "" || h.Secret == "" || h.Session == "" || time.Until(h.Expires) < earlyTime {
		t.Errorf("%+v %v %v", h, ok, err)
	}
	if _, ok, _ := s.Held(t.Context(), "eni-other"); ok {
		t.Error("another interface is told credentials")
	}
	// The container outlives the process, and asks the next where it asked the last.
	stop()
	s = w.service()
	var ahead atomic.Int64
	s.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w.run(s)
	w.until("the next process tells it", func() bool { h, ok, err := s.Held(t.Context(), eni); return ok && err == nil && h.Path == path })
	w.mu.Lock()
	w.deny["sts.AssumeRole"] = fault.Kind{Code: "AccessDenied", Status: 403}.New("no")
	w.mu.Unlock()
	if h, ok, err := s.Held(t.Context(), eni); !ok || err != nil || h.AccessKey == "" {
		t.Errorf("good credentials were given up: %v %v", ok, err)
	}
	ahead.Store(int64(sessionTime - earlyTime))
	if _, ok, err := s.Held(t.Context(), eni); !ok || err == nil {
		t.Errorf("old credentials are told on: %v %v", ok, err)
	}
	w.mu.Lock()
	delete(w.deny, "sts.AssumeRole")
	w.mu.Unlock()
	if _, _, err := s.Held(t.Context(), eni); err != nil {
		t.Errorf("not renewed: %v", err)
	}
	ahead.Store(0)
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("Lent")); err != nil {
		t.Fatal(err)
	}
	w.ended(s, "Lent")
	if _, ok, _ := s.Held(t.Context(), eni); ok {
		t.Error("credentials of a job that has ended")
	}
}

func TestAnIsolatedContainerIsLentNothing(t *testing.T) {
	seen := make(chan []string, 4)
	w := newWorld(t, map[string]memory.Program{"program": waiting(seen)})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	s := w.service()
	w.run(s)
	for _, name := range []string{"Isolated", "Bare"} {
		r := trainingRequest(name)
		if name == "Bare" {
			r.VpcConfig = nil
		}
		if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
			t.Fatal(err)
		}
		if path := pathIn(<-seen); path != "" {
			t.Errorf("%s: path %s", name, path)
		}
		if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest(name)); err != nil {
			t.Fatal(err)
		}
		w.ended(s, name)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.informed) > 0 || len(s.lent.at) > 0 {
		t.Errorf("informed %v", w.informed)
	}
}

// TestAContainerWithoutAVPCIsLentItsRole by the place that the service gave it, which no customer's interface is asked for.
func TestAContainerWithoutAVPCIsLentItsRole(t *testing.T) {
	seen := make(chan []string, 4)
	w := newWorld(t, map[string]memory.Program{"program": waiting(seen)})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	s := w.service()
	w.run(s)
	r := trainingRequest("home")
	r.VpcConfig, r.EnableNetworkIsolation = nil, nil
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	path := pathIn(<-seen)
	var id string
	w.mu.Lock()
	for _, hosts := range w.joined {
		id = hosts[0]
	}
	w.mu.Unlock()
	l, ok, err := s.Held(t.Context(), id)
	if err != nil || !ok || l.Path != path || l.RoleARN != role || l.AccessKey == "" {
		t.Errorf("%q is told %+v, %t, %v, and its path is %s", id, l, ok, err, path)
	}
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("home")); err != nil {
		t.Fatal(err)
	}
	w.ended(s, "home")
	if _, ok, _ := s.Held(t.Context(), id); ok || len(w.informed) > 0 {
		t.Errorf("told after its end: %t; informed %v", ok, w.informed)
	}
	w.empty()
}

func stopRequest(name string) *sagemaker.StopTrainingJobRequest {
	return &sagemaker.StopTrainingJobRequest{TrainingJobName: &name}
}
