package tuning

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// WarmStart is what a job learns from before its first trial.
type WarmStart struct {
	Type    WarmStartType
	Parents []Parent
}

// WarmStartType says how like their children parents are.
type WarmStartType string

// The types.
const (
	NoWarmStart      WarmStartType = ""
	IdenticalData    WarmStartType = "IdenticalDataAndAlgorithm" // the same parameters give the same objective
	TransferLearning WarmStartType = "TransferLearning"          // what is good there is likely to be good here
)

// The limits of a warm start.
const (
	MaxParents        = 5
	maxChangedStatics = 10
)

// Parent is an ended tuning job.
type Parent struct {
	Name     string
	Metric   string // the objective's name; compared with the others'
	Maximize bool
	Ranges   []Range
	Static   map[string]string
	Trials   []Trial
}

// all are a parent's trial's parameters with the static ones.
func (p Parent) all(t Trial) map[string]string {
	all := maps.Clone(p.Static)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, t.Parameters)
	return all
}

// checkParents holds parents against their child.
func checkParents(c *Config, _ []axis) error {
	parents := c.WarmStart.Parents
	switch c.WarmStart.Type {
	case NoWarmStart:
		return nil
	case IdenticalData, TransferLearning:
	default:
		return fmt.Errorf("The warm start type [%s] is not one of [IdenticalDataAndAlgorithm, TransferLearning].", c.WarmStart.Type)
	}
	if len(parents) == 0 || len(parents) > MaxParents {
		return fmt.Errorf("A warm start must have from 1 to %d parent hyperparameter tuning jobs.", MaxParents)
	}
	for _, p := range parents {
		if p.Maximize != c.Maximize || p.Metric != parents[0].Metric {
			return fmt.Errorf("The objective metric of the parent hyperparameter tuning job [%s] is not the same as that of the current one and of all other parents.", p.Name)
		}
		if !slices.Equal(names(c.Ranges, c.Static), names(p.Ranges, p.Static)) {
			// AWS's own words.
			return fmt.Errorf("The set of tunable plus static HyperParameter names is not the same across current and parent tuning jobs. Please ensure this set is constant when warm starting. Note that previously static HyperParameters can be tuned in warm start jobs and vice versa.")
		}
		if err := checkKinds(c, p); err != nil {
			return err
		}
	}
	return nil
}

// names are the parameters' names, less what the platform itself adds.
func names(ranges []Range, static map[string]string) []string {
	var list []string
	for _, r := range ranges {
		list = append(list, r.Name)
	}
	for name := range static {
		if !strings.HasPrefix(name, "_tuning_") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func checkKinds(c *Config, p Parent) error {
	before, changed := map[string]Kind{}, 0
	for _, r := range p.Ranges {
		before[r.Name] = r.Kind
	}
	for _, r := range c.Ranges {
		if kind, ok := before[r.Name]; ok && kind != r.Kind {
			return fmt.Errorf("The hyperparameter [%s] is of the type [%s] in the parent hyperparameter tuning job [%s] and of the type [%s] in the current one. Types must not change when warm starting.", r.Name, kind, p.Name, r.Kind)
		}
	}
	for name, value := range c.Static {
		if was, ok := p.Static[name]; (!ok || was != value) && !strings.HasPrefix(name, "_tuning_") {
			changed++
		}
	}
	if changed > maxChangedStatics {
		return fmt.Errorf("The number of hyperparameters that are static in the current tuning job and tunable, or of another value, in its parent [%s] is [%d]. It must not be greater than [%d].", p.Name, changed, maxChangedStatics)
	}
	return nil
}

// sameStatics tells whether a trial elsewhere had this job's static parameters.
func sameStatics(all, static map[string]string) bool {
	for name, value := range static {
		if all[name] != value && !strings.HasPrefix(name, "_tuning_") {
			return false
		}
	}
	return true
}

// inherited are the parents' trials as observations. Those of the same data and static parameters
// are as good as this job's own; the others are of a task of their own, which is only like this one.
func (s *Search) inherited() []observation {
	var list []observation
	tasks := map[string]int{}
	for i, parent := range s.config.WarmStart.Parents {
		for _, t := range parent.Trials {
			value, ok := t.Objective()
			if !ok || t.State == Failed || t.State == Running {
				continue
			}
			all := parent.all(t)
			p, ok := s.pointOf(all)
			if !ok {
				continue
			}
			task := 0
			if s.config.WarmStart.Type == TransferLearning || !sameStatics(all, s.config.Static) {
				key := s.taskKey(i, all)
				if tasks[key] == 0 {
					tasks[key] = len(tasks) + 1
				}
				task = tasks[key]
			}
			list = append(list, observation{point: p, cost: s.cost(value), task: task})
		}
	}
	return list
}

func (s *Search) taskKey(parent int, all map[string]string) string {
	var b strings.Builder
	if s.config.WarmStart.Type == TransferLearning {
		fmt.Fprintf(&b, "%d", parent)
	}
	for _, name := range slices.Sorted(maps.Keys(s.config.Static)) {
		fmt.Fprintf(&b, "\x00%s", all[name])
	}
	return b.String()
}

// pointOf finds the place of parameters in this job's space; there is none for a category that the
// job does not have or a value that its scale does not know.
func (s *Search) pointOf(parameters map[string]string) (point, bool) {
	p := make(point, len(s.axes))
	for i, a := range s.axes {
		var ok bool
		if p[i], ok = a.read(parameters[a.name]); !ok {
			return nil, false
		}
	}
	return p, true
}
