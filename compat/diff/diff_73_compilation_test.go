package diff

import (
	"strings"
	"testing"
	"time"
)

// TestDiff73Compilation: without an image that compiles a job fails and says why.
func TestDiff73Compilation(t *testing.T) {
	root.json(t, "sagemaker", "CreateCompilationJob", object{
		"CompilationJobName": "diff-73", "RoleArn": work(t).role,
		"InputConfig":       object{"S3Uri": "s3://diff-work/model.tar.gz", "Framework": "ONNX"},
		"OutputConfig":      object{"S3OutputLocation": "s3://diff-work/compiled", "TargetDevice": "ml_c5"},
		"StoppingCondition": object{"MaxRuntimeInSeconds": 60},
	}).good(t)
	for range 300 {
		d := root.json(t, "sagemaker", "DescribeCompilationJob", object{"CompilationJobName": "diff-73"}).object(t)
		if d["CompilationJobStatus"] == "FAILED" {
			if reason, _ := d["FailureReason"].(string); !strings.Contains(reason, "has named no image that compiles (compiler_image)") {
				t.Error(reason)
			}
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the job does not fail")
}
