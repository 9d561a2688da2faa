package diff

import "testing"

// TestDiff67Registries: what registries do beyond keeping images is refused by name, or unknown.
func TestDiff67Registries(t *testing.T) {
	for what, in := range map[string]object{
		"imageScanningConfiguration": {"imageScanningConfiguration": object{"scanOnPush": true}},
		"encryptionConfiguration":    {"encryptionConfiguration": object{"encryptionType": "KMS"}},
	} {
		in["repositoryName"] = "diff-67"
		root.json(t, "ecr", "CreateRepository", in).fault(t, 400, "InvalidParameterException", what)
	}
	for operation, in := range map[string]object{"StartImageScan": {"repositoryName": "diff-67", "imageId": object{"imageTag": "1"}}, "DescribeRegistry": {}} {
		root.json(t, "ecr", operation, in).fault(t, 400, "UnknownOperationException", "")
	}
}
