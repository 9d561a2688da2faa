package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// tuner is an algorithm whose loss is how far x is from 3, as its hyperparameters say it: it may fail, say nothing,
// or wait to be stopped.
func tuner(ctx context.Context, p memory.Process) int {
	b, err := os.ReadFile(p.Path("/opt/ml/input/config/hyperparameters.json"))
	set := map[string]string{}
	if err != nil || json.Unmarshal(b, &set) != nil || set["_tuning_objective_metric"] != "loss" {
		return 9
	}
	x, _ := strconv.ParseFloat(set["x"], 64)
	loss := (x - 3) * (x - 3)
	steps, _ := strconv.Atoi(set["steps"])
	for i := steps; i > 0; i-- {
		fmt.Fprintf(p.Output, "step loss=%g;\n", loss+float64(i))
	}
	switch {
	case set["do"] == "fail" || set["do"] == "half" && x > 5:
		os.WriteFile(p.Path("/opt/ml/output/failure"), []byte("bad x"), 0o644)
		return 1
	case set["do"] == "hush":
		return 0
	case set["do"] == "wait" || set["do"] == "worse" && x > 5:
		select {
		case <-p.Terminate:
			return 0
		case <-ctx.Done():
			return 1
		}
	}
	fmt.Fprintf(p.Output, "final loss=%g;\n", loss)
	return 0
}

func tuningWorld(t *testing.T) (*world, *Service) {
	w := newWorld(t, map[string]memory.Program{"program": tuner})
	w.s3.put("data/digits/part/a.csv", []byte("1,2,3\n"))
	t.Cleanup(func() {
		all, _ := w.exec.List(context.Background())
		for _, c := range all {
			w.exec.Remove(context.Background(), c.ID)
		}
	})
	return w, w.service()
}

func tuningRequest(name string, trials, parallel int32) *sagemaker.CreateHyperParameterTuningJobRequest {
	one := trainingRequest("x")
	return &sagemaker.CreateHyperParameterTuningJobRequest{
		HyperParameterTuningJobName: &name,
		HyperParameterTuningJobConfig: &sagemaker.HyperParameterTuningJobConfig{
			Strategy: new("Random"), RandomSeed: new(int32(7)),
			HyperParameterTuningJobObjective: &sagemaker.HyperParameterTuningJobObjective{Type: new("Minimize"), MetricName: new("loss")},
			ResourceLimits:                   &sagemaker.ResourceLimits{MaxNumberOfTrainingJobs: &trials, MaxParallelTrainingJobs: &parallel},
			ParameterRanges: &sagemaker.ParameterRanges{ContinuousParameterRanges: []sagemaker.ContinuousParameterRange{
				{Name: new("x"), MinValue: new("0"), MaxValue: new("10")}}},
		},
		TrainingJobDefinition: &sagemaker.HyperParameterTrainingJobDefinition{
			AlgorithmSpecification: &sagemaker.HyperParameterAlgorithmSpecification{TrainingImage: new("111122223333.dkr.ecr.us-east-1.amazonaws.com/not-kmeans:1"), TrainingInputMode: new("File"),
				MetricDefinitions: []sagemaker.MetricDefinition{{Name: new("loss"), Regex: new(`loss=(\S+);`)}}},
			RoleArn: one.RoleArn, InputDataConfig: one.InputDataConfig, OutputDataConfig: one.OutputDataConfig, ResourceConfig: one.ResourceConfig,
			StoppingCondition: one.StoppingCondition, StaticHyperParameters: map[string]string{"do": "run"},
		},
	}
}

