package sagemaker

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// crashAt ends the process when the service makes its nth outward call, and tells whether it came
// that far. The calls under way see their context end, as kill -9 would cut them.
func (w *world) crashAt(s *Service, n int, rest func() bool) (crashed bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var mu sync.Mutex
	count := 0
	w.setBefore(func(string) {
		mu.Lock()
		defer mu.Unlock()
		if count++; count == n {
			crashed = true
			cancel()
		}
	})
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.until("rest or crash", func() bool { return ctx.Err() != nil || rest() })
	w.setBefore(nil)
	cancel()
	if err := <-done; err != nil {
		w.t.Errorf("run: %v", err)
	}
	return crashed
}

// TestTrainingSurvivesEveryCrash stops the process at each outward call of a job in turn: one on an isolated
// host, one on three hosts of a VPC, one on two hosts of a private network whose traffic is sealed.
func TestTrainingSurvivesEveryCrash(t *testing.T) {
	for name, c := range map[string]struct {
		hosts    int32
		isolated bool
	}{"alone": {1, true}, "three": {3, false}, "two apart": {2, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				if n > 200 {
					t.Fatal("the job never gets through")
				}
				crashed := false
				t.Run(fmt.Sprint(n), func(t *testing.T) { crashed = crashTraining(t, n, c.hosts, c.isolated) })
				if !crashed || t.Failed() {
					if n < 10 {
						t.Errorf("only %d calls were interrupted", n-1)
					}
					return
				}
			}
		})
	}
}

func crashTraining(t *testing.T, n int, hosts int32, isolated bool) (crashed bool) {
	w, s := trainingWorld(t)
	r := trainingRequest("job")
	r.ResourceConfig.InstanceCount, r.EnableNetworkIsolation, r.EnableInterContainerTrafficEncryption = &hosts, &isolated, &isolated
	w.begin(s, r)
	crashed = w.crashAt(s, n, func() bool { return *w.describe(s, "job").TrainingJobStatus == completed })
	s = w.service()
	w.run(s)
	if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
		t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.until("nothing left", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.interfaces)+len(w.isolated)+len(w.joined) == 0
	})
	w.empty()
	if w.s3.get("out/models/job/output/model.tar.gz") == nil {
		t.Error("no model")
	}
	w.once()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.lines) != int(hosts) {
		t.Errorf("%d log streams", len(w.lines))
	}
	for _, lines := range w.lines { // a batch may come twice, but none may be lost
		if n := len(lines); n < 2 || n > 4 || lines[0] != "hello program train" || lines[n-1] != "done" {
			t.Errorf("log %q", lines)
		}
	}
	return crashed
}

// TestTrainingLosesItsInterfacesId stops the process between the making of an interface and the
// record of its id, with a role that is gone afterwards.
func TestTrainingLosesItsInterfacesId(t *testing.T) {
	w, s := trainingWorld(t)
	if _, err := s.createTrainingJob(t.Context(), w.call(), trainingRequest("job")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.setBefore(func(call string) {
		if call == "ec2.CreateNetworkInterface" {
			go cancelAfterMade(w, cancel)
		}
	})
	_ = s.Run(ctx)
	w.setBefore(nil)
	w.mu.Lock()
	w.deny["sts.AssumeRole"] = validation.New("gone")
	w.mu.Unlock()
	s = w.service()
	w.run(s)
	d := w.ended(s, "job")
	if *d.TrainingJobStatus != failed && *d.TrainingJobStatus != completed {
		t.Errorf("ended %s", *d.TrainingJobStatus)
	}
	w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces) == 0 })
	w.empty()
}

func cancelAfterMade(w *world, cancel func()) {
	w.until("interface", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.tokens) > 0 })
	cancel()
}

// TestEndpointSurvivesEveryCrash does the same for an endpoint's creation and deletion.
func TestEndpointSurvivesEveryCrash(t *testing.T) {
	for _, deletes := range []bool{false, true} {
		for n := 1; ; n++ {
			crashed := false
			t.Run(fmt.Sprint("deleting ", deletes, " ", n), func(t *testing.T) {
				w, s := hostingWorld(t)
				w.deployable(s, "m", "", 1)
				w.create(s, "e", "m")
				if !deletes {
					crashed = w.crashAt(s, n, func() bool { return len(w.places("e")) == 1 })
				} else {
					stop := w.run(s)
					w.status(s, "e", inService)
					stop()
					s = w.service()
					w.deleteEndpoint(s, "e")
					crashed = w.crashAt(s, n, func() bool { return w.endpoint(s, "e") == nil })
				}
				w.Remove(account, "e")
				s = w.service()
				w.run(s)
				if !deletes {
					w.status(s, "e", inService)
					w.until("routed", func() bool { return len(w.places("e")) == 1 })
					w.deleteEndpoint(s, "e")
				}
				w.status(s, "e", "gone")
				w.empty()
			})
			if !crashed || t.Failed() || n > 100 {
				break
			}
		}
	}
}

// TestAFailedHostSurvivesEveryCrash stops the process at each outward call of a job of which one host fails while the
// others wait to be ended: that host is always why, and nothing is left. With stops, somebody asks the job to stop instead.
func TestAFailedHostSurvivesEveryCrash(t *testing.T) {
	for _, stops := range []bool{false, true} {
		t.Run(fmt.Sprint("stops ", stops), func(t *testing.T) {
			t.Parallel()
			for n, more := 1, true; more && !t.Failed(); n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) { more = crashCluster(t, n, stops) })
				if n > 200 {
					t.Fatal("the job never gets through")
				}
			}
		})
	}
}

func crashCluster(t *testing.T, n int, stops bool) (crashed bool) {
	c := &cluster{fails: "algo-2", slow: map[string]int{"algo-1": 143, "algo-3": 0}}
	if stops {
		c = &cluster{slow: map[string]int{"algo-1": 143, "algo-2": 0, "algo-3": 9}}
	}
	w, s := clusterWorld(t, c)
	r := clusterRequest("job")
	r.ResourceConfig.InstanceCount = new(int32(3))
	w.begin(s, r)
	if stops {
		stop := w.run(s)
		w.until("running", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 3 })
		stop()
		if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("job")); err != nil {
			t.Fatal(err)
		}
		s = w.service()
	}
	crashed = w.crashAt(s, n, func() bool { st := *w.describe(s, "job").TrainingJobStatus; return st == failed || st == stopped })
	s = w.service()
	w.run(s)
	d := w.ended(s, "job")
	if !stops && text(d.FailureReason) != "AlgorithmError: algo-2 broke, exit code: 1" || stops && (*d.TrainingJobStatus != stopped || w.s3.get("out/models/job/output/model.tar.gz") == nil) {
		t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces) == 0 })
	w.empty()
	return crashed
}
