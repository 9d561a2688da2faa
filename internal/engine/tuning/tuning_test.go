package tuning

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func search(t testing.TB, c Config) *Search {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// config is a valid configuration of every strategy.
func config(strategy Strategy) Config {
	c := Config{
		Strategy: strategy, MaxTrials: 20, MaxParallel: 4, Seed: 7, Static: map[string]string{"epochs": "27"},
		Ranges: []Range{
			{Name: "rate", Kind: Continuous, Min: "0.0001", Max: "1"}, {Name: "size", Kind: Integer, Min: "1", Max: "64"},
			{Name: "kind", Kind: Categorical, Values: []string{"sgd", "adam"}},
		},
	}
	if strategy == Grid {
		c.MaxTrials = 0
		c.Ranges = []Range{{Name: "a", Kind: Categorical, Values: []string{"1", "2", "3"}}, {Name: "b", Kind: Categorical, Values: []string{"x", "y"}}}
	}
	return c
}

func ended(trials []Trial, value func(Trial) float64) []Trial {
	for i, t := range trials {
		if t.State == Running {
			trials[i].State, trials[i].Values, trials[i].Ended = Completed, []float64{value(t)}, int64(t.Index)
		}
	}
	return trials
}

func TestTheSameTrialsGiveTheSameChoices(t *testing.T) {
	for _, strategy := range []Strategy{Bayesian, Random, Grid, Hyperband} {
		c := config(strategy)
		var trials []Trial
		for range 8 {
			next := search(t, c).Next(trials, 2)
			again := search(t, c).Next(slices.Clone(trials), 2)
			if diff := cmp.Diff(next, again); diff != "" {
				t.Fatalf("%s after a restart: %s", strategy, diff)
			}
			trials = ended(append(trials, next...), func(t Trial) float64 { return float64(t.Index%5) + 0.5 })
		}
	}
}

func TestOneByOneGivesTheSameAsTogetherWhereNothingIsLearned(t *testing.T) {
	for _, strategy := range []Strategy{Random, Grid, Hyperband} {
		s := search(t, config(strategy))
		together := s.Next(nil, 4)
		var single []Trial
		for range 4 {
			single = append(single, s.Next(single, 1)...)
		}
		if diff := cmp.Diff(together, single); diff != "" {
			t.Errorf("%s: %s", strategy, diff)
		}
	}
}

func TestAnotherSeedGivesOtherChoices(t *testing.T) {
	for _, strategy := range []Strategy{Bayesian, Random, Hyperband} {
		a, b := config(strategy), config(strategy)
		b.Seed++
		if cmp.Equal(search(t, a).Next(nil, 4), search(t, b).Next(nil, 4)) {
			t.Errorf("%s: the seed changes nothing", strategy)
		}
	}
}

func TestNextKeepsToTheNumbers(t *testing.T) {
	c := config(Random)
	c.MaxTrials, c.MaxParallel = 6, 4
	s := search(t, c)
	trials := s.Next(nil, 10)
	if len(trials) != 4 {
		t.Fatalf("%d at once, want 4", len(trials))
	}
	if more := s.Next(trials, 10); len(more) != 0 {
		t.Fatalf("%d more while 4 of 4 run", len(more))
	}
	trials[1].State = Failed
	trials = append(trials, s.Next(trials, 10)...)
	if len(trials) != 5 || trials[4].Index != 4 {
		t.Fatalf("after one failed: %+v", trials)
	}
	trials = ended(trials, func(Trial) float64 { return 1 })
	trials = append(trials, s.Next(trials, 10)...)
	if len(trials) != 6 || s.Complete(trials) != GoesOn {
		t.Fatalf("%d trials in all, %q; want 6 and going on", len(trials), s.Complete(trials))
	}
	if trials = ended(trials, func(Trial) float64 { return 1 }); s.Complete(trials) != AllTried || len(s.Next(trials, 1)) != 0 {
		t.Fatalf("after all: %q", s.Complete(trials))
	}
}

func TestGridTriesEveryCombinationOnce(t *testing.T) {
	c := config(Grid)
	c.MaxParallel = 100
	s := search(t, c)
	if s.Total() != 6 {
		t.Fatalf("total %d, want 6", s.Total())
	}
	seen := map[string]bool{}
	for _, trial := range s.Next(nil, 100) {
		seen[trial.Parameters["a"]+trial.Parameters["b"]] = true
	}
	if want := []string{"1x", "1y", "2x", "2y", "3x", "3y"}; !slices.Equal(slices.Sorted(maps.Keys(seen)), want) {
		t.Errorf("%v, want %v", slices.Sorted(maps.Keys(seen)), want)
	}
}

func TestNoChoiceIsMadeTwiceWhileOthersAreLeft(t *testing.T) {
	for _, strategy := range []Strategy{Bayesian, Random} {
		c := config(strategy)
		c.Ranges, c.MaxTrials = []Range{{Name: "n", Kind: Integer, Min: "1", Max: "12"}}, 12
		s := search(t, c)
		var trials []Trial
		seen := map[string]bool{}
		for range 12 {
			trials = ended(append(trials, s.Next(trials, 1)...), func(t Trial) float64 { return square(number(t.Parameters, "n") - 9) })
			seen[trials[len(trials)-1].Parameters["n"]] = true
		}
		if len(seen) != 12 {
			t.Errorf("%s: %d of 12 values tried", strategy, len(seen))
		}
	}
}

func TestBestIsOfTheEndedAndNeverOfTheFailed(t *testing.T) {
	s := search(t, config(Random))
	five, nan := 5.0, inf-inf
	trials := []Trial{
		{Index: 0, State: Completed, Values: []float64{1, 9}}, {Index: 1, State: Failed, Values: []float64{0}},
		{Index: 2, State: Running, Values: []float64{0}}, {Index: 3, State: Stopped, Final: &five, Values: []float64{1}},
		{Index: 4, State: Completed, Final: &nan}, {Index: 5, State: Completed},
	}
	if got := s.Best(trials); got != 3 {
		t.Errorf("best is %d, want 3", got)
	}
	if got := s.Best(trials[4:]); got != -1 {
		t.Errorf("best of none is %d", got)
	}
}

// whichever way the trials went, Next, Stop and Complete answer, and what they choose is in range.
func TestChoicesAreInTheirRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(rapid.SampledFrom([]Strategy{Bayesian, Random, Hyperband}).Draw(t, "strategy"))
		c.EarlyStop = c.Strategy != Hyperband
		c.Maximize = rapid.Bool().Draw(t, "maximize")
		c.Ranges[0].Scaling = rapid.SampledFrom([]Scaling{Auto, Linear, Logarithmic}).Draw(t, "scaling")
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		var trials []Trial
		for range rapid.IntRange(0, 5).Draw(t, "rounds") {
			trials = append(trials, s.Next(trials, rapid.IntRange(0, 5).Draw(t, "k"))...)
			for i := range trials {
				if trials[i].State == Running {
					trials[i].State = State(rapid.IntRange(0, 3).Draw(t, "state"))
					trials[i].Values = rapid.SliceOfN(rapid.Float64(), 0, 4).Draw(t, "values")
				}
			}
			s.Stop(trials)
			s.Complete(trials)
		}
		for _, trial := range trials {
			rate, size := number(trial.Parameters, "rate"), number(trial.Parameters, "size")
			if rate < 0.0001 || rate > 1 || size < 1 || size > 64 || strings.Contains(trial.Parameters["size"], ".") || trial.Parameters["kind"] == "" {
				t.Fatalf("out of range: %v", trial.Parameters)
			}
		}
	})
}

