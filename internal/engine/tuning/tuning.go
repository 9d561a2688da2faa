// Package tuning chooses the hyperparameters of a tuning job's trials: what to try next, what to
// stop early, when to end.
//
// It promises that a Search is a pure function of its configuration and of the trials so far: a
// process that starts again and reads the same trials makes the same choices. It knows no clock, no
// job and no machine; a trial is its parameters, its state and the objective's values.
package tuning

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Strategy is how parameters are chosen, in AWS's words.
type Strategy string

// The strategies.
const (
	Bayesian  Strategy = "Bayesian"
	Random    Strategy = "Random"
	Grid      Strategy = "Grid"
	Hyperband Strategy = "Hyperband"
)

// Config is what a tuning job asks for.
type Config struct {
	Strategy    Strategy
	Maximize    bool
	Ranges      []Range
	Static      map[string]string
	MaxTrials   int // 0 is as many as the grid has; other strategies need one
	MaxParallel int
	EarlyStop   bool // by the median rule
	MinResource int  // Hyperband: values before which no trial is stopped; 0 is 1
	MaxResource int  // Hyperband: values after which a trial is; 0 is what the static parameters say
	Criteria    Criteria
	WarmStart   WarmStart
	Seed        uint64
}

// State is how far a trial is.
type State int

// The states.
const (
	Running State = iota // or about to
	Completed
	Stopped // early, by whomever
	Failed
)

// Trial is one set of parameters being tried.
type Trial struct {
	Index      int // its number, from 0
	Parameters map[string]string
	State      State
	Values     []float64 // the objective metric, one for each step that reported it
	Final      *float64  // the objective at the end; nil is the last of Values
	Ended      int64     // any number that grows with the time of the end; sorts the ended trials
}

// Objective is the trial's value, if it has a usable one.
func (t Trial) Objective() (float64, bool) {
	switch {
	case t.Final != nil:
		return *t.Final, finite(*t.Final)
	case len(t.Values) > 0:
		last := t.Values[len(t.Values)-1]
		return last, finite(last)
	}
	return 0, false
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Search makes a job's choices.
type Search struct {
	config Config
	axes   []axis
	total  int
	dealt  []int // Hyperband: the bracket of each trial
}

// New checks the configuration; its error is for the customer.
func New(c Config) (*Search, error) {
	axes, err := check(&c)
	if err != nil {
		return nil, err
	}
	total := c.MaxTrials
	if c.Strategy == Grid {
		total = int(combinations(axes))
	}
	s := &Search{config: c, axes: axes, total: total}
	if c.Strategy == Hyperband {
		s.dealt = s.dealBrackets()
	}
	return s, nil
}

// Total is how many trials the job makes if nothing ends it before.
func (s *Search) Total() int { return s.total }

// Next gives up to k further trials, numbered after those there are. It gives fewer when the job's
// number is reached, and never so many that more run at once than the configuration allows.
func (s *Search) Next(trials []Trial, k int) []Trial {
	first, running := 0, 0
	for _, t := range trials {
		first = max(first, t.Index+1)
		if t.State == Running {
			running++
		}
	}
	k = min(k, s.total-first, s.config.MaxParallel-running)
	if k <= 0 {
		return nil
	}
	known := s.known(trials)
	var next []Trial
	for index := first; index < first+k; index++ {
		var p point
		switch s.config.Strategy {
		case Grid:
			p = s.gridPoint(index)
		case Bayesian:
			p = s.bayesianPoint(index, trials, next, known)
		default:
			p = s.randomPoint(index, known)
		}
		parameters := s.parameters(p)
		known[s.key(parameters)] = true
		next = append(next, Trial{Index: index, Parameters: parameters})
	}
	return next
}

// Stop names the running trials that are not worth going on with.
func (s *Search) Stop(trials []Trial) []int {
	var stop []int
	for _, t := range trials {
		if t.State != Running {
			continue
		}
		if s.config.Strategy == Hyperband && s.outOfRung(t, trials) || s.config.EarlyStop && s.belowMedian(t, trials) {
			stop = append(stop, t.Index)
		}
	}
	slices.Sort(stop)
	return stop
}

// Best is the index of the trial with the best objective, -1 without any. Failed trials have none.
func (s *Search) Best(trials []Trial) int {
	best, index := math.Inf(1), -1
	for _, t := range trials {
		if v, ok := t.Objective(); ok && t.State != Failed && t.State != Running && (s.cost(v) < best || s.cost(v) == best && t.Index < index) {
			best, index = s.cost(v), t.Index
		}
	}
	return index
}

// cost turns the objective so that less is better.
func (s *Search) cost(objective float64) float64 {
	if s.config.Maximize {
		return -objective
	}
	return objective
}

// What random numbers are for: each use has its own, so that none moves another's.
const (
	forPoint = iota + 1
	forDesign
	forAcquisition
)

func (s *Search) random(use, index int) *rand.Rand {
	return rand.New(rand.NewPCG(s.config.Seed, uint64(use)<<32|uint64(index)))
}

func (s *Search) parameters(p point) map[string]string {
	parameters := make(map[string]string, len(s.axes))
	for i, a := range s.axes {
		parameters[a.name] = a.text(p[i])
	}
	return parameters
}

// key tells equal choices apart from others.
func (s *Search) key(parameters map[string]string) string {
	var b strings.Builder
	for _, a := range s.axes {
		b.WriteString(parameters[a.name])
		b.WriteByte(0)
	}
	return b.String()
}

// known are the choices that were made: by this job, and by its parents on the same data.
func (s *Search) known(trials []Trial) map[string]bool {
	known := map[string]bool{}
	for _, t := range trials {
		known[s.key(t.Parameters)] = true
	}
	if s.config.WarmStart.Type != IdenticalData {
		return known
	}
	for _, parent := range s.config.WarmStart.Parents {
		for _, t := range parent.Trials {
			if sameStatics(parent.all(t), s.config.Static) {
				known[s.key(parent.all(t))] = true
			}
		}
	}
	return known
}

// attempts at a choice nobody made before; a space may have none left.
const attempts = 100

// randomPoint depends on the index and on the choices before it alone.
func (s *Search) randomPoint(index int, known map[string]bool) point {
	random := s.random(forPoint, index)
	var p point
	for range attempts {
		p = s.anyPoint(random)
		if !known[s.key(s.parameters(p))] {
			break
		}
	}
	return p
}

func (s *Search) anyPoint(random *rand.Rand) point {
	p := make(point, len(s.axes))
	for i, a := range s.axes {
		p[i] = a.at(random.Float64())
	}
	return p
}

// gridPoint counts through all combinations, the last range fastest.
func (s *Search) gridPoint(index int) point {
	p := make(point, len(s.axes))
	for i := len(s.axes) - 1; i >= 0; i-- {
		n := len(s.axes[i].values)
		p[i] = float64(index % n)
		index /= n
	}
	return p
}
