package tuning

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// parentOf runs a job of random trials on the bowl, and makes it a parent; shift and stretch
// change its costs.
func parentOf(t *testing.T, name string, seed uint64, n int, shift, stretch float64) Parent {
	f := bowl()
	s := search(t, Config{Strategy: Random, MaxTrials: n, MaxParallel: n, Seed: seed, Ranges: f.ranges})
	p := Parent{Name: name, Metric: "loss", Ranges: f.ranges}
	for _, trial := range s.Next(nil, n) {
		trial.State, trial.Values = Completed, []float64{shift + stretch*f.cost(trial.Parameters)}
		p.Trials = append(p.Trials, trial)
	}
	return p
}

func TestParentsMakeTheSearchShorter(t *testing.T) {
	for _, c := range []struct {
		kind           WarmStartType
		shift, stretch float64
	}{{IdenticalData, 0, 1}, {TransferLearning, 100, 7}} {
		cold, warm := 0, 0
		for seed := range uint64(8) {
			cold += bowl().trialsToOptimum(t, Config{Strategy: Bayesian, MaxParallel: 1, Seed: seed}, 100)
			parents := []Parent{parentOf(t, "a", 100+seed, 20, c.shift, c.stretch), parentOf(t, "b", 200+seed, 20, c.shift, c.stretch)}
			warm += bowl().trialsToOptimum(t, Config{Strategy: Bayesian, MaxParallel: 1, Seed: seed, WarmStart: WarmStart{c.kind, parents}}, 100)
		}
		t.Logf("%s: %d trials cold, %d warm", c.kind, cold, warm)
		if float64(warm) > 0.6*float64(cold) {
			t.Errorf("%s: %d trials with two parents, %d without", c.kind, warm, cold)
		}
	}
}

func TestWhatAParentTriedIsNotTriedAgain(t *testing.T) {
	ranges := []Range{{Name: "n", Kind: Integer, Min: "1", Max: "10"}}
	c := Config{Strategy: Random, MaxTrials: 5, MaxParallel: 5, Ranges: ranges, Static: map[string]string{"k": "2"}}
	parent := Parent{Ranges: ranges, Static: c.Static, Trials: search(t, c).Next(nil, 5)}
	c.Seed, c.WarmStart = 3, WarmStart{IdenticalData, []Parent{parent}}
	seen := map[string]bool{}
	for _, trial := range slices.Concat(parent.Trials, search(t, c).Next(nil, 5)) {
		seen[trial.Parameters["n"]] = true
	}
	if len(seen) != 10 {
		t.Errorf("tried %v", slices.Sorted(maps.Keys(seen)))
	}
}

func TestAParentWithOtherRangesAndStatics(t *testing.T) {
	parent := parentOf(t, "a", 1, 10, 0, 1)
	parent.Trials[0].Parameters["rate"], parent.Trials[1].Parameters["kind"], parent.Trials[2].State = "nonsense", "gone", Failed
	c := Config{Strategy: Bayesian, MaxTrials: 10, MaxParallel: 2, Static: map[string]string{"kind": "b"}, Ranges: []Range{
		{Name: "rate", Kind: Continuous, Min: "0.001", Max: "0.1"}, {Name: "units", Kind: Integer, Min: "32", Max: "256"},
	}}
	c.WarmStart = WarmStart{IdenticalData, []Parent{parent}}
	s := search(t, c)
	tasks := map[bool]int{}
	for _, o := range s.inherited() {
		tasks[o.task == 0]++
	}
	if tasks[true]+tasks[false] != 8 || tasks[true] == 0 || tasks[false] == 0 {
		t.Errorf("observations of this job's task and of others: %v; want 8 in all, of both", tasks)
	}
	for _, trial := range s.Next(nil, 2) {
		if rate, units := number(trial.Parameters, "rate"), number(trial.Parameters, "units"); rate < 0.001 || rate > 0.1 || units < 32 {
			t.Errorf("outside its own ranges: %v", trial.Parameters)
		}
	}
}

func TestParentsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"none": {func(c *Config) { c.WarmStart.Parents = nil }, "from 1 to 5 parent"},
		"six":  {func(c *Config) { c.WarmStart.Parents = slices.Repeat(c.WarmStart.Parents, 6) }, "from 1 to 5 parent"},
		"kind": {func(c *Config) { c.WarmStart.Type = "Lukewarm" }, "[Lukewarm] is not one of"},
		"names": {func(c *Config) { c.Static = map[string]string{"more": "1"} },
			"The set of tunable plus static HyperParameter names is not the same across current and parent tuning jobs. Please ensure this set is constant when warm starting. Note that previously static HyperParameters can be tuned in warm start jobs and vice versa."},
		"metric":    {func(c *Config) { c.WarmStart.Parents[1].Metric = "accuracy" }, "objective metric of the parent hyperparameter tuning job [b]"},
		"direction": {func(c *Config) { c.Maximize = true }, "objective metric of the parent hyperparameter tuning job [a]"},
		"type": {func(c *Config) {
			c.Ranges = slices.Clone(c.Ranges)
			c.Ranges[1] = Range{Name: "units", Kind: Continuous, Min: "1", Max: "2"}
		}, "[units] is of the type [Integer] in the parent"},
		"statics": {func(c *Config) {
			c.Static = map[string]string{}
			old := map[string]string{}
			for _, name := range strings.Split("abcdefghijk", "") {
				c.Static[name], old[name] = "new", "old"
			}
			c.WarmStart.Parents[0].Static, c.WarmStart.Parents[1].Static = old, old
		}, "is [11]. It must not be greater than [10]"},
	} {
		given := Config{Strategy: Bayesian, MaxTrials: 10, MaxParallel: 1, Ranges: bowl().ranges}
		given.WarmStart = WarmStart{TransferLearning, []Parent{parentOf(t, "a", 1, 3, 0, 1), parentOf(t, "b", 2, 3, 0, 1)}}
		search(t, given)
		c.change(&given)
		if _, err := New(given); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

func TestWhatThePlatformAddsIsNoChange(t *testing.T) {
	c := Config{Strategy: Bayesian, MaxTrials: 10, MaxParallel: 1, Ranges: bowl().ranges}
	parent := parentOf(t, "a", 1, 6, 0, 1)
	parent.Static = map[string]string{"_tuning_objective_metric": "loss"}
	c.WarmStart = WarmStart{IdenticalData, []Parent{parent}}
	for _, o := range search(t, c).inherited() {
		if o.task != 0 {
			t.Fatalf("an observation of the same data is of task %d", o.task)
		}
	}
}
