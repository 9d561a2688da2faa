package diff

import "testing"

// TestDiff36SageMakerRefuses: what SageMaker has here is less, and each field that asks for more is named.
func TestDiff36SageMakerRefuses(t *testing.T) {
	w := work(t)
	for field, value := range map[string]any{
		"RetryStrategy": object{"MaximumRetryAttempts": 1}, "TensorBoardOutputConfig": object{"S3OutputPath": "s3://b/t"},
	} {
		in := w.job("diff-36")
		in[field] = value
		root.json(t, "sagemaker", "CreateTrainingJob", in).fault(t, 400, "ValidationException", field+" is not supported by this installation.")
	}
	root.json(t, "sagemaker", "CreateEndpointConfig", object{"EndpointConfigName": "diff-36", "ProductionVariants": []object{
		{"VariantName": "v", "ModelName": "m", "ServerlessConfig": object{"MemorySizeInMB": 1024, "MaxConcurrency": 1}}}}).
		fault(t, 400, "ValidationException", "ServerlessConfig is not supported by this installation.")
	root.json(t, "sagemaker", "UpdateEndpoint", object{"EndpointName": "diff-36", "EndpointConfigName": "diff-36",
		"ExcludeRetainedVariantProperties": []object{{"VariantPropertyType": "DesiredInstanceCount"}}}).
		fault(t, 400, "ValidationException", "ExcludeRetainedVariantProperties is not supported by this installation.")
}
