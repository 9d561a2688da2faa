package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "StopTrainingJob", stopTrainingJobChecks, (*Service).stopTrainingJob)

func stopTrainingJobChecks(c *api.Call, in *sagemaker.StopTrainingJobRequest) []api.Check {
	return may(c, "StopTrainingJob", "training-job", text(in.TrainingJobName))
}

// stopTrainingJob asks; the controller stops. Asking again changes nothing.
func (s *Service) stopTrainingJob(ctx context.Context, c *api.Call, in *sagemaker.StopTrainingJobRequest) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.TrainingJobName)))
	return &struct{}{}, s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		job, err := trainingJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case job == nil:
			return errNoTrainingJob
		case job.settled():
			return validation.New("The request was rejected because the training job is in status %s.", job.Status)
		}
		return s.halt(tx, trainingKind, key, job)
	})
}
