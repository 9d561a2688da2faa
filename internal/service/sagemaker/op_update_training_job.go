package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "UpdateTrainingJob", func(c *api.Call, in *sagemaker.UpdateTrainingJobRequest) []api.Check {
	return telling(c, "UpdateTrainingJob", "training-job", text(in.TrainingJobName), in)
}, (*Service).updateTrainingJob)

// updateTrainingJob changes what can be changed of a job: while it runs, what is off already, for there is no profiler
// and no remote debugging; while its warm pool waits, for how long that does.
func (s *Service) updateTrainingJob(ctx context.Context, c *api.Call, in *sagemaker.UpdateTrainingJobRequest) (*sagemaker.UpdateTrainingJobResponse, error) {
	profiler, debug, pool := in.ProfilerConfig, in.RemoteDebugConfig, in.ResourceConfig
	if profiler == nil && debug == nil && pool == nil && len(in.ProfilerRuleConfigurations) == 0 {
		return nil, validation.New("Invalid UpdateTrainingJobRequest, the request cannot be empty")
	}
	if err := refuse(
		refusal{"ProfilerConfig", profiler != nil && !flag(profiler.DisableProfiler)},
		refusal{"ProfilerRuleConfigurations", len(in.ProfilerRuleConfigurations) > 0},
		refusal{"RemoteDebugConfig.EnableRemoteDebug", debug != nil && flag(debug.EnableRemoteDebug)},
	); err != nil {
		return nil, err
	}
	key, arn := store.Key(c.Account(), lower(text(in.TrainingJobName))), ""
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		job, err := trainingJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case job == nil:
			return errNoTrainingJob
		case (profiler != nil || debug != nil) && job.Status != inProgress:
			return validation.New("The request was rejected because the training job is in status %s.", job.Status)
		case pool != nil && !job.waits():
			return validation.New("The request was rejected because the training job has no warm pool in status %s.", available)
		}
		arn = job.ARN
		if pool != nil {
			return s.changePool(tx, key, job, pool.KeepAlivePeriodInSeconds)
		}
		job.Modified = tx.Now
		if profiler != nil {
			job.Request.ProfilerConfig = &sagemaker.ProfilerConfig{DisableProfiler: new(true)}
		}
		return trainingJobs.Put(tx, key, job)
	})
	if err != nil {
		return nil, err
	}
	return &sagemaker.UpdateTrainingJobResponse{TrainingJobArn: &arn}, nil
}
