package tuning

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// The number of observations a process is made of, and of points looked at for the next trial.
const (
	maxObservations = 400
	widePoints      = 600
	nearPoints      = 120 // around each of the best
	nearBest        = 4
	climbs          = 3
	// wander is how often a trial goes anywhere at all: what the process is wrongly sure of, nothing
	// else would find out.
	wander = 7
)

// designSize is how many first trials are spread over the space before anything is learned.
func (s *Search) designSize() int { return min(max(4, len(s.axes)+2), 10) }

// bayesianPoint is where the objective is expected to improve most, by what is known when it is
// asked. Trials that still run count as if they had given what is expected of them, so that those
// beside them look elsewhere.
func (s *Search) bayesianPoint(index int, trials, chosen []Trial, known map[string]bool) point {
	inherited := s.inherited()
	if len(inherited) < s.designSize() && index < s.designSize() {
		return s.designPoint(index, known)
	}
	seen, pending := s.observe(trials, inherited)
	if len(seen) < 2 || index%wander == wander-1 {
		return s.randomPoint(index, known)
	}
	for _, t := range chosen {
		if p, ok := s.pointOf(t.Parameters); ok {
			pending = append(pending, p)
		}
	}
	p := newProcess(s.axes, seen)
	for _, at := range pending {
		mean, _ := p.oracle().believe(at)
		p.seen = append(p.seen, observation{point: at, cost: mean})
		p.condition()
	}
	if best := s.mostPromising(p.oracle(), s.random(forAcquisition, index), known); best != nil {
		return best
	}
	return s.randomPoint(index, known)
}

// designPoint is a row of a Latin square: along each axis the first trials are in different parts.
func (s *Search) designPoint(index int, known map[string]bool) point {
	n := s.designSize()
	random := s.random(forDesign, 0)
	p := make(point, len(s.axes))
	for i, a := range s.axes {
		order, within := random.Perm(n), make([]float64, n)
		for j := range within {
			within[j] = random.Float64()
		}
		p[i] = a.at((float64(order[index]) + within[index]) / float64(n))
	}
	if known[s.key(s.parameters(p))] {
		return s.randomPoint(index, known)
	}
	return p
}

// observe turns trials into observations with standard costs, and gives the points of those that
// still run. A failed trial counts as the worst there was: its neighbourhood is not worth much.
func (s *Search) observe(trials []Trial, inherited []observation) (seen []observation, pending []point) {
	seen = slices.Clone(inherited)
	var failed []point
	for _, t := range trials {
		p, ok := s.pointOf(t.Parameters)
		if !ok {
			continue
		}
		value, measured := t.Objective()
		switch {
		case t.State == Running:
			pending = append(pending, p)
		case t.State == Failed || !measured:
			failed = append(failed, p)
		default:
			seen = append(seen, observation{point: p, cost: s.cost(value)})
		}
	}
	standardise(seen)
	seen = recent(seen)
	worst := math.Inf(-1)
	for _, o := range seen {
		worst = max(worst, o.cost)
	}
	if len(seen) > 0 {
		for _, p := range failed {
			seen = append(seen, observation{point: p, cost: worst})
		}
	}
	return seen, pending
}

// recent keeps the best and the last when observations are too many.
func recent(seen []observation) []observation {
	if len(seen) <= maxObservations {
		return seen
	}
	old := seen[:len(seen)-maxObservations/2]
	slices.SortStableFunc(old, func(a, b observation) int { return cmp.Compare(a.cost, b.cost) })
	return append(slices.Clone(old[:maxObservations/2]), seen[len(seen)-maxObservations/2:]...)
}

// tail is how far beyond the median, in distances of the best quarter from it, a cost may be: one
// trial that ran away must not make all others look alike.
const tail = 6

// standardise gives each task's costs the mean 0 and the variance 1.
func standardise(seen []observation) {
	byTask := map[int][]int{}
	for i, o := range seen {
		byTask[o.task] = append(byTask[o.task], i)
	}
	for _, members := range byTask {
		costs := make([]float64, len(members))
		for i, m := range members {
			costs[i] = seen[m].cost
		}
		slices.Sort(costs)
		middle := costs[len(costs)/2]
		limit := middle + tail*(middle-costs[len(costs)/4])
		if limit == middle {
			limit = inf
		}
		mean, square := 0.0, 0.0
		for i, c := range costs {
			delta := min(c, limit) - mean
			mean += delta / float64(i+1)
			square += delta * (min(c, limit) - mean)
		}
		deviation := math.Sqrt(square / float64(len(costs)))
		if !(deviation > 0) || !finite(deviation) {
			deviation = 1
		}
		for _, m := range members {
			seen[m].cost = (min(seen[m].cost, limit) - mean) / deviation
		}
	}
}

// mostPromising looks at points everywhere and around the best ones, and climbs from the most
// promising; nil when all that it looked at was tried before.
func (s *Search) mostPromising(o *oracle, random *rand.Rand, known map[string]bool) point {
	type candidate struct {
		at   point
		gain float64
	}
	order := s.byBelief(o)
	best, _ := o.believe(order[0])
	gain := func(p point) float64 {
		if known[s.key(s.parameters(p))] {
			return math.Inf(-1)
		}
		return o.expectedImprovement(p, best)
	}
	var list []candidate
	for range widePoints {
		p := s.anyPoint(random)
		list = append(list, candidate{p, gain(p)})
	}
	for _, near := range order[:min(nearBest, len(order))] {
		for i := range nearPoints {
			p := s.near(near, []float64{0.15, 0.05, 0.01}[i%3], random)
			list = append(list, candidate{p, gain(p)})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(b.gain, a.gain) })
	for i := range min(climbs, len(list)) {
		for step := 0.05; step > 0.001; step /= 2 {
			for range 2 * len(s.axes) {
				p := s.near(list[i].at, step, random)
				if g := gain(p); g > list[i].gain {
					list[i] = candidate{p, g}
				}
			}
		}
	}
	top := slices.MaxFunc(list, func(a, b candidate) int { return cmp.Compare(a.gain, b.gain) })
	if math.IsInf(top.gain, -1) {
		return nil
	}
	return top.at
}

// byBelief gives the observed points inside the ranges, the one believed best first. With noise
// the best measured is not always that.
func (s *Search) byBelief(o *oracle) []point {
	type place struct {
		at   point
		mean float64
	}
	var places []place
	for _, seen := range o.seen {
		at := slices.Clone(seen.point)
		for i, a := range s.axes {
			if a.kind != Categorical {
				at[i] = min(max(at[i], 0), 1)
			}
		}
		mean, _ := o.believe(at)
		places = append(places, place{at, mean})
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.mean, b.mean) })
	points := make([]point, len(places))
	for i, p := range places {
		points[i] = p.at
	}
	return points
}

// near moves along some of the axes, at least one.
func (s *Search) near(from point, step float64, random *rand.Rand) point {
	p := slices.Clone(from)
	must := random.IntN(len(s.axes))
	for i, a := range s.axes {
		if i != must && random.Float64() > 0.5 {
			continue
		}
		switch a.kind {
		case Categorical:
			if i == must || random.Float64() < 0.2 {
				p[i] = a.at(random.Float64())
			}
		case Integer:
			moved := a.at(p[i] + step*random.NormFloat64())
			if moved == p[i] { // a step too small for a whole number
				way := float64(2*random.IntN(2) - 1)
				moved = a.place(min(max(a.value(p[i])+way, a.min), a.max))
			}
			p[i] = moved
		default:
			p[i] = a.at(p[i] + step*random.NormFloat64())
		}
	}
	return p
}
