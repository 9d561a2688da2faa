package diff

import "testing"

// TestDiff75Checkpoints: checkpoints are not where the platform's own files are.
func TestDiff75Checkpoints(t *testing.T) {
	in := work(t).job("diff-75")
	in["CheckpointConfig"] = object{"S3Uri": "s3://diff-work/c", "LocalPath": "/opt/ml/model"}
	root.json(t, "sagemaker", "CreateTrainingJob", in).fault(t, 400, "ValidationException", `cannot hold checkpoints.`)
}
