package tuning

import (
	"cmp"
	"math"
	"slices"
)

// Criteria end a job before its number of trials is reached.
type Criteria struct {
	Target       *float64 // an objective as good as this
	NotImproving int      // so many trials without a better one; 0 is never
	Convergence  bool
}

// Reason says why a job is over.
type Reason string

// The reasons; none while it goes on.
const (
	GoesOn          Reason = ""
	AllTried        Reason = "AllTried"
	TargetReached   Reason = "TargetObjectiveMetricValue"
	NoImprovement   Reason = "BestObjectiveNotImproving"
	ConvergenceSeen Reason = "ConvergenceDetected"
)

const (
	// minNotImproving is the least MaxNumberOfTrainingJobsNotImproving that AWS's model takes.
	minNotImproving = 3
	// improvement is by what share an objective must be better than the best to count as better.
	improvement = 0.01
	// convergedAfter is the least number of trials without improvement that is convergence: more in
	// wider spaces, and a fifth of the trials before them.
	convergedAfter = 10
)

// Complete tells whether the job is over. Trials that run then are the caller's to stop.
func (s *Search) Complete(trials []Trial) Reason {
	ended := s.ended(trials)
	if target := s.config.Criteria.Target; target != nil {
		for _, cost := range ended {
			if cost <= s.cost(*target) {
				return TargetReached
			}
		}
	}
	idle := idleTrials(ended)
	if n := s.config.Criteria.NotImproving; n > 0 && idle >= n {
		return NoImprovement
	}
	if s.config.Criteria.Convergence && s.converged(ended, idle) {
		return ConvergenceSeen
	}
	launched, running := 0, false
	for _, t := range trials {
		launched = max(launched, t.Index+1)
		running = running || t.State == Running
	}
	if launched >= s.total && !running {
		return AllTried
	}
	return GoesOn
}

// NotImproving is how many trials ended since the best objective last became better by more than 1 %.
func (s *Search) NotImproving(trials []Trial) int { return idleTrials(s.ended(trials)) }

// ended gives the costs of the ended trials in the order of their ends. One without an objective
// has improved nothing.
func (s *Search) ended(trials []Trial) []float64 {
	list := slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return t.State == Running })
	slices.SortStableFunc(list, func(a, b Trial) int { return cmp.Or(cmp.Compare(a.Ended, b.Ended), a.Index-b.Index) })
	costs := make([]float64, len(list))
	for i, t := range list {
		costs[i] = inf
		if v, ok := t.Objective(); ok && t.State != Failed {
			costs[i] = s.cost(v)
		}
	}
	return costs
}

// idleTrials counts the costs after the last that was better than all before by more than a little.
func idleTrials(costs []float64) int {
	best, idle := inf, 0
	for _, cost := range costs {
		if cost < best && (math.IsInf(best, 1) || best-cost > improvement*math.Abs(best)) {
			best, idle = cost, 0
			continue
		}
		if !math.IsInf(best, 1) {
			idle++
		}
	}
	return idle
}

// converged wants nothing better among many trials, and trials enough to judge.
func (s *Search) converged(costs []float64, idle int) bool {
	enough := max(convergedAfter, 3*len(s.axes), (len(costs)-idle)/5)
	return idle >= enough && len(costs) >= s.designSize()+enough
}
