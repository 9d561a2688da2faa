package tuning

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The limits of a tuning job.
const (
	MaxTrials       = 750
	MaxRandomTrials = 10000
	MaxParallel     = 100
	MaxRanges       = 30
	MaxCategories   = 30
	MaxParameters   = 100 // static and tuned
	MaxResource     = 20000
)

// resourceNames are the static parameters that tell how much a trial may use.
var resourceNames = []string{"epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs"}

// check completes the configuration and reads its ranges; it speaks to the customer.
func check(c *Config) ([]axis, error) {
	axes, err := checkRanges(c)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(*Config, []axis) error{checkNumbers, checkGrid, checkCombinations, checkHyperband, checkCriteria, checkParents} {
		if err := step(c, axes); err != nil {
			return nil, err
		}
	}
	return axes, nil
}

func checkRanges(c *Config) ([]axis, error) {
	if len(c.Ranges) == 0 {
		return nil, fmt.Errorf("ParameterRanges must have at least one hyperparameter range.")
	}
	if len(c.Ranges) > MaxRanges {
		return nil, fmt.Errorf("The number of tunable hyperparameters [%d] must not be greater than [%d].", len(c.Ranges), MaxRanges)
	}
	if n := len(c.Ranges) + len(c.Static); n > MaxParameters {
		return nil, fmt.Errorf("The total number of static and tunable hyperparameters [%d] must not be greater than [%d].", n, MaxParameters)
	}
	axes, seen := make([]axis, len(c.Ranges)), map[string]bool{}
	for i, r := range c.Ranges {
		if seen[r.Name] {
			return nil, fmt.Errorf("The hyperparameter [%s] has more than one range.", r.Name)
		}
		if _, ok := c.Static[r.Name]; ok {
			return nil, fmt.Errorf("The hyperparameter [%s] is both static and tunable.", r.Name)
		}
		seen[r.Name] = true
		var err error
		if axes[i], err = r.axis(); err != nil {
			return nil, err
		}
	}
	return axes, nil
}

func (r Range) axis() (axis, error) {
	a := axis{name: r.Name, kind: r.Kind, values: r.Values, scaling: r.Scaling}
	if r.Kind == Categorical {
		return a, r.checkValues()
	}
	for text, into := range map[*string]*float64{&r.Min: &a.min, &r.Max: &a.max} {
		v, err := r.number(*text)
		if err != nil {
			return a, err
		}
		*into = v
	}
	if a.min > a.max {
		return a, fmt.Errorf("The MinValue [%s] of the hyperparameter [%s] must not be greater than its MaxValue [%s].", r.Min, r.Name, r.Max)
	}
	switch r.Scaling {
	case "", Auto, Linear:
	case Logarithmic:
		if a.min <= 0 {
			return a, fmt.Errorf("Logarithmic scaling of the hyperparameter [%s] needs a range that has only values greater than 0.", r.Name)
		}
	case ReverseLogarithmic:
		if r.Kind != Continuous || a.min < 0 || a.max >= 1 {
			return a, fmt.Errorf("ReverseLogarithmic scaling of the hyperparameter [%s] needs a continuous range that is entirely within 0 <= x < 1.0.", r.Name)
		}
	default:
		return a, fmt.Errorf("The scaling type [%s] of the hyperparameter [%s] is not one of [Auto, Linear, Logarithmic, ReverseLogarithmic].", r.Scaling, r.Name)
	}
	a.scale()
	return a, nil
}

func (r Range) checkValues() error {
	if len(r.Values) == 0 || len(r.Values) > MaxCategories {
		return fmt.Errorf("The categorical hyperparameter [%s] must have from 1 to %d values.", r.Name, MaxCategories)
	}
	seen := map[string]bool{}
	for _, v := range r.Values {
		if seen[v] {
			return fmt.Errorf("The categorical hyperparameter [%s] has the value [%s] more than once.", r.Name, v)
		}
		seen[v] = true
	}
	return nil
}

// maxInteger is up to where every whole number is a float64.
const maxInteger = 1 << 53

