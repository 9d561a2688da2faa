package diff

import (
	"strings"
	"testing"
)

// TestDiff38Images: an image of another account that nobody loaded is not there.
func TestDiff38Images(t *testing.T) {
	w := work(t)
	in := w.job("diff-38")
	image := "763104351884.dkr.ecr." + region + ".amazonaws.com/mine:1"
	in["AlgorithmSpecification"] = object{"TrainingImage": image, "TrainingInputMode": "File"}
	root.json(t, "sagemaker", "CreateTrainingJob", in).good(t)
	ended := w.ended(t, "diff-38")
	if why, _ := ended["FailureReason"].(string); ended["TrainingJobStatus"] != "Failed" || !strings.Contains(why, "ClientError: Cannot find the training image "+image) {
		t.Errorf("%v: %v", ended["TrainingJobStatus"], ended["FailureReason"])
	}
}
