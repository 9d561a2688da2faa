package diff

import "testing"

// TestDiff70Tuning: Autotune and several definitions are refused.
func TestDiff70Tuning(t *testing.T) {
	in := object{
		"HyperParameterTuningJobName": "diff-70", "Autotune": object{"Mode": "Enabled"},
		"HyperParameterTuningJobConfig": object{"Strategy": "Random", "ResourceLimits": object{"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}},
		"TrainingJobDefinition": object{
			"AlgorithmSpecification": object{"TrainingImage": "image", "TrainingInputMode": "File"}, "RoleArn": "arn:aws:iam::" + account + ":role/none",
			"OutputDataConfig": object{"S3OutputPath": "s3://b"}, "StoppingCondition": object{},
			"ResourceConfig": object{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
		},
	}
	root.json(t, "sagemaker", "CreateHyperParameterTuningJob", in).fault(t, 400, "ValidationException", "Autotune is not supported by this installation.")
	delete(in, "Autotune")
	in["TrainingJobDefinitions"] = []object{in["TrainingJobDefinition"].(object)}
	root.json(t, "sagemaker", "CreateHyperParameterTuningJob", in).fault(t, 400, "ValidationException", "TrainingJobDefinitions with more than one definition is not supported by this installation.")
}