func (w *world) tune(s *Service, in *sagemaker.CreateHyperParameterTuningJobRequest) {
	w.t.Helper()
	if _, err := s.createHyperParameterTuningJob(w.t.Context(), w.call(), in); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tuning(s *Service, name string) *sagemaker.DescribeHyperParameterTuningJobResponse {
	w.t.Helper()
	d, err := s.describeHyperParameterTuningJob(w.t.Context(), w.call(), &sagemaker.DescribeHyperParameterTuningJobRequest{HyperParameterTuningJobName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) tuned(s *Service, name string) *sagemaker.DescribeHyperParameterTuningJobResponse {
	w.t.Helper()
	var d *sagemaker.DescribeHyperParameterTuningJobResponse
	w.until("the end of "+name, func() bool {
		d = w.tuning(s, name)
		return slices.Contains([]string{completed, failed, stopped}, *d.HyperParameterTuningJobStatus)
	})
	return d
}

func (w *world) trials(s *Service, name string) []sagemaker.HyperParameterTrainingJobSummary {
	w.t.Helper()
	out, err := s.listTrainingJobsForHyperParameterTuningJob(w.t.Context(), w.call(), &sagemaker.ListTrainingJobsForHyperParameterTuningJobRequest{
		HyperParameterTuningJobName: &name, SortBy: new("FinalObjectiveMetricValue"), SortOrder: new("Ascending"), MaxResults: new(int32(100))})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.TrainingJobSummaries
}

func TestTuningCompletes(t *testing.T) {
	w, s := tuningWorld(t)
	w.run(s)
	in := tuningRequest("tune", 6, 2)
	in.Tags = []sagemaker.Tag{{Key: new("team"), Value: new("a")}}
	w.tune(s, in)
	d := w.tuned(s, "tune")
	if *d.HyperParameterTuningJobStatus != completed || *d.TrainingJobStatusCounters.Completed != 6 || *d.ObjectiveStatusCounters.Succeeded != 6 || d.OverallBestTrainingJob != nil {
		t.Fatalf("%s %s %+v", *d.HyperParameterTuningJobStatus, text(d.FailureReason), d.TrainingJobStatusCounters)
	}
	all := w.trials(s, "tune")
	if len(all) != 6 || *all[0].TrainingJobName != *d.BestTrainingJob.TrainingJobName {
		t.Fatalf("%d trials", len(all))
	}
	last := float32(-1)
	for _, one := range all {
		v := *one.FinalHyperParameterTuningJobObjectiveMetric.Value
		x, _ := strconv.ParseFloat(one.TunedHyperParameters["x"], 64)
		if v < last || float32((x-3)*(x-3)) != v {
			t.Errorf("x %v gives %v after %v", x, v, last)
		}
		last = v
	}
	name := *all[0].TrainingJobName
	if !strings.HasPrefix(name, "tune-00") || len(name) != len("tune-001-01234567") {
		t.Errorf("a trial is called %s", name)
	}
	job := w.describe(s, name)
	if *job.TuningJobArn != "arn:aws:sagemaker:us-east-1:111122223333:hyper-parameter-tuning-job/tune" || len(job.FinalMetricDataList) != 1 ||
		*job.FinalMetricDataList[0].MetricName != "loss" || *job.FinalMetricDataList[0].Value != *all[0].FinalHyperParameterTuningJobObjectiveMetric.Value {
		t.Errorf("%+v", job)
	}
	tags, err := s.listTags(t.Context(), w.call(), &sagemaker.ListTagsInput{ResourceArn: job.TrainingJobArn})
	if err != nil || len(tags.Tags) != 1 {
		t.Errorf("the trial's tags are %v, %v", tags, err)
	}
	w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces)+len(w.isolated) == 0 })
	w.empty()
}

