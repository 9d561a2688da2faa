package tuning

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// problem is a noisy function with a known optimum.
type problem struct {
	ranges []Range
	cost   func(map[string]string) float64
	found  float64 // a true cost up to which the optimum counts as found
	noise  float64
}

func number(p map[string]string, name string) float64 {
	v, err := strconv.ParseFloat(p[name], 64)
	if err != nil {
		panic(err)
	}
	return v
}

// bowl is best at a learning rate of 0.01, 40 units, and the second of three kinds.
func bowl() problem {
	return problem{
		ranges: []Range{
			{Name: "rate", Kind: Continuous, Min: "0.00001", Max: "1", Scaling: Logarithmic},
			{Name: "units", Kind: Integer, Min: "1", Max: "128", Scaling: Linear},
			{Name: "kind", Kind: Categorical, Values: []string{"a", "b", "c"}},
		},
		cost: func(p map[string]string) float64 {
			cost := square(math.Log10(number(p, "rate"))+2) + square((number(p, "units")-40)/32)
			return cost + map[string]float64{"a": 1, "b": 0, "c": 0.5}[p["kind"]]
		},
		found: 0.1, noise: 0.05,
	}
}

// valleys has three equal optima between which it is flat and bent (the function of Branin).
func valleys() problem {
	return problem{
		ranges: []Range{
			{Name: "x", Kind: Continuous, Min: "-5", Max: "10"},
			{Name: "y", Kind: Continuous, Min: "0", Max: "15"},
		},
		cost: func(p map[string]string) float64 {
			x, y := number(p, "x"), number(p, "y")
			return square(y-5.1/(4*math.Pi*math.Pi)*x*x+5/math.Pi*x-6) + 10*(1-1/(8*math.Pi))*math.Cos(x) + 10
		},
		found: 1.2, noise: 1,
	}
}

// trialsToOptimum runs a job of up to limit trials, so many at once, and gives the number of trials
// after which the optimum was found.
func (f problem) trialsToOptimum(t *testing.T, c Config, limit int) int {
	t.Helper()
	c.Ranges, c.MaxTrials = f.ranges, limit
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	noise := rand.New(rand.NewPCG(c.Seed, 99))
	var trials []Trial
	for len(trials) < limit {
		for _, next := range s.Next(trials, c.MaxParallel) {
			cost := f.cost(next.Parameters)
			trials = append(trials, next)
			if cost <= f.found {
				return len(trials)
			}
			value := cost + f.noise*noise.NormFloat64()
			if c.Maximize {
				value = -value
			}
			trials[len(trials)-1].Values, trials[len(trials)-1].State = []float64{value}, Completed
		}
	}
	return limit
}

func TestBayesianFindsANoisyOptimumWithAtMost60PercentOfRandomsTrials(t *testing.T) {
	const seeds, limit = 25, 150
	for name, f := range map[string]problem{"bowl": bowl(), "valleys": valleys()} {
		var random, bayesian []int
		for seed := range uint64(seeds) {
			maximize := seed%2 == 1
			random = append(random, f.trialsToOptimum(t, Config{Strategy: Random, Maximize: maximize, MaxParallel: 1, Seed: seed}, limit))
			bayesian = append(bayesian, f.trialsToOptimum(t, Config{Strategy: Bayesian, Maximize: maximize, MaxParallel: 1, Seed: seed}, limit))
		}
		compare(t, name, random, bayesian)
	}
}

func TestBayesianWithTrialsAtOnceIsStillBetterThanRandom(t *testing.T) {
	const seeds, limit = 15, 150
	var random, bayesian []int
	for seed := range uint64(seeds) {
		random = append(random, bowl().trialsToOptimum(t, Config{Strategy: Random, MaxParallel: 4, Seed: seed}, limit))
		bayesian = append(bayesian, bowl().trialsToOptimum(t, Config{Strategy: Bayesian, MaxParallel: 4, Seed: seed}, limit))
	}
	compare(t, "bowl, 4 at once", random, bayesian)
}

// compare wants the mean and the median of trials at 60 % at most, and the optimum found by nearly all.
func compare(t *testing.T, name string, random, bayesian []int) {
	t.Helper()
	mean := func(list []int) float64 {
		sum := 0
		for _, n := range list {
			sum += n
		}
		return float64(sum) / float64(len(list))
	}
	middle := func(list []int) float64 {
		return float64(slices.Sorted(slices.Values(list))[len(list)/2])
	}
	t.Logf("%s: trials to the optimum: random mean %.1f median %.0f; Bayesian mean %.1f median %.0f", name, mean(random), middle(random), mean(bayesian), middle(bayesian))
	if mean(bayesian) > 0.6*mean(random) || middle(bayesian) > 0.6*middle(random) {
		t.Errorf("%s: more than 60 %% of random search's trials: %v against %v", name, bayesian, random)
	}
}
