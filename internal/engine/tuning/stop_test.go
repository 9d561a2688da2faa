package tuning

import (
	"slices"
	"testing"
)

// running gives trials of which all run and reported one value a step, made by value.
func running(n, steps int, value func(index, step int) float64) []Trial {
	trials := make([]Trial, n)
	for i := range trials {
		trials[i].Index = i
		for step := range steps {
			trials[i].Values = append(trials[i].Values, value(i, step))
		}
	}
	return trials
}

func TestTheMedianRule(t *testing.T) {
	c := config(Random)
	c.EarlyStop = true
	s := search(t, c)
	trials := []Trial{ // running averages at the second step: 1.5, 3, 4.5, so 3 in the middle
		{Index: 0, State: Completed, Values: []float64{2, 1}}, {Index: 1, State: Completed, Values: []float64{4, 2}}, {Index: 2, State: Completed, Values: []float64{5, 4, 0}},
		{Index: 3, State: Failed, Values: []float64{0, 0}}, {Index: 4, State: Stopped, Values: []float64{0, 0}},
		{Index: 5, Values: []float64{1, 3.1}}, {Index: 6, Values: []float64{9, 3}}, {Index: 7}, {Index: 8, Values: []float64{9, 9, 9}},
	}
	if got := s.Stop(trials); !slices.Equal(got, []int{5}) {
		t.Errorf("minimise: stops %v, want only 5: 6 equals the median, 7 told nothing, 8 has only one to compare with", got)
	}
	c.Maximize = true
	trials[6].Values[1] = 2.9
	if got := search(t, c).Stop(trials); !slices.Equal(got, []int{6}) {
		t.Errorf("maximise: stops %v, want only 6", got)
	}
	c.EarlyStop = false
	if got := search(t, c).Stop(trials); got != nil {
		t.Errorf("without early stopping it stops %v", got)
	}
}

func TestHyperbandKeepsTheBestThirdOfEachRung(t *testing.T) {
	c := config(Hyperband)
	c.Ranges = []Range{{Name: "x", Kind: Continuous, Min: "0", Max: "1"}}
	c.MaxTrials, c.MinResource, c.MaxResource = 9, 3, 9 // one bracket with one rung, at 3
	s := search(t, c)
	quality := func(i, step int) float64 { return float64(i*7%9) - float64(step) }
	if got := s.Stop(running(9, 2, quality)); got != nil {
		t.Errorf("before the least resource it stops %v", got)
	}
	if got, want := s.Stop(running(9, 3, quality)), []int{1, 2, 3, 5, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("at the rung it stops %v, want %v", got, want)
	}
	if got := s.Stop(running(2, 3, quality)); got != nil {
		t.Errorf("with fewer than %d at a rung it stops %v", eta, got)
	}
	if got, want := s.Stop(running(2, 9, quality)), []int{0, 1}; !slices.Equal(got, want) {
		t.Errorf("at the greatest resource it stops %v, want %v", got, want)
	}
}

func TestHyperbandStopsTheSameWhoeverComesFirst(t *testing.T) {
	c := config(Hyperband)
	c.MaxTrials, c.MaxResource, c.Maximize = 60, 81, true
	s := search(t, c)
	all := running(60, 81, func(i, step int) float64 { return float64(i*37%60) + float64(step)/100 })
	// Whoever is at the top of its bracket must survive at every step, in any state of the others.
	best := map[int]int{}
	for _, trial := range all {
		b := s.bracket(trial.Index)
		if i, ok := best[b]; !ok || trial.Values[0] > all[i].Values[0] {
			best[b] = trial.Index
		}
	}
	for _, ahead := range []int{0, 7, 40} {
		for step := 1; step <= 60; step++ {
			trials := slices.Clone(all)
			for i := range trials {
				trials[i].Values = trials[i].Values[:min(step+i%(ahead+1), 80)]
			}
			for _, index := range s.Stop(trials) {
				if best[s.bracket(index)] == index {
					t.Fatalf("stops %d, the best of its bracket, at step %d", index, step)
				}
			}
		}
	}
}

func TestHyperbandsBracketsUseAboutTheSame(t *testing.T) {
	c := config(Hyperband)
	c.MaxTrials, c.MaxResource = 500, 27
	s := search(t, c)
	used := make([]float64, s.brackets())
	for i := range 500 {
		b := s.bracket(i)
		// A bracket's trials use the lowest rung each, then a third three times it, and so on.
		used[b] += float64(s.lowestRung(b)) * float64(s.brackets()-b)
	}
	if slices.Max(used) > 2*slices.Min(used) {
		t.Errorf("the brackets use %v", used)
	}
}

func TestHyperbandUsesLessAndFindsAsMuch(t *testing.T) {
	c := config(Hyperband)
	c.Ranges = []Range{{Name: "x", Kind: Continuous, Min: "0", Max: "1"}}
	c.MaxTrials, c.MaxParallel, c.MaxResource = 60, 6, 27
	s := search(t, c)
	var trials []Trial
	used, best := 0, inf
	for s.Complete(trials) == GoesOn {
		trials = append(trials, s.Next(trials, 6)...)
		for i := range trials {
			if trials[i].State == Running {
				used++
				trials[i].Values = append(trials[i].Values, square(number(trials[i].Parameters, "x")-0.3)+1/float64(len(trials[i].Values)+1))
			}
		}
		for _, index := range s.Stop(trials) {
			trials[index].State = Stopped
			if len(trials[index].Values) >= 27 {
				trials[index].State = Completed
			}
		}
	}
	for _, trial := range trials {
		best = min(best, square(number(trial.Parameters, "x")-0.3))
	}
	found := square(number(trials[s.Best(trials)].Parameters, "x") - 0.3)
	if used > 60*27/2 || found > best+0.01 {
		t.Errorf("used %d of %d steps; found %v, there was %v", used, 60*27, found, best)
	}
}