func TestAFailedTrialTurnsTheSearchAway(t *testing.T) {
	c := config(Bayesian)
	c.Ranges, c.MaxTrials, c.MaxParallel = []Range{{Name: "x", Kind: Continuous, Min: "0", Max: "1"}}, 30, 1
	s := search(t, c)
	var trials []Trial
	for range 30 { // everything above 0.5 fails, and towards it things get better
		next := s.Next(trials, 1)[0]
		x := number(next.Parameters, "x")
		next.State, next.Values, next.Ended = Completed, []float64{1 - x}, int64(next.Index)
		if x > 0.5 {
			next.State, next.Values = Failed, nil
		}
		trials = append(trials, next)
	}
	failed := 0
	for _, trial := range trials[10:] {
		if trial.State == Failed {
			failed++
		}
	}
	best := number(trials[s.Best(trials)].Parameters, "x")
	if failed > 10 || best < 0.45 {
		t.Errorf("%d of the last 20 failed, best x %v", failed, best)
	}
}

func ExampleSearch_Next() {
	s, _ := New(Config{Strategy: Grid, MaxParallel: 2, Ranges: []Range{{Name: "init_method", Kind: Categorical, Values: []string{"random", "kmeans++"}}}})
	for _, t := range s.Next(nil, 2) {
		fmt.Println(t.Index, t.Parameters["init_method"])
	}
	// Output:
	// 0 random
	// 1 kmeans++
}