func TestTuningEnds(t *testing.T) {
	type want struct {
		status, reason            string
		completed, failed, halted int32
	}
	for name, c := range map[string]struct {
		change func(*sagemaker.CreateHyperParameterTuningJobRequest)
		want
	}{
		"some trials fail": {func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.StaticHyperParameters["do"] = "half"
		}, want{status: completed, completed: -1, failed: -1}},
		"all trials fail": {func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.StaticHyperParameters["do"] = "fail"
			*in.HyperParameterTuningJobConfig.ResourceLimits.MaxNumberOfTrainingJobs = 3
		}, want{failed, "No training job succeeded after 3 attempts.", 0, 3, 0}},
		"no trial says how good it is": {func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.StaticHyperParameters["do"] = "hush"
			*in.HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs = 1
		}, want{failed, "No objective metrics found after running 5 training jobs.", 5, 0, 0}},
		"one is good enough": {func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.HyperParameterTuningJobConfig.TuningJobCompletionCriteria = &sagemaker.TuningJobCompletionCriteria{TargetObjectiveMetricValue: new(float32(1000))}
			*in.HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs = 1
		}, want{status: completed, completed: 1}},
		"the time is over": {func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.StaticHyperParameters["do"], in.TrainingJobDefinition.StaticHyperParameters["steps"] = "wait", "1"
			in.HyperParameterTuningJobConfig.ResourceLimits.MaxRuntimeInSeconds = new(int32(1))
		}, want{status: completed, halted: 2}},
		"those worse than most are stopped": {func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.StaticHyperParameters["do"], in.TrainingJobDefinition.StaticHyperParameters["steps"] = "worse", "2"
			in.HyperParameterTuningJobConfig.TrainingJobEarlyStoppingType = new("Auto")
			*in.HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs = 6
		}, want{status: completed, completed: -1, halted: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := tuningWorld(t)
			w.run(s)
			in := tuningRequest("tune", 8, 2)
			c.change(in)
			w.tune(s, in)
			d := w.tuned(s, "tune")
			n := d.TrainingJobStatusCounters
			if *d.HyperParameterTuningJobStatus != c.status || !strings.HasPrefix(text(d.FailureReason), c.reason) || c.reason == "" && d.FailureReason != nil {
				t.Errorf("%s: %s", *d.HyperParameterTuningJobStatus, text(d.FailureReason))
			}
			for what, v := range map[string][2]int32{"completed": {*n.Completed, c.completed}, "failed": {*n.NonRetryableError, c.failed}, "stopped": {*n.Stopped, c.halted}} {
				if got, want := v[0], v[1]; want >= 0 && got != want || want < 0 && got == 0 {
					t.Errorf("%d are %s, wanted %d (-1: some)", got, what, want)
				}
			}
			w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces)+len(w.isolated) == 0 })
		})
	}
}

func TestTuningStopsAndIsDeleted(t *testing.T) {
	w, s := tuningWorld(t)
	w.run(s)
	in := tuningRequest("tune", 8, 3)
	in.TrainingJobDefinition.StaticHyperParameters["do"] = "wait"
	w.tune(s, in)
	w.until("three trials", func() bool { return *w.tuning(s, "tune").TrainingJobStatusCounters.InProgress == 3 })
	name := "TUNE"
	deletes := &sagemaker.DeleteHyperParameterTuningJobRequest{HyperParameterTuningJobName: &name}
	if _, err := s.deleteHyperParameterTuningJob(t.Context(), w.call(), deletes); err == nil || !strings.HasPrefix(err.Error(), "ResourceInUse") {
		t.Error(err)
	}
	stop := &sagemaker.StopHyperParameterTuningJobRequest{HyperParameterTuningJobName: &name}
	for range 2 {
		if _, err := s.stopHyperParameterTuningJob(t.Context(), w.call(), stop); err != nil {
			t.Fatal(err)
		}
	}
	d := w.tuned(s, "tune")
	if *d.HyperParameterTuningJobStatus != stopped || *d.TrainingJobStatusCounters.Stopped != 3 {
		t.Errorf("%s %+v", *d.HyperParameterTuningJobStatus, d.TrainingJobStatusCounters)
	}
	if _, err := s.stopHyperParameterTuningJob(t.Context(), w.call(), stop); err == nil || err.Error() != "ValidationException: The request was rejected because the hyperparameter tuning job is in status Stopped." {
		t.Error(err)
	}
	left, err := s.listTrainingJobsForHyperParameterTuningJob(t.Context(), w.call(), &sagemaker.ListTrainingJobsForHyperParameterTuningJobRequest{HyperParameterTuningJobName: &name})
	if err != nil || len(left.TrainingJobSummaries) != 3 {
		t.Fatal(left, err)
	}
	trial := *left.TrainingJobSummaries[0].TrainingJobName
	if _, err := s.deleteHyperParameterTuningJob(t.Context(), w.call(), deletes); err != nil {
		t.Fatal(err)
	}
	if _, err := s.deleteHyperParameterTuningJob(t.Context(), w.call(), deletes); err == nil || !strings.HasPrefix(err.Error(), "ResourceNotFound") {
		t.Error(err)
	}
	if *w.describe(s, trial).TrainingJobStatus != stopped {
		t.Error("the trial went with its tuning job")
	}
	w.tune(s, tuningRequest("tune", 1, 1)) // the name is free again
}

