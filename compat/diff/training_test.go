package diff

import (
	"sync"
	"testing"
	"time"
)

// trained is the one training job that several tests look at: the probe, without a VPC.
const trained = "diff-trained"

// workplace is what training needs: a bucket and a role.
type workplace struct{ role string }

var theWork struct {
	sync.Once
	workplace
	trained sync.Once
}

// work makes the workplace, once.
func work(t *testing.T) *workplace {
	t.Helper()
	theWork.Do(func() {
		bucket(t, "diff-work")
		theWork.role = role(t, "diff-work", `{"Service":"sagemaker.amazonaws.com"}`, policy("Allow", "*", "*"))
	})
	if theWork.role == "" {
		t.Fatal("there is no workplace, as an earlier test says")
	}
	return &theWork.workplace
}

// job is a request for one.
func (w *workplace) job(name string) object {
	return object{
		"TrainingJobName": name, "RoleArn": w.role, "AlgorithmSpecification": object{"TrainingImage": probe, "TrainingInputMode": "File"},
		"OutputDataConfig":  object{"S3OutputPath": "s3://diff-work/out"},
		"ResourceConfig":    object{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 16384},
		"StoppingCondition": object{"MaxRuntimeInSeconds": 60},
	}
}

// train runs the common job, once, and gives its description.
func (w *workplace) train(t *testing.T) object {
	t.Helper()
	theWork.trained.Do(func() { root.json(t, "sagemaker", "CreateTrainingJob", w.job(trained)).good(t) })
	d := w.ended(t, trained)
	if d["TrainingJobStatus"] != "Completed" {
		t.Fatalf("%v: %v", d["TrainingJobStatus"], d["FailureReason"])
	}
	return d
}

// ended waits for a job's end.
func (w *workplace) ended(t *testing.T, name string) (d object) {
	t.Helper()
	for range 300 {
		d = root.json(t, "sagemaker", "DescribeTrainingJob", object{"TrainingJobName": name}).object(t)
		if d["TrainingJobStatus"] != "InProgress" {
			return d
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s is still %v", name, d["SecondaryStatus"])
	return nil
}
