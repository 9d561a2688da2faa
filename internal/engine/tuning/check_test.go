package tuning

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestWhatIsRefused(t *testing.T) {
	nan := math.NaN()
	many := func(n int) (list []Range) {
		for i := range n {
			list = append(list, Range{Name: fmt.Sprint(i), Kind: Continuous, Min: "0", Max: "1"})
		}
		return list
	}
	one := func(r Range) func(*Config) { r.Name = "x"; return func(c *Config) { c.Ranges = []Range{r} } }
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no range":      {func(c *Config) { c.Ranges = nil }, "at least one hyperparameter range"},
		"31 ranges":     {func(c *Config) { c.Ranges = many(31) }, "[31] must not be greater than [30]"},
		"twice":         {func(c *Config) { c.Ranges[1].Name = "rate" }, "[rate] has more than one range"},
		"static, tuned": {func(c *Config) { c.Static["rate"] = "1" }, "[rate] is both static and tunable"},
		"101 parameters": {func(c *Config) {
			for i := range 98 {
				c.Static[fmt.Sprint(i)] = "1"
			}
		}, "[102] must not be greater than [100]"},
		"upside down":          {one(Range{Kind: Continuous, Min: "2", Max: "1"}), "MinValue [2] of the hyperparameter [x] must not be greater than its MaxValue [1]"},
		"half an integer":      {one(Range{Kind: Integer, Min: "1.5", Max: "2"}), "[1.5] of the integer hyperparameter [x] is not an integer"},
		"no number":            {one(Range{Kind: Continuous, Min: "0", Max: "lots"}), "[lots] of the continuous hyperparameter [x] is not a number"},
		"infinite":             {one(Range{Kind: Continuous, Min: "0", Max: "Inf"}), "[Inf] of the continuous hyperparameter [x] is not a number"},
		"logarithm of 0":       {one(Range{Kind: Continuous, Min: "0", Max: "1", Scaling: Logarithmic}), "Logarithmic scaling of the hyperparameter [x] needs"},
		"reverse of 1":         {one(Range{Kind: Continuous, Min: "0", Max: "1", Scaling: ReverseLogarithmic}), "within 0 <= x < 1.0"},
		"reverse of integer":   {one(Range{Kind: Integer, Min: "0", Max: "0", Scaling: ReverseLogarithmic}), "needs a continuous range"},
		"unknown scale":        {one(Range{Kind: Continuous, Min: "0", Max: "1", Scaling: "Cubic"}), "[Cubic] of the hyperparameter [x] is not one of"},
		"no category":          {one(Range{Kind: Categorical}), "must have from 1 to 30 values"},
		"category twice":       {one(Range{Kind: Categorical, Values: []string{"a", "a"}}), "has the value [a] more than once"},
		"too few combinations": {func(c *Config) { c.Ranges, c.MaxTrials = []Range{{Name: "x", Kind: Integer, Min: "1", Max: "3"}}, 10 }, "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter combinations for the provided ranges [3.0] must be equal or greater than the value of MaxNumberOfJobs, [10]. Provide additional ranges."},
		"no number of trials":  {func(c *Config) { c.MaxTrials = 0 }, "MaxNumberOfTrainingJobs [0] must be from 1 to 750"},
		"751 trials":           {func(c *Config) { c.MaxTrials = 751 }, "MaxNumberOfTrainingJobs [751] must be from 1 to 750"},
		"none at once":         {func(c *Config) { c.MaxParallel = 0 }, "MaxParallelTrainingJobs [0] must be from 1 to 100"},
		"unknown strategy":     {func(c *Config) { c.Strategy = "Guess" }, "[Guess] is not one of"},
		"grid of numbers":      {func(c *Config) { c.Strategy = Grid }, "Only categorical hyperparameter ranges are supported for the strategy [Grid]: [rate] is not"},
		"grid of another size": {func(c *Config) { *c = config(Grid); c.MaxTrials = 5 }, "[5] must be equal to the total number of hyperparameter combinations [6]"},
		"hyperband, stopping":  {func(c *Config) { *c = config(Hyperband); c.EarlyStop = true }, "TrainingJobEarlyStoppingType must be [Off]"},
		"hyperband, no limit":  {func(c *Config) { *c = config(Hyperband); c.Static = nil }, "MaxResource parameter is not provided and could not be inferred from provided static hyperparameters of TrainingJobDefinition."},
		"hyperband reversed":   {func(c *Config) { *c = config(Hyperband); c.MinResource, c.MaxResource = 9, 3 }, "MinResource [9] must not be greater than MaxResource [3]"},
		"resource elsewhere":   {func(c *Config) { c.MaxResource = 9 }, "only supported for the strategy [Hyperband]"},
		"target":               {func(c *Config) { c.Criteria.Target = &nan }, "TargetObjectiveMetricValue must be a finite number"},
		"two not improving":    {func(c *Config) { c.Criteria.NotImproving = 2 }, "MaxNumberOfTrainingJobsNotImproving [2] must be at least 3"},
	} {
		given := config(Bayesian)
		c.change(&given)
		if _, err := New(given); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

func TestHyperbandTakesItsResourceFromTheStaticParameters(t *testing.T) {
	for _, name := range []string{"epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs"} {
		c := config(Hyperband)
		c.Static = map[string]string{name: `"81"`}
		if s := search(t, c); s.config.MaxResource != 81 || s.config.MinResource != 1 {
			t.Errorf("%s: %d to %d", name, s.config.MinResource, s.config.MaxResource)
		}
	}
}

func TestRandomMayTryMore(t *testing.T) {
	c := config(Random)
	c.MaxTrials = 10000
	search(t, c)
}
