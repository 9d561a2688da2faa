package diff

import "testing"

// TestDiff40Metrics: nothing is measured for CloudWatch, and expressions are Go's.
func TestDiff40Metrics(t *testing.T) {
	w := work(t)
	in := w.job("diff-40")
	in["AlgorithmSpecification"] = object{"TrainingImage": probe, "TrainingInputMode": "File", "MetricDefinitions": []object{{"Name": "loss", "Regex": "loss=(?=x)(.*)"}}}
	root.json(t, "sagemaker", "CreateTrainingJob", in).
		fault(t, 400, "ValidationException", "The regular expression of the metric loss is not valid: invalid or unsupported Perl syntax: `(?=`.")
	root.send(t, "monitoring", "POST", "/", "", "Action=ListMetrics&Version=2010-08-01", "Content-Type", "application/x-www-form-urlencoded").
		fault(t, 501, "NotImplementedException", "monitoring is not served by this Cloister. To hand its calls on, name an upstream in the configuration: services: {monitoring: https://…}")
}