// TestTuningStartsWarm begins from two parents, of the same data and of others.
func TestTuningStartsWarm(t *testing.T) {
	w, s := tuningWorld(t)
	w.run(s)
	for i, name := range []string{"one", "two"} {
		in := tuningRequest(name, 3, 3)
		in.HyperParameterTuningJobConfig.RandomSeed = new(int32(i))
		w.tune(s, in)
	}
	unsettled := tuningRequest("wait", 1, 1)
	unsettled.TrainingJobDefinition.StaticHyperParameters["do"] = "wait"
	w.tune(s, unsettled)
	best := min(*w.tuned(s, "one").BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value, *w.tuned(s, "two").BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value)
	warm := func(name, kind string, parents ...string) *sagemaker.CreateHyperParameterTuningJobRequest {
		in := tuningRequest(name, 2, 1)
		in.HyperParameterTuningJobConfig.Strategy = new("Bayesian")
		in.WarmStartConfig = &sagemaker.HyperParameterTuningJobWarmStartConfig{WarmStartType: &kind}
		for _, p := range parents {
			in.WarmStartConfig.ParentHyperParameterTuningJobs = append(in.WarmStartConfig.ParentHyperParameterTuningJobs, sagemaker.ParentHyperParameterTuningJob{HyperParameterTuningJobName: &p})
		}
		return in
	}
	for want, in := range map[string]*sagemaker.CreateHyperParameterTuningJobRequest{
		"ResourceNotFound": warm("x", "TransferLearning", "gone"),
		"ValidationException: The parent hyperparameter ": warm("x", "TransferLearning", "wait"),
		"ValidationException: A warm start has":           warm("x", "TransferLearning"),
	} {
		if _, err := s.createHyperParameterTuningJob(t.Context(), w.call(), in); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, wanted %s", err, want)
		}
	}
	w.tune(s, warm("same", "IdenticalDataAndAlgorithm", "one", "two"))
	d := w.tuned(s, "same")
	if *d.HyperParameterTuningJobStatus != completed || d.OverallBestTrainingJob == nil {
		t.Fatalf("%s %s", *d.HyperParameterTuningJobStatus, text(d.FailureReason))
	}
	if own, all := *d.BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value, *d.OverallBestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value; all != min(own, best) {
		t.Errorf("the best of all is %v, of %v and %v", all, own, best)
	}
	w.tune(s, warm("like", "TransferLearning", "one", "two"))
	if d := w.tuned(s, "like"); *d.HyperParameterTuningJobStatus != completed || d.OverallBestTrainingJob != nil {
		t.Errorf("%s %+v", *d.HyperParameterTuningJobStatus, d.OverallBestTrainingJob)
	}
	name := "wait"
	s.stopHyperParameterTuningJob(t.Context(), w.call(), &sagemaker.StopHyperParameterTuningJobRequest{HyperParameterTuningJobName: &name})
	w.tuned(s, "wait")
}

// TestTuningSurvivesEveryCrash stops the process at some outward calls of a job's trials.
func TestTuningSurvivesEveryCrash(t *testing.T) {
	for n := 1; ; n += 5 {
		if n > 400 {
			t.Fatal("the job never gets through")
		}
		crashed := false
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w, s := tuningWorld(t)
			w.tune(s, tuningRequest("tune", 2, 1))
			crashed = w.crashAt(s, n, func() bool { return *w.tuning(s, "tune").HyperParameterTuningJobStatus == completed })
			s = w.service()
			w.run(s)
			d := w.tuned(s, "tune")
			if *d.HyperParameterTuningJobStatus != completed || *d.TrainingJobStatusCounters.Completed != 2 || *d.ObjectiveStatusCounters.Succeeded != 2 {
				t.Errorf("%s %s %+v", *d.HyperParameterTuningJobStatus, text(d.FailureReason), d.TrainingJobStatusCounters)
			}
			w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces)+len(w.isolated) == 0 })
			w.empty()
		})
		if !crashed || t.Failed() {
			return
		}
	}
}

