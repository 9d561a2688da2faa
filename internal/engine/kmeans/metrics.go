package kmeans

// MetricDefinition says how a metric is found in the algorithm's log: the expression's first group
// is its value.
type MetricDefinition struct{ Name, Regex string }

// MetricDefinitions are the metrics that training jobs of the algorithm have without asking. Those
// of the test channel can be a tuning job's objective.
func MetricDefinitions() []MetricDefinition {
	return []MetricDefinition{
		{"train:progress", `#progress_metric: host=\S+, completed (\S+) %`},
		{"train:throughput", `#throughput_metric: host=\S+, train throughput=(\S+) records/second`},
		{"train:msd", `#quality_metric: host=\S+, train msd <loss>=(\S+)`},
		{"test:msd", `#quality_metric: host=\S+, test msd <loss>=(\S+)`},
		{"test:ssd", `#quality_metric: host=\S+, test ssd <loss>=(\S+)`},
	}
}
