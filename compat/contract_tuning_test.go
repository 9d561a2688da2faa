package compat

import (
	"encoding/json"
	"regexp"
	"testing"
)

// tune asks for a tuning job of two trials at a time.
func (c *contract) tune(t *testing.T) {
	t.Helper()
	c.create(t, "CreateHyperParameterTuningJob", m{
		"HyperParameterTuningJobName": "tuning-One",
		"HyperParameterTuningJobConfig": m{
			"Strategy": "Grid", "HyperParameterTuningJobObjective": m{"Type": "Minimize", "MetricName": "loss"}, "ResourceLimits": m{"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
			"ParameterRanges": m{"CategoricalParameterRanges": []m{{"Name": "tuned", "Values": []string{"left", "right"}}}},
		},
		"TrainingJobDefinition": m{
			"AlgorithmSpecification": m{"TrainingImage": recorder, "TrainingInputMode": "File", "MetricDefinitions": []m{{"Name": "loss", "Regex": "loss:([0-9.]+)"}}},
			"RoleArn":                role, "StaticHyperParameters": m{"static": "1"}, "OutputDataConfig": m{"S3OutputPath": "s3://" + bucket + "/out"},
			"ResourceConfig":    m{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
			"StoppingCondition": m{"MaxRuntimeInSeconds": 600}, "Environment": m{"ORDER": "say=loss:0.75 say=loss:0.5"},
		},
	})
}

// readTuning keeps what the trials wrote down, by their tuned parameter, and the name of the one that had "left".
func (g *evidence) readTuning(t *testing.T) {
	t.Helper()
	g.settle(t, "HyperParameterTuningJob", "HyperParameterTuningJobName")
	all, _ := g.call(t, "sagemaker", "SageMaker.ListTrainingJobsForHyperParameterTuningJob", `{"HyperParameterTuningJobName":"`+g.name+`"}`)["TrainingJobSummaries"].([]any)
	if len(all) != 2 {
		t.Fatalf("trials: %v of %v", all, g.says)
	}
	for _, s := range all {
		s := s.(m)
		name, _ := s["TrainingJobName"].(string)
		tuned, _ := s["TunedHyperParameters"].(m)["tuned"].(string)
		archive, ok := g.object(t, "out/"+name+"/output/model.tar.gz")
		if !ok {
			t.Fatalf("trial %s left nothing: %v", name, s)
		}
		w := &written{}
		if err := json.Unmarshal([]byte(unpack(t, archive)["algo-1.json"]), w); err != nil {
			t.Fatal(err)
		}
		g.hosts[tuned], g.packed[tuned] = w, name
	}
}

var tuningRows = []row{
	{"a trial's name is the job's with a number and eight letters", "tuning-One", func(t *testing.T, g *evidence) {
		for _, tuned := range []string{"left", "right"} {
			if name := g.packed[tuned]; !regexp.MustCompile(`^tuning-One-00[12]-[0-9a-f]{8}$`).MatchString(name) {
				t.Errorf("%q", name)
			}
		}
	}},
	{"a trial is given static and tuned parameters and the objective's name", "tuning-One", func(t *testing.T, g *evidence) {
		for _, tuned := range []string{"left", "right"} {
			document(t, g.at(t, tuned).Files["/opt/ml/input/config/hyperparameters.json"].Text, `{"static":"1","tuned":"`+tuned+`","_tuning_objective_metric":"loss"}`)
		}
	}},
	{"a trial is a training job of its own", "tuning-One", func(t *testing.T, g *evidence) {
		w := g.at(t, "left")
		name, _ := w.env("TRAINING_JOB_NAME")
		same(t, []any{name, w.Args}, []any{g.packed["left"], []string{"/recorder", "of-the-entrypoint", "train"}})
		says := g.call(t, "sagemaker", "SageMaker.DescribeTrainingJob", `{"TrainingJobName":"`+name+`"}`)
		same(t, says["TuningJobArn"], "arn:aws:sagemaker:"+region+":"+account+":hyper-parameter-tuning-job/tuning-one")
	}},
	{"the last value of the objective is the trial's", "tuning-One", func(t *testing.T, g *evidence) {
		best, _ := g.says["BestTrainingJob"].(m)
		metric, _ := best["FinalHyperParameterTuningJobObjectiveMetric"].(m)
		same(t, []any{metric["MetricName"], metric["Value"], best["ObjectiveStatus"]}, []any{"loss", 0.5, "Succeeded"})
	}},
	{"the counters", "tuning-One", func(t *testing.T, g *evidence) {
		same(t, g.says["TrainingJobStatusCounters"], m{"Completed": 2.0, "InProgress": 0.0, "RetryableError": 0.0, "NonRetryableError": 0.0, "Stopped": 0.0})
		same(t, g.says["ObjectiveStatusCounters"], m{"Succeeded": 2.0, "Pending": 0.0, "Failed": 0.0})
	}},
}