func TestTuningRefuses(t *testing.T) {
	w, s := tuningWorld(t)
	w.tune(s, tuningRequest("taken", 1, 1))
	for want, change := range map[string]func(*sagemaker.CreateHyperParameterTuningJobRequest){
		"ResourceInUse: Hyperparameter tuning job names must be unique": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.HyperParameterTuningJobName = new("Taken")
		},
		"ValidationException: A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric definitions.": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName = new("gain")
		},
		"ValidationException: You can't override the metric definitions": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.AlgorithmSpecification.TrainingImage = new("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1")
		},
		"ValidationException: The regular expression of the metric loss is not valid": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions[0].Regex = new("(")
		},
		"ValidationException: The regular expression of the metric loss has no group": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions[0].Regex = new("loss")
		},
		"ResourceLimitExceeded: The account-level service limit 'Maximum number of training jobs per": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.HyperParameterTuningJobConfig.ResourceLimits.MaxNumberOfTrainingJobs = new(int32(501))
		},
		"ResourceLimitExceeded: The account-level service limit 'Maximum number of parallel": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs = new(int32(11))
		},
		"ValidationException: Specify one of either HyperParameterTuningJobConfig.ParameterRanges or": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.HyperParameterRanges = in.HyperParameterTuningJobConfig.ParameterRanges
		},
		"ValidationException: Specify one of either HyperParameterTuningJobConfig.HyperParameterTuningJobObjective or": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.TuningObjective = in.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective
		},
		"ValidationException: Autotune is not supported": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.Autotune = &sagemaker.Autotune{Mode: new("Enabled")}
		},
		"ValidationException: TrainingJobDefinition.ResourceConfig.KeepAlivePeriodInSeconds is not supported": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.ResourceConfig.KeepAlivePeriodInSeconds = new(int32(60))
		},
		"ValidationException: TrainingJobDefinition.CheckpointConfig is not supported": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.CheckpointConfig = &sagemaker.CheckpointConfig{S3Uri: new("s3://out/c")}
		},
		"ValidationException: RoleArn: Cross-account pass role is not allowed.": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.TrainingJobDefinition.RoleArn = new("arn:aws:iam::444455556666:role/r")
		},
		"ValidationException: The MinValue [11]": func(in *sagemaker.CreateHyperParameterTuningJobRequest) {
			in.HyperParameterTuningJobConfig.ParameterRanges.ContinuousParameterRanges[0].MinValue = new("11")
		},
		"ValidationException: TrainingJobDefinition is required.": func(in *sagemaker.CreateHyperParameterTuningJobRequest) { in.TrainingJobDefinition = nil },
	} {
		in := tuningRequest("tune", 2, 1)
		change(in)
		if _, err := s.createHyperParameterTuningJob(t.Context(), w.call(), in); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
	list, err := s.listHyperParameterTuningJobs(t.Context(), w.call(), &sagemaker.ListHyperParameterTuningJobsRequest{NameContains: new("ake"), CreationTimeAfter: new(time.Now().Add(-time.Hour))})
	if err != nil || len(list.HyperParameterTuningJobSummaries) != 1 || *list.HyperParameterTuningJobSummaries[0].Strategy != "Random" {
		t.Error(list, err)
	}
}

func TestNumbersSortAsTexts(t *testing.T) {
	var last string
	for _, v := range []float64{-1e300, -12, -10, -1.5, -1e-9, 0, 1e-300, 1e-9, 0.5, 1, 9.5, 10, 1e10} {
		if s := sortable(&v); s <= last {
			t.Errorf("%v is %s, not after %s", v, s, last)
		} else {
			last = s
		}
	}
	if sortable(nil) != "" {
		t.Error("none comes first")
	}
}

func TestWhatATuningJobKeepsOfItsTrials(t *testing.T) {
	said := []float64{3, 2, 1}
	for want, change := range map[int]func(*sagemaker.HyperParameterTuningJobConfig){
		1: func(*sagemaker.HyperParameterTuningJobConfig) {},
		3: func(c *sagemaker.HyperParameterTuningJobConfig) { c.TrainingJobEarlyStoppingType = new("Auto") },
	} {
		j := &tuningJob{Request: *tuningRequest("x", 1, 1)}
		change(j.Request.HyperParameterTuningJobConfig)
		if got := j.watched(said); len(got) != want || got[want-1] != 1 || len(j.watched(nil)) != 0 {
			t.Errorf("%v, wanted %d", got, want)
		}
	}
}
