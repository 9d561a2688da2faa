package diff

import (
	"slices"
	"testing"
)

// TestDiff31ManagedPolicies: of AWS's own policies there is one, and each policy has one version.
func TestDiff31ManagedPolicies(t *testing.T) {
	if got := root.query(t, "iam", "ListPolicies", "Scope", "AWS").good(t).all("PolicyName"); !slices.Equal(got, []string{"AdministratorAccess"}) {
		t.Errorf("AWS's policies: %q", got)
	}
	root.query(t, "iam", "CreateUser", "UserName", "diff-31").good(t)
	root.query(t, "iam", "AttachUserPolicy", "UserName", "diff-31", "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess").
		fault(t, 404, "NoSuchEntity", "Policy arn:aws:iam::aws:policy/ReadOnlyAccess does not exist or is not attachable.")
	arn := root.query(t, "iam", "CreatePolicy", "PolicyName", "diff-31", "PolicyDocument", policy("Allow", "s3:*", "*")).good(t).one(t, "Arn")
	root.query(t, "iam", "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", policy("Deny", "s3:*", "*"), "SetAsDefault", "true").
		fault(t, 400, "InvalidAction", "")
	if got := root.query(t, "iam", "ListPolicyVersions", "PolicyArn", arn).good(t).all("VersionId"); !slices.Equal(got, []string{"v1"}) {
		t.Errorf("versions %q", got)
	}
}
