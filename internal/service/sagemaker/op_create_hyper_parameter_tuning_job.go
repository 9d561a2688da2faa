package sagemaker

import (
	"context"
	"crypto/rand"
	"encoding/binary"

	hpo "cloister/internal/engine/tuning"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateHyperParameterTuningJob", func(c *api.Call, in *sagemaker.CreateHyperParameterTuningJobRequest) []api.Check {
	checks := telling(c, "CreateHyperParameterTuningJob", "hyper-parameter-tuning-job", text(in.HyperParameterTuningJobName), in)
	for _, d := range trialDefinitions(in) {
		checks = passing(c, checks, d.RoleArn)
	}
	return tagging(checks, in.Tags)
}, (*Service).createHyperParameterTuningJob)

func trialDefinitions(in *sagemaker.CreateHyperParameterTuningJobRequest) []sagemaker.HyperParameterTrainingJobDefinition {
	if in.TrainingJobDefinition != nil {
		return append([]sagemaker.HyperParameterTrainingJobDefinition{*in.TrainingJobDefinition}, in.TrainingJobDefinitions...)
	}
	return in.TrainingJobDefinitions
}

func (s *Service) createHyperParameterTuningJob(ctx context.Context, c *api.Call, in *sagemaker.CreateHyperParameterTuningJobRequest) (*sagemaker.CreateHyperParameterTuningJobResponse, error) {
	if err := s.validTuning(c, in); err != nil {
		return nil, err
	}
	key := store.Key(c.Account(), lower(text(in.HyperParameterTuningJobName)))
	j := &tuningJob{Account: c.Account(), ARN: resource(c, "hyper-parameter-tuning-job", text(in.HyperParameterTuningJobName)), Request: *in,
		SourceIdentity: c.Caller.Identity.SourceIdentity, Status: inProgress, Seed: seedOf(in)}
	j.Request.Tags = nil
	if err := s.DB.View(ctx, func(tx *store.Tx) error { return freeTuningName(tx, key) }); err != nil {
		return nil, err
	}
	d := j.definition()
	x, err := s.takeRole(ctx, errand{j.Account, text(d.RoleArn), j.ARN, j.SourceIdentity}, noTrainingRole)
	if err == nil {
		err = s.findData(ctx, x, text(d.RoleArn), d.VpcConfig, d.InputDataConfig)
	}
	if err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := freeTuningName(tx, key); err != nil {
			return err
		}
		if err := j.inherit(tx); err != nil {
			return err
		}
		if _, err := search(in, j.Parents, j.Seed); err != nil {
			return validation.New("%s", err.Error())
		}
		j.Created, j.Modified = tx.Now, tx.Now
		if err := putTags(tx, j.ARN, in.Tags); err != nil {
			return err
		}
		tx.After(func() { s.tunings.Add(key) })
		return tuningJobs.Put(tx, key, j)
	})
	if err != nil {
		return nil, err
	}
	return &sagemaker.CreateHyperParameterTuningJobResponse{HyperParameterTuningJobArn: &j.ARN}, nil
}

func freeTuningName(tx *store.Tx, key string) error {
	old, err := tuningJobs.Get(tx, key)
	if err != nil || old == nil {
		return err
	}
	return resourceInUse.New("Hyperparameter tuning job names must be unique within an AWS account and region, and a tuning job with this name already exists (%s)", old.ARN)
}