func (r Range) number(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if r.Kind == Integer {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n > maxInteger || n < -maxInteger {
			return 0, fmt.Errorf("The value [%s] of the integer hyperparameter [%s] is not an integer.", text, r.Name)
		}
		return float64(n), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !finite(v) {
		return 0, fmt.Errorf("The value [%s] of the continuous hyperparameter [%s] is not a number.", text, r.Name)
	}
	return v, nil
}

func checkNumbers(c *Config, _ []axis) error {
	if c.MaxParallel < 1 || c.MaxParallel > MaxParallel {
		return fmt.Errorf("The value of MaxParallelTrainingJobs [%d] must be from 1 to %d.", c.MaxParallel, MaxParallel)
	}
	if c.Strategy == Grid {
		return nil
	}
	limit := MaxTrials
	if c.Strategy == Random {
		limit = MaxRandomTrials
	}
	if c.MaxTrials < 1 || c.MaxTrials > limit {
		return fmt.Errorf("The value of MaxNumberOfTrainingJobs [%d] must be from 1 to %d for the strategy [%s].", c.MaxTrials, limit, c.Strategy)
	}
	return nil
}

func checkGrid(c *Config, axes []axis) error {
	if c.Strategy != Grid {
		return nil
	}
	for _, a := range axes {
		if a.kind != Categorical {
			return fmt.Errorf("Only categorical hyperparameter ranges are supported for the strategy [Grid]: [%s] is not.", a.name)
		}
	}
	n := combinations(axes)
	if n > MaxTrials {
		return fmt.Errorf("The total number of hyperparameter combinations [%.0f] must not be greater than [%d] for the strategy [Grid].", n, MaxTrials)
	}
	if c.MaxTrials != 0 && float64(c.MaxTrials) != n {
		return fmt.Errorf("The value of MaxNumberOfTrainingJobs [%d] must be equal to the total number of hyperparameter combinations [%.0f] for the strategy [Grid], or left out.", c.MaxTrials, n)
	}
	return nil
}

// checkCombinations has AWS's own words.
func checkCombinations(c *Config, axes []axis) error {
	if n := combinations(axes); n < float64(c.MaxTrials) {
		return fmt.Errorf("You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter combinations for the provided ranges [%s] must be equal or greater than the value of MaxNumberOfJobs, [%d]. Provide additional ranges.", formatFloat(n), c.MaxTrials)
	}
	return nil
}

func checkHyperband(c *Config, _ []axis) error {
	if c.Strategy != Hyperband {
		if c.MinResource != 0 || c.MaxResource != 0 {
			return fmt.Errorf("HyperbandStrategyConfig is only supported for the strategy [Hyperband].")
		}
		return nil
	}
	if c.EarlyStop {
		return fmt.Errorf("TrainingJobEarlyStoppingType must be [Off] for the strategy [Hyperband].")
	}
	for _, name := range resourceNames {
		if n, err := strconv.Atoi(strings.Trim(c.Static[name], `" `)); err == nil && n > 0 && c.MaxResource == 0 {
			c.MaxResource = n
		}
	}
	if c.MaxResource == 0 {
		// AWS's own words.
		return fmt.Errorf("MaxResource parameter is not provided and could not be inferred from provided static hyperparameters of TrainingJobDefinition.")
	}
	c.MinResource = max(c.MinResource, 1)
	if c.MaxResource > MaxResource || c.MinResource > c.MaxResource {
		return fmt.Errorf("MinResource [%d] must not be greater than MaxResource [%d], nor MaxResource than %d.", c.MinResource, c.MaxResource, MaxResource)
	}
	return nil
}

func checkCriteria(c *Config, _ []axis) error {
	if t := c.Criteria.Target; t != nil && !finite(*t) {
		return fmt.Errorf("TargetObjectiveMetricValue must be a finite number.")
	}
	if n := c.Criteria.NotImproving; n < 0 || n != 0 && n < minNotImproving {
		return fmt.Errorf("MaxNumberOfTrainingJobsNotImproving [%d] must be at least %d.", n, minNotImproving)
	}
	if _, ok := map[Strategy]bool{Bayesian: true, Random: true, Grid: true, Hyperband: true}[c.Strategy]; !ok {
		return fmt.Errorf("The strategy [%s] is not one of [Bayesian, Random, Hyperband, Grid].", c.Strategy)
	}
	return nil
}

var inf = math.Inf(1)
