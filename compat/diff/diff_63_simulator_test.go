package diff

import (
	"slices"
	"testing"
)

// TestDiff63Simulator: the policy simulator refuses scenarios of EC2, and misses the keys that statements about the action use.
func TestDiff63Simulator(t *testing.T) {
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},
		{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}]}`
	ask := func(more ...string) answer {
		return root.query(t, "iam", "SimulateCustomPolicy", append([]string{"PolicyInputList.member.1", document, "ActionNames.member.1", "s3:GetObject"}, more...)...)
	}
	ask("ResourceHandlingOption", "EC2-VPC-EBS").fault(t, 400, "InvalidInput", "Invalid Input ResourceHandlingOption: EC2-VPC-EBS is not simulated here, remove it from the request.")
	if got := ask().good(t).all("member"); !slices.Contains(got, "aws:SecureTransport") || slices.Contains(got, "aws:SourceVpc") {
		t.Errorf("missing are %q", got)
	}
}
