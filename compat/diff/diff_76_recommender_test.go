package diff

import "testing"

// TestDiff76Recommender: model packages, existing and serverless endpoints are not tested, and instance types are not chosen.
func TestDiff76Recommender(t *testing.T) {
	payload := object{"PayloadConfig": object{"SamplePayloadUrl": "s3://b/sample.tar.gz"}}
	shapes := []object{{"InstanceType": "ml.m5.large"}}
	for want, input := range map[string]object{
		"InputConfig.ModelPackageVersionArn is not supported by this installation.": {
			"ModelPackageVersionArn": "arn:aws:sagemaker:us-east-1:" + account + ":model-package/p/1", "EndpointConfigurations": shapes},
		"InputConfig.Endpoints is not supported by this installation.": {"ModelName": "none", "Endpoints": []object{{"EndpointName": "e"}}},
		"EndpointConfigurations.ServerlessConfig is not supported by this installation.": {"ModelName": "none", "ContainerConfig": payload,
			"EndpointConfigurations": []object{{"ServerlessConfig": object{"MemorySizeInMB": 1024, "MaxConcurrency": 1}}}},
	} {
		root.json(t, "sagemaker", "CreateInferenceRecommendationsJob", object{
			"JobName": "diff-76", "JobType": "Advanced", "RoleArn": "arn:aws:iam::" + account + ":role/none", "InputConfig": input,
		}).fault(t, 400, "ValidationException", want)
	}
	root.json(t, "sagemaker", "CreateInferenceRecommendationsJob", object{
		"JobName": "diff-76", "JobType": "Default", "RoleArn": "arn:aws:iam::" + account + ":role/none",
		"InputConfig": object{"ModelName": "none", "ContainerConfig": payload},
	}).fault(t, 400, "ValidationException", "InputConfig.ContainerConfig.SupportedInstanceTypes is required for a job of JobType Default: this installation chooses no instance types.")
}