// seedOf is the seed that was asked for, or a random one.
func seedOf(in *sagemaker.CreateHyperParameterTuningJobRequest) uint64 {
	if n := in.HyperParameterTuningJobConfig.RandomSeed; n != nil {
		return uint64(*n)
	}
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// inherit keeps the parents of a warm start as they are now.
func (j *tuningJob) inherit(tx *store.Tx) error {
	if j.Request.WarmStartConfig == nil {
		return nil
	}
	for _, p := range j.Request.WarmStartConfig.ParentHyperParameterTuningJobs {
		name := text(p.HyperParameterTuningJobName)
		parent, err := tuningJobs.Get(tx, store.Key(j.Account, lower(name)))
		switch {
		case err != nil:
			return err
		case parent == nil:
			return noTuningJob(name)
		case !parent.settled():
			return validation.New("The parent hyperparameter tuning job %s is in status %s: it must be Completed, Stopped or Failed.", name, parent.Status)
		}
		j.Parents = append(j.Parents, parent.parent())
	}
	return nil
}

// The most of an account's tuning job unless quotas say otherwise (seed 001, pages 171-175).
const (
	mostTrials    = 500
	mostParallel  = 10
	trialsQuota   = "Maximum number of training jobs per hyperparameter tuning job"
	parallelQuota = "Maximum number of parallel training jobs per hyperparameter tuning job"
)

// validTuning goes through what a request can ask for.
func (s *Service) validTuning(c *api.Call, in *sagemaker.CreateHyperParameterTuningJobRequest) error {
	all := trialDefinitions(in)
	if len(all) == 0 {
		return validation.New("TrainingJobDefinition is required.")
	}
	d := &all[0]
	if err := refuse(
		refusal{"TrainingJobDefinitions with more than one definition", len(all) > 1},
		refusal{"Autotune", in.Autotune != nil},
		// All trials would share one prefix, and each begin from another's state.
		refusal{"TrainingJobDefinition.CheckpointConfig", d.CheckpointConfig != nil},
		refusal{"TrainingJobDefinition.ResourceConfig.KeepAlivePeriodInSeconds", d.ResourceConfig != nil && number(d.ResourceConfig.KeepAlivePeriodInSeconds, 0) != 0},
		refusal{"TrainingJobDefinition.HyperParameterTuningResourceConfig", d.HyperParameterTuningResourceConfig != nil},
		refusal{"ParameterRanges.AutoParameters", hasAuto(in.HyperParameterTuningJobConfig.ParameterRanges) || hasAuto(d.HyperParameterRanges)},
	); err != nil {
		return err
	}
	if err := onePlace(in.HyperParameterTuningJobConfig, d); err != nil {
		return err
	}
	o := objectiveOf(in)
	if o == nil {
		return validation.New("HyperParameterTuningJobConfig.HyperParameterTuningJobObjective is required.")
	}
	if d.AlgorithmSpecification == nil {
		return validation.New("TrainingJobDefinition.AlgorithmSpecification is required.")
	}
	if err := s.validTraining(c, (&tuningJob{Request: *in}).training("trial", nil)); err != nil {
		return err
	}
	metrics := d.AlgorithmSpecification.MetricDefinitions
	if own := builtInMetrics(text(d.AlgorithmSpecification.TrainingImage)); own != nil {
		if len(metrics) > 0 {
			return validation.New("You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request without specifying metric definitions.")
		}
		metrics = own
	}
	for _, m := range metrics {
		if text(m.Name) == text(o.MetricName) {
			return s.withinTuning(in)
		}
	}
	return validation.New("A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric definitions.")
}

// onePlace refuses what is said of the whole job and of its definition: one of both would have no effect.
func onePlace(c *sagemaker.HyperParameterTuningJobConfig, d *sagemaker.HyperParameterTrainingJobDefinition) error {
	switch {
	case c.HyperParameterTuningJobObjective != nil && d.TuningObjective != nil:
		return validation.New("Specify one of either HyperParameterTuningJobConfig.HyperParameterTuningJobObjective or TrainingJobDefinition.TuningObjective.")
	case c.ParameterRanges != nil && d.HyperParameterRanges != nil:
		return validation.New("Specify one of either HyperParameterTuningJobConfig.ParameterRanges or TrainingJobDefinition.HyperParameterRanges.")
	}
	return nil
}

func hasAuto(p *sagemaker.ParameterRanges) bool { return p != nil && len(p.AutoParameters) > 0 }

// withinTuning holds the limits of one job.
func (s *Service) withinTuning(in *sagemaker.CreateHyperParameterTuningJobRequest) error {
	l := in.HyperParameterTuningJobConfig.ResourceLimits
	if l == nil {
		return validation.New("HyperParameterTuningJobConfig.ResourceLimits is required.")
	}
	for _, q := range []struct {
		quota string
		usual int
		asked int32
	}{
		{trialsQuota, mostTrials, number(l.MaxNumberOfTrainingJobs, 0)},
		{parallelQuota, mostParallel, number(l.MaxParallelTrainingJobs, 0)},
	} {
		limit, ok := s.Quotas[q.quota]
		if !ok {
			limit = q.usual
		}
		if int(q.asked) > limit {
			return resourceLimitExceeded.New("The account-level service limit '%s' is %d, with current utilization of 0 and a request delta of %d. "+
				"Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota.", q.quota, limit, q.asked)
		}
	}
	if w := in.WarmStartConfig; w != nil && (len(w.ParentHyperParameterTuningJobs) == 0 || len(w.ParentHyperParameterTuningJobs) > hpo.MaxParents) {
		return validation.New("A warm start has from 1 to %d parents.", hpo.MaxParents)
	}
	return nil
}
