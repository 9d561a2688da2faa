package diff

import (
	"slices"
	"testing"
)

// TestDiff31ManagedPolicies: of AWS's own policies there are those of SageMaker's guide and a few more, each with the text in force alone.
func TestDiff31ManagedPolicies(t *testing.T) {
	got := root.query(t, "iam", "ListPolicies", "Scope", "AWS", "MaxItems", "1000").good(t).all("PolicyName")
	if !slices.Contains(got, "AdministratorAccess") || !slices.Contains(got, "AmazonSageMakerModelRegistryFullAccess") || len(got) > 100 {
		t.Errorf("AWS's policies: %q", got)
	}
	root.query(t, "iam", "CreateUser", "UserName", "diff-31").good(t)
	root.query(t, "iam", "AttachUserPolicy", "UserName", "diff-31", "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess").
		fault(t, 404, "NoSuchEntity", "Policy arn:aws:iam::aws:policy/ReadOnlyAccess does not exist or is not attachable.")
	const registry = "arn:aws:iam::aws:policy/AmazonSageMakerModelRegistryFullAccess"
	if got := root.query(t, "iam", "ListPolicyVersions", "PolicyArn", registry).good(t).all("VersionId"); !slices.Equal(got, []string{"v2", "v1"}) {
		t.Errorf("versions %q", got)
	}
	root.query(t, "iam", "GetPolicyVersion", "PolicyArn", registry, "VersionId", "v2").good(t)
	root.query(t, "iam", "GetPolicyVersion", "PolicyArn", registry, "VersionId", "v1").
		fault(t, 404, "NoSuchEntity", "Policy "+registry+" version v1 does not exist or is not attachable.")
}
