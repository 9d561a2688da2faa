package tuning

import (
	"cmp"
	"slices"
)

// minPeers is how many completed trials the median rule wants before it judges.
const minPeers = 3

// belowMedian is AWS's rule of early stopping: the trial's value is worse than the median of the
// completed trials' running averages up to the same step.
func (s *Search) belowMedian(t Trial, trials []Trial) bool {
	step := len(t.Values)
	if step == 0 || !finite(t.Values[step-1]) {
		return false
	}
	var averages []float64
	for _, other := range trials {
		if other.State != Completed || len(other.Values) < step {
			continue
		}
		sum := 0.0
		for _, v := range other.Values[:step] {
			sum += s.cost(v)
		}
		if finite(sum) {
			averages = append(averages, sum/float64(step))
		}
	}
	return len(averages) >= minPeers && s.cost(t.Values[step-1]) > median(averages)
}

func median(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

// eta is by how much each rung of Hyperband thins its trials.
const eta = 3

// outOfRung is Hyperband's decision. A bracket has rungs at the least resource, three times it,
// nine times it ...; of the bracket's trials that reached a rung the best third go on. Brackets
// differ in their lowest rung: some give every trial a long time, most thin early. A trial is held
// against the others at the highest rung it reached, again whenever another arrives there: nothing
// has to be remembered, and with all values in, what is left are exactly the best third.
func (s *Search) outOfRung(t Trial, trials []Trial) bool {
	have := len(t.Values)
	if have >= s.config.MaxResource {
		return true
	}
	rung := 0
	bracket := s.bracket(t.Index)
	for r := s.lowestRung(bracket); r <= have && r < s.config.MaxResource; r *= eta {
		rung = r
	}
	if rung == 0 {
		return false
	}
	type entry struct {
		cost  float64
		index int
	}
	var reached []entry
	for _, other := range trials {
		if other.State == Failed || len(other.Values) < rung || s.bracket(other.Index) != bracket {
			continue
		}
		cost := s.cost(other.Values[rung-1])
		if !finite(cost) {
			cost = inf
		}
		reached = append(reached, entry{cost, other.Index})
	}
	if len(reached) < eta {
		return false
	}
	slices.SortFunc(reached, func(a, b entry) int { return cmp.Or(cmp.Compare(a.cost, b.cost), a.index-b.index) })
	place := slices.IndexFunc(reached, func(e entry) bool { return e.index == t.Index })
	return place >= len(reached)/eta
}

func (s *Search) lowestRung(bracket int) int {
	rung := s.config.MinResource
	for range bracket {
		rung *= eta
	}
	return rung
}

// brackets is how many lowest rungs there are below the greatest resource; at least one.
func (s *Search) brackets() int {
	n := 1
	for r := s.config.MinResource * eta; r < s.config.MaxResource; r *= eta {
		n++
	}
	return n
}

// dealBrackets deals trials out so that each bracket uses about the same resource: one whose trials
// live three times as long gets about a third of them, spread evenly among the others.
func (s *Search) dealBrackets() []int {
	n := s.brackets()
	sizes, cycle := make([]int, n), 0
	for b := range sizes {
		size := 1
		for range n - 1 - b {
			size *= eta
		}
		sizes[b] = (size*n + n - 1 - b) / (n - b)
		cycle += sizes[b]
	}
	given, dealt := make([]int, n), make([]int, s.total)
	for i := range dealt {
		next := 0
		for b := range sizes {
			if sizes[b]*(i+1)-given[b]*cycle > sizes[next]*(i+1)-given[next]*cycle {
				next = b
			}
		}
		given[next]++
		dealt[i] = next
	}
	return dealt
}

func (s *Search) bracket(index int) int {
	if index < 0 || index >= len(s.dealt) {
		return 0
	}
	return s.dealt[index]
}
