package diff

import "testing"

// TestDiff69Transform: what a batch transform would capture, encrypt or count as an experiment is refused.
func TestDiff69Transform(t *testing.T) {
	for member, value := range map[string]any{"DataCaptureConfig": object{"DestinationS3Uri": "s3://b/p"}, "ExperimentConfig": object{}} {
		root.json(t, "sagemaker", "CreateTransformJob", object{
			"TransformJobName": "diff-69", "ModelName": "none", member: value,
			"TransformInput":     object{"DataSource": object{"S3DataSource": object{"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}},
			"TransformOutput":    object{"S3OutputPath": "s3://b/out"},
			"TransformResources": object{"InstanceType": "ml.m5.large", "InstanceCount": 1},
		}).fault(t, 400, "ValidationException", member+" is not supported by this installation.")
	}
}
