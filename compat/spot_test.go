package compat

import (
	"strings"
	"testing"
)

// TestManagedSpot has the operator take a job's instances back: the job goes on from its checkpoint, which is at
// a path outside /opt/ml.
func TestManagedSpot(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t)
	d.provide(t)
	at := d.internet()
	job := v.job(t, "spot", probe, "checkpoint=/checkpoints/starts,seconds=600", "--enable-managed-spot-training",
		"--stopping-condition", "MaxRuntimeInSeconds=600,MaxWaitTimeInSeconds=3600",
		"--checkpoint-config", "S3Uri=s3://"+bucket+"/checkpoints/spot,LocalPath=/checkpoints")
	if st := at.until(t, describe(job, "SecondaryStatus"), "Training", "Failed"); st == "Failed" {
		t.Fatal(v.settled(t, job))
	}
	at.until(t, []string{"s3api", "list-objects-v2", "--bucket", bucket, "--prefix", "checkpoints/spot/starts", "--query", "Contents[0].Size"}, "1")
	out, err := d.command("interrupt", job).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	v.completed(t, job)
	if log := strings.Join(v.log(t, job), "\n"); !strings.Contains(log, "start 1") || !strings.Contains(log, "start 2") || strings.Contains(log, "start 3") {
		t.Errorf("log:\n%s", log)
	}
	seen := at.aws(t, describe(job, "join(' ', SecondaryStatusTransitions[].Status)")...)
	if seen != "Starting Downloading Training Interrupted Starting Downloading Training Uploading Completed" {
		t.Errorf("transitions %s", seen)
	}
	if out, err := d.command("interrupt", job).CombinedOutput(); err == nil || !strings.Contains(string(out), "has secondary status Completed") {
		t.Errorf("a job that has ended: %v: %s", err, out)
	}
}
