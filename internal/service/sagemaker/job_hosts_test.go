package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/machine/executor"
	"cloister/internal/machine/executor/memory"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

// cluster is a program that every host of a job runs. What each was given it remembers.
type cluster struct {
	mu   sync.Mutex
	seen map[string]executor.Spec // by host
	// fails is the host that fails, slow those that wait until they are ended and what they then give.
	fails string
	slow  map[string]int
}

func (c *cluster) program(ctx context.Context, p memory.Process) int {
	c.mu.Lock()
	c.seen[p.Hostname] = p.Spec
	c.mu.Unlock()
	fmt.Fprintln(p.Output, "I am", p.Hostname)
	os.WriteFile(p.Path("/opt/ml/model/"+p.Hostname), []byte(p.Hostname), 0o644)
	os.WriteFile(p.Path("/opt/ml/model/shared"), []byte(p.Hostname), 0o644)
	if code, waits := c.slow[p.Hostname]; waits {
		select {
		case <-p.Terminate:
			return code
		case <-ctx.Done():
			return 137
		}
	}
	if p.Hostname == c.fails {
		os.WriteFile(p.Path("/opt/ml/output/failure"), []byte(p.Hostname+" broke"), 0o644)
		return 1
	}
	return 0
}

func clusterWorld(t *testing.T, c *cluster) (*world, *Service) {
	c.seen = map[string]executor.Spec{}
	w := newWorld(t, map[string]memory.Program{"program": c.program})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	return w, w.service()
}

// clusterRequest asks for four instances in two subnets.
func clusterRequest(name string) *sagemaker.CreateTrainingJobRequest {
	r := trainingRequest(name)
	r.ResourceConfig.InstanceCount, r.EnableNetworkIsolation = new(int32(4)), nil
	r.VpcConfig.Subnets = []string{"subnet-1", "subnet-2"}
	return r
}

func (w *world) begin(s *Service, r *sagemaker.CreateTrainingJobRequest) {
	w.t.Helper()
	if _, err := s.createTrainingJob(w.t.Context(), w.call(), r); err != nil {
		w.t.Fatal(err)
	}
}

