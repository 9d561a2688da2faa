package diff

import (
	"strings"
	"testing"
)

// TestDiff39JobWithoutVPC: the container of a job without a VPC reaches nothing, nor any credentials.
func TestDiff39JobWithoutVPC(t *testing.T) {
	w := work(t)
	w.train(t)
	events, _ := root.json(t, "logs", "FilterLogEvents", object{"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": trained + "/"}).object(t)["events"].([]any)
	tried := 0
	for _, e := range events {
		line, _ := e.(object)["message"].(string)
		if strings.Contains(line, ": reached ") || strings.Contains(line, "credentials: 200") {
			t.Error(line)
		}
		if strings.Contains(line, "] 169.254.170.2:80: ") || strings.HasSuffix(line, "] credentials: nowhere to ask") || strings.Contains(line, "s3."+region+".amazonaws.com:443: ") {
			tried++
		}
	}
	if tried != 3 {
		t.Errorf("the probe told %v", events)
	}
}
