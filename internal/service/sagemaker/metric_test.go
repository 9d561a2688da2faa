package sagemaker

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

func TestWhatIsNoNumberIsNoMetric(t *testing.T) {
	w := newWorld(t, map[string]memory.Program{"program": func(_ context.Context, p memory.Process) int {
		for _, v := range []string{"0.5", "nan", "NaN", "Inf", "-infinity", "1e300"} {
			fmt.Fprintf(p.Output, "loss=%s;\n", v)
		}
		return 0
	}})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	s := w.service()
	w.run(s)
	in := trainingRequest("diverges")
	in.AlgorithmSpecification.TrainingImage = new("111122223333.dkr.ecr.us-east-1.amazonaws.com/not-kmeans:1")
	in.AlgorithmSpecification.MetricDefinitions = []sagemaker.MetricDefinition{{Name: new("loss"), Regex: new(`loss=(\S+);`)}}
	if _, err := s.createTrainingJob(t.Context(), w.call(), in); err != nil {
		t.Fatal(err)
	}
	var d *sagemaker.DescribeTrainingJobResponse
	w.until("the end", func() bool {
		var err error
		if d, err = s.describeTrainingJob(t.Context(), w.call(), &sagemaker.DescribeTrainingJobRequest{TrainingJobName: new("diverges")}); err != nil {
			t.Fatal(err)
		}
		return slices.Contains([]string{completed, failed, stopped}, *d.TrainingJobStatus)
	})
	err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		j, err := trainingJobs.Get(tx, store.Key(account, "diverges"))
		if err == nil && len(j.Metrics[0].Series) > 0 {
			t.Errorf("a job that no tuning job looks at keeps %v", j.Metrics[0].Series)
		}
		return err
	})
	if err != nil || *d.TrainingJobStatus != completed || len(d.FinalMetricDataList) != 1 || *d.FinalMetricDataList[0].Value != 0.5 {
		t.Errorf("%s %s %+v", *d.TrainingJobStatus, text(d.FailureReason), d.FinalMetricDataList)
	}
}

func TestExpressionsThatTakeTooMuchWorkAreRefused(t *testing.T) {
	usual := []sagemaker.MetricDefinition{}
	for i := range 40 {
		usual = append(usual, sagemaker.MetricDefinition{Name: new(fmt.Sprint("m", i)), Regex: new(`(?i)validation[ :]+loss\[` + fmt.Sprint(i) + `\] *= *([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,20})?)`)})
	}
	if _, err := metricRules(usual); err != nil {
		t.Error(err)
	}
	if _, err := metricRules([]sagemaker.MetricDefinition{{Name: new("slow"), Regex: new("((?:a?b?c?d?e?f?g?h?i?j?){1000})")}}); err == nil {
		t.Error("twenty thousand steps for each character")
	}
}
