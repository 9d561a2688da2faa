package sagemaker

import (
	"testing"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

// TestTuningIsDescribedInFull: what AWS fills in of a definition, and the time that the job itself has taken: trials
// that run beside each other take no more of it.
func TestTuningIsDescribedInFull(t *testing.T) {
	w, s := tuningWorld(t)
	w.tune(s, tuningRequest("tune", 2, 2))
	d := w.tuning(s, "tune").TrainingJobDefinition
	ch := d.InputDataConfig[0]
	if text(ch.CompressionType) != "None" || text(ch.RecordWrapperType) != "None" || text(ch.DataSource.S3DataSource.S3DataDistributionType) != "FullyReplicated" {
		t.Errorf("the channel is %+v", ch)
	}
	if d.EnableNetworkIsolation == nil || d.EnableInterContainerTrafficEncryption == nil || d.EnableManagedSpotTraining == nil || number(d.StoppingCondition.MaxRuntimeInSeconds, 0) == 0 {
		t.Errorf("the definition is %+v", d)
	}
	if d.StaticHyperParameters["_tuning_objective_metric"] != "loss" || d.StaticHyperParameters["do"] != "run" {
		t.Errorf("static are %v", d.StaticHyperParameters)
	}
	key := store.Key(w.call().Account(), "tune")
	err := s.DB.Update(t.Context(), func(tx *store.Tx) error {
		j, err := tuningJobs.Get(tx, key)
		if err != nil {
			return err
		}
		if len(j.Request.TrainingJobDefinition.StaticHyperParameters) != 1 {
			t.Errorf("the record has %v", j.Request.TrainingJobDefinition.StaticHyperParameters)
		}
		after := func(n int) *time.Time { return new(j.Created.Add(time.Duration(n) * time.Second)) }
		j.Status, j.Ended = completed, after(25)
		j.Trials = []trial{
			{Name: "a", Status: completed, Started: after(1), Done: after(20), Objective: new(2.0)},
			{Name: "b", Status: failed, Started: after(1), Done: after(20)},
			{Name: "c", Status: completed, Started: after(1), Done: after(20), Objective: new(1.0)},
		}
		return tuningJobs.Put(tx, key, j)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := *w.tuning(s, "tune").ConsumedResources.RuntimeInSeconds; n != 25 {
		t.Errorf("it took %d seconds", n)
	}
	// By their objectives those are listed that have one, as on AWS; by anything else all.
	names := ""
	for _, one := range w.trials(s, "tune") {
		names += *one.TrainingJobName
	}
	all, err := s.listTrainingJobsForHyperParameterTuningJob(t.Context(), w.call(), &sagemaker.ListTrainingJobsForHyperParameterTuningJobRequest{HyperParameterTuningJobName: new("tune")})
	if err != nil || names != "ca" || len(all.TrainingJobSummaries) != 3 {
		t.Error(names, len(all.TrainingJobSummaries), err)
	}
}

// TestTuningLimitsAreSettings: the most trials, and the most beside each other, are what the configuration says.
func TestTuningLimitsAreSettings(t *testing.T) {
	w, _ := tuningWorld(t)
	w.config = func(c *Config) { c.Quotas = map[string]int{trialsQuota: 750, parallelQuota: 12} }
	s := w.service()
	w.tune(s, tuningRequest("more", 750, 12))
	for _, n := range [][2]int32{{751, 1}, {20, 13}} {
		if _, err := s.createHyperParameterTuningJob(t.Context(), w.call(), tuningRequest("most", n[0], n[1])); err == nil {
			t.Errorf("%v is taken", n)
		}
	}
}
