package diff

import "testing"

// TestDiff32Boundaries: there are no permissions boundaries, so none is listed.
func TestDiff32Boundaries(t *testing.T) {
	const admin = "arn:aws:iam::aws:policy/AdministratorAccess"
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}]}`
	const sentence = "PermissionsBoundary is not supported by Cloister yet: remove it from the request."
	root.query(t, "iam", "CreateUser", "UserName", "diff-32", "PermissionsBoundary", admin).fault(t, 400, "InvalidInput", sentence)
	root.query(t, "iam", "CreateRole", "RoleName", "diff-32", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", admin).fault(t, 400, "InvalidInput", sentence)
	if got := root.query(t, "iam", "ListPolicies", "PolicyUsageFilter", "PermissionsBoundary").good(t).all("PolicyName"); len(got) > 0 {
		t.Errorf("boundaries %q", got)
	}
}