func TestFourHostsTrainTogether(t *testing.T) {
	c := &cluster{}
	w, s := clusterWorld(t, c)
	var subnets []string
	w.setBefore(func(call string) {
		if call == "logs.CreateLogStream" {
			w.mu.Lock()
			defer w.mu.Unlock()
			subnets = nil
			for _, i := range w.interfaces {
				subnets = append(subnets, *i.SubnetId)
			}
		}
	})
	w.begin(s, clusterRequest("four"))
	w.run(s)
	d := w.ended(s, "four")
	if *d.TrainingJobStatus != completed {
		t.Fatalf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	if slices.Sort(subnets); strings.Join(subnets, " ") != "subnet-1 subnet-1 subnet-2 subnet-2" {
		t.Errorf("interfaces in %v", subnets)
	}
	got := untar(t, w.s3.get("out/models/four/output/model.tar.gz"))
	if len(got) != 5 || got["algo-1"] != "algo-1" || got["algo-4"] != "algo-4" || got["shared"] != "algo-4" {
		t.Errorf("model %v", got)
	}
	w.mu.Lock()
	streams := len(w.lines)
	for key, lines := range w.lines {
		if host := strings.Split(strings.TrimPrefix(key, "/aws/sagemaker/TrainingJobs four/"), "-"); len(host) != 3 || lines[0] != "I am algo-"+host[1] {
			t.Errorf("log %s: %q", key, lines)
		}
	}
	w.mu.Unlock()
	if streams != 4 {
		t.Errorf("%d log streams", streams)
	}
	c.checkNames(t)
	w.empty()
}

// checkNames asks that all hosts resolve the same names to one address each, their own too.
func (c *cluster) checkNames(t *testing.T) {
	t.Helper()
	first, roots := c.seen["algo-1"].Hosts, map[string]bool{}
	for host, spec := range c.seen {
		roots[spec.Namespace+" "+spec.Mounts[0].Source] = true
		if len(spec.Hosts) != 5 || spec.Hosts[0] != "127.0.0.1 localhost" || strings.Join(spec.Hosts, ",") != strings.Join(first, ",") {
			t.Errorf("%s resolves %q", host, spec.Hosts)
		}
		if !slices.Contains(spec.Env, "CURRENT_HOST="+host) {
			t.Errorf("%s: %q", host, spec.Env)
		}
	}
	if len(roots) != 4 || len(slices.Compact(slices.Sorted(slices.Values(first)))) != 5 {
		t.Errorf("hosts share something: %v %q", roots, first)
	}
}

func TestIsolatedHostsHaveANetworkOfTheirOwn(t *testing.T) {
	for _, vpc := range []bool{true, false} {
		t.Run(fmt.Sprint("VPC ", vpc), func(t *testing.T) {
			c := &cluster{}
			w, s := clusterWorld(t, c)
			r := clusterRequest("apart")
			r.EnableNetworkIsolation = new(true)
			if !vpc {
				r.VpcConfig = nil
			}
			w.begin(s, r)
			w.run(s)
			if d := w.ended(s, "apart"); *d.TrainingJobStatus != completed {
				t.Fatalf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
			}
			c.checkNames(t)
			for host, spec := range c.seen {
				if !slices.Contains(spec.Hosts, "10.0.0.4 algo-1") || spec.Resolver != "" || slices.ContainsFunc(spec.Env, func(e string) bool { return strings.HasPrefix(e, variable) }) {
					t.Errorf("%s: %q %q %q", host, spec.Hosts, spec.Resolver, spec.Env)
				}
			}
			w.empty()
		})
	}
}

func TestOneFailedHostEndsTheOthers(t *testing.T) {
	c := &cluster{fails: "algo-3", slow: map[string]int{"algo-1": 143, "algo-2": 0}}
	w, s := clusterWorld(t, c)
	w.begin(s, clusterRequest("broken"))
	w.run(s)
	d := w.ended(s, "broken")
	if *d.TrainingJobStatus != failed || text(d.FailureReason) != "AlgorithmError: algo-3 broke, exit code: 1" {
		t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
}

func TestAllHostsAreStopped(t *testing.T) {
	for _, overdue := range []bool{true, false} {
		t.Run(fmt.Sprint("overdue ", overdue), func(t *testing.T) {
			c := &cluster{slow: map[string]int{"algo-1": 0, "algo-2": 3, "algo-3": 0, "algo-4": 0}}
			w, s := clusterWorld(t, c)
			r, want := clusterRequest("slow"), stopped
			if overdue {
				r.StoppingCondition.MaxRuntimeInSeconds, want = new(int32(1)), "MaxRuntimeExceeded"
			}
			w.begin(s, r)
			w.run(s)
			w.until("running", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 4 })
			if !overdue {
				if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("slow")); err != nil {
					t.Fatal(err)
				}
			}
			d := w.ended(s, "slow")
			if *d.TrainingJobStatus != stopped || *d.SecondaryStatus != want || d.FailureReason != nil {
				t.Errorf("ended %s %s: %s", *d.TrainingJobStatus, *d.SecondaryStatus, text(d.FailureReason))
			}
			if w.s3.get("out/models/slow/output/model.tar.gz") == nil {
				t.Error("no model")
			}
			w.empty()
		})
	}
}

// TestGraceIsCountedFromTheFirstStop takes up a job that was told to end long ago: its containers get no
// second grace, and what they give is not why the job ends.
func TestGraceIsCountedFromTheFirstStop(t *testing.T) {
	c := &cluster{slow: map[string]int{"algo-1": 0, "algo-2": 0, "algo-3": 0, "algo-4": 0}}
	w, s := clusterWorld(t, c)
	w.begin(s, clusterRequest("late"))
	stop := w.run(s)
	w.until("running", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 4 })
	stop()
	err := w.db.Update(t.Context(), func(tx *store.Tx) error {
		j, err := trainingJobs.Get(tx, store.Key(account, "late"))
		if err != nil {
			return err
		}
		j.StopAt = new(time.Now().Add(-grace))
		return trainingJobs.Put(tx, store.Key(account, "late"), j)
	})
	if err != nil {
		t.Fatal(err)
	}
	s = w.service()
	w.run(s)
	if d := w.ended(s, "late"); *d.TrainingJobStatus != stopped || *d.SecondaryStatus != "MaxRuntimeExceeded" {
		t.Errorf("ended %s %s: %s", *d.TrainingJobStatus, *d.SecondaryStatus, text(d.FailureReason))
	}
	w.empty()
}

// TestAStopBeforeARestartIsNotForgotten asks a job to stop while nobody works on it.
func TestAStopBeforeARestartIsNotForgotten(t *testing.T) {
	c := &cluster{slow: map[string]int{"algo-1": 0, "algo-2": 0, "algo-3": 0, "algo-4": 0}}
	w, s := clusterWorld(t, c)
	w.begin(s, clusterRequest("held"))
	stop := w.run(s)
	w.until("running", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 4 })
	stop()
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("held")); err != nil {
		t.Fatal(err)
	}
	s = w.service()
	w.run(s)
	if d := w.ended(s, "held"); *d.TrainingJobStatus != stopped {
		t.Errorf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
}

