package diff

import "testing"

// TestDiff74Spot: spot instances are taken back when somebody asks, of jobs that have some.
func TestDiff74Spot(t *testing.T) {
	w := work(t)
	w.train(t)
	root.json(t, "cloister", "InterruptTrainingJob", object{"TrainingJobName": trained}).
		fault(t, 400, "ValidationException", "The training job does not use managed spot training")
	in := w.job("diff-74")
	in["EnableManagedSpotTraining"] = true
	root.json(t, "sagemaker", "CreateTrainingJob", in).fault(t, 400, "ValidationException", "Invalid MaxWaitTimeInSeconds.")
}
