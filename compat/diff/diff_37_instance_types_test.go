package diff

import "testing"

// TestDiff37InstanceTypes: there is one machine, and it has no accelerators but GPUs.
func TestDiff37InstanceTypes(t *testing.T) {
	w := work(t)
	in := w.job("diff-37")
	in["ResourceConfig"] = object{"InstanceType": "ml.trn1.32xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
	root.json(t, "sagemaker", "CreateTrainingJob", in).
		fault(t, 400, "ValidationException", "The requested resource training-job/ml.trn1.32xlarge is not available in this region")
	in["ResourceConfig"] = object{"InstanceType": "ml.m5.large", "InstanceCount": 101, "VolumeSizeInGB": 1}
	root.json(t, "sagemaker", "CreateTrainingJob", in).fault(t, 400, "ResourceLimitExceeded", "'Number of instances for a training job' is 100 Instances")
	root.json(t, "sagemaker", "CreateEndpointConfig", object{"EndpointConfigName": "diff-37", "ProductionVariants": []object{
		{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 5}}}).
		fault(t, 400, "ValidationException", "InitialInstanceCount must be between 1 and 4.")
}
