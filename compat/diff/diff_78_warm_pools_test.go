package diff

import "testing"

// TestDiff78WarmPools: trials have none, nor have spot instances, and a period is the API's and not the guide's.
func TestDiff78WarmPools(t *testing.T) {
	w := work(t)
	in := w.job("diff-78")
	resources := in["ResourceConfig"].(object)
	resources["KeepAlivePeriodInSeconds"] = 21601
	root.json(t, "sagemaker", "CreateTrainingJob", in).fault(t, 400, "ValidationException", "Member must have value less than or equal to 21600")
	resources["KeepAlivePeriodInSeconds"], in["EnableManagedSpotTraining"] = 21600, true
	in["StoppingCondition"] = object{"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
	root.json(t, "sagemaker", "CreateTrainingJob", in).fault(t, 400, "ValidationException", "ResourceConfig.KeepAlivePeriodInSeconds cannot be given together with EnableManagedSpotTraining")
	delete(in, "TrainingJobName")
	root.json(t, "sagemaker", "CreateHyperParameterTuningJob", object{
		"HyperParameterTuningJobName": "diff-78", "TrainingJobDefinition": in,
		"HyperParameterTuningJobConfig": object{"Strategy": "Random", "ResourceLimits": object{"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}},
	}).fault(t, 400, "ValidationException", "TrainingJobDefinition.ResourceConfig.KeepAlivePeriodInSeconds is not supported by this installation.")
}
