package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "DeleteTrainingJob", func(c *api.Call, in *sagemaker.DeleteTrainingJobRequest) []api.Check {
	return may(c, "DeleteTrainingJob", "training-job", text(in.TrainingJobName))
}, (*Service).deleteTrainingJob)

// deleteTrainingJob forgets the record of a job that has ended; its name is free then. What it left in S3 and
// in its log stays. A job of which something is yet to be removed is not forgotten: nobody would remove it.
func (s *Service) deleteTrainingJob(ctx context.Context, c *api.Call, in *sagemaker.DeleteTrainingJobRequest) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.TrainingJobName)))
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		job, err := trainingJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case job == nil:
			return errNoTrainingJob
		case !job.settled():
			return resourceInUse.New("Training job %s cannot be deleted because it is in status %s.", job.ARN, job.Status)
		case job.waits():
			return resourceInUse.New("Training job %s cannot be deleted because it retains a warm pool in status %s.", job.ARN, job.Warm.Status)
		case job.Outcome != nil:
			return resourceInUse.New("Training job %s cannot be deleted because its resources are still being released.", job.ARN)
		}
		if err := tagSets.Delete(tx, job.ARN); err != nil {
			return err
		}
		return trainingJobs.Delete(tx, key)
	})
}
