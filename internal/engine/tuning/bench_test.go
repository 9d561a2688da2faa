package tuning

import (
	"fmt"
	"testing"
)

// BenchmarkNext is one more trial of a Bayesian job that has many.
func BenchmarkNext(b *testing.B) {
	for _, size := range []struct{ axes, trials int }{{3, 20}, {3, 100}, {5, 400}, {30, 400}, {5, 749}} {
		b.Run(fmt.Sprintf("axes=%d,trials=%d", size.axes, size.trials), func(b *testing.B) {
			c := Config{Strategy: Random, MaxTrials: 750, MaxParallel: 100}
			for i := range size.axes {
				c.Ranges = append(c.Ranges, Range{Name: fmt.Sprint(i), Kind: Continuous, Min: "0", Max: "1"})
			}
			var trials []Trial
			for s := search(b, c); len(trials) < size.trials; {
				trials = ended(append(trials, s.Next(trials, min(100, size.trials-len(trials)))...), func(t Trial) float64 {
					return square(number(t.Parameters, "0")-0.3) + square(number(t.Parameters, "1")-0.6)
				})
			}
			c.Strategy = Bayesian
			s := search(b, c)
			for b.Loop() {
				s.Next(trials, 1)
			}
		})
	}
}