func TestHeterogeneousGroups(t *testing.T) {
	type config struct {
		Current string `json:"current_host"`
		Hosts   []string
		Device  string          `json:"network_interface_name"`
		Type    string          `json:"current_instance_type"`
		Group   string          `json:"current_group_name"`
		Groups  []instanceGroup `json:"instance_groups"`
	}
	c := &cluster{slow: map[string]int{"algo-1": 0, "algo-2": 0, "algo-3": 0}}
	w, s := clusterWorld(t, c)
	r := clusterRequest("mixed")
	r.ResourceConfig.InstanceType, r.ResourceConfig.InstanceCount = nil, nil
	r.ResourceConfig.InstanceGroups = []sagemaker.InstanceGroup{
		{InstanceGroupName: new("data"), InstanceType: new("ml.c5.xlarge"), InstanceCount: new(int32(1))},
		{InstanceGroupName: new("train"), InstanceType: new("ml.m5.large"), InstanceCount: new(int32(2))},
	}
	w.begin(s, r)
	w.run(s)
	w.until("running", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.seen) == 3 })
	for host, want := range map[string]config{"algo-1": {Type: "ml.c5.xlarge", Group: "data"}, "algo-3": {Type: "ml.m5.large", Group: "train"}} {
		b, err := os.ReadFile(filepath.Join(c.seen[host].Mounts[0].Source, "input/config/resourceconfig.json"))
		if err != nil {
			t.Fatal(err)
		}
		want.Current, want.Hosts, want.Device = host, []string{"algo-1", "algo-2", "algo-3"}, "eth0"
		want.Groups = []instanceGroup{{"data", "ml.c5.xlarge", []string{"algo-1"}}, {"train", "ml.m5.large", []string{"algo-2", "algo-3"}}}
		var got config
		if err := json.Unmarshal(b, &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %s, want %v", host, b, want)
		}
	}
	if c.seen["algo-1"].Limits.CPUs != 4 || c.seen["algo-2"].Limits.CPUs != 2 {
		t.Errorf("limits %+v %+v", c.seen["algo-1"].Limits, c.seen["algo-2"].Limits)
	}
	d := w.describe(s, "mixed")
	if d.ResourceConfig.InstanceCount != nil || len(d.ResourceConfig.InstanceGroups) != 2 {
		t.Errorf("%+v", d.ResourceConfig)
	}
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("mixed")); err != nil {
		t.Fatal(err)
	}
	w.ended(s, "mixed")
	w.empty()
}

func TestInstancesThatCannotBeHad(t *testing.T) {
	group := func(name string, n int32) sagemaker.InstanceGroup {
		return sagemaker.InstanceGroup{InstanceGroupName: &name, InstanceType: new("ml.m5.large"), InstanceCount: &n}
	}
	for name, c := range map[string]struct {
		change func(*sagemaker.CreateTrainingJobRequest)
		want   string
	}{
		"none": {func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.InstanceCount = new(int32(0)) }, "InstanceCount must be at least 1"},
		"many": {func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.InstanceCount = new(int32(1 << 30)) }, "request delta of 1073741824 Instances"},
		"both": {func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig.InstanceGroups = []sagemaker.InstanceGroup{group("a", 1)}
		}, "together with"},
		"same name": {func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig = &sagemaker.ResourceConfig{InstanceGroups: []sagemaker.InstanceGroup{group("a", 1), group("a", 1)}}
		}, `"a" is not`},
		"six groups": {func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig = &sagemaker.ResourceConfig{InstanceGroups: make([]sagemaker.InstanceGroup, 6)}
		}, "at most 5"},
		"no type": {func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.InstanceType = nil }, "InstanceType is required"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := clusterWorld(t, &cluster{})
			r := clusterRequest("no")
			c.change(r)
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestPackTakesTheLastOfOneName(t *testing.T) {
	a, b, out := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "out")
	for name, data := range map[string]string{a + "/model/x": "a", b + "/model/x": "b", a + "/model/d/f": "a", b + "/model/d/g": "b", a + "/model/e/f": "a", b + "/model/e": "b", a + "/model/h": "a", b + "/model/h/i": "b"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n, err := packTo(t.Context(), out, []string{a, b}, "model", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"x": "b", "d/": "", "d/f": "a", "d/g": "b", "e": "b", "h/": "", "h/i": "b"}
	if got := untar(t, packed); n != 5 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d files: %v", n, got)
	}
}
