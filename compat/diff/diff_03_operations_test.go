package diff

import "testing"

// TestDiff03Operations: an operation that is not served is unknown, in the words of its protocol.
func TestDiff03Operations(t *testing.T) {
	root.query(t, "ec2", "RunInstances").fault(t, 400, "InvalidAction", "The action RunInstances is not valid for this web service.")
	root.query(t, "iam", "CreateLoginProfile", "UserName", "g").fault(t, 400, "InvalidAction", "Could not find operation CreateLoginProfile")
	root.query(t, "sts", "AssumeRoleWithSAML").fault(t, 400, "InvalidAction", "Could not find operation AssumeRoleWithSAML")
	root.json(t, "sagemaker", "CreateAutoMLJob", object{}).fault(t, 400, "UnknownOperationException", "")
	root.json(t, "logs", "StartQuery", object{}).fault(t, 400, "UnknownOperationException", "")
	bucket(t, "diff-03")
	root.s3(t, "PUT", "diff-03?versioning=", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>").
		fault(t, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}
