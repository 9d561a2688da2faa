package diff

import "testing"

// TestDiff33NoGroups: users stand alone and roles have no instance profiles, which clients can read.
func TestDiff33NoGroups(t *testing.T) {
	root.query(t, "iam", "CreateUser", "UserName", "diff-33").good(t)
	role(t, "diff-33", `{"AWS":"`+account+`"}`, policy("Allow", "s3:*", "*"))
	if got := root.query(t, "iam", "ListGroupsForUser", "UserName", "diff-33").good(t).all("GroupName"); len(got) > 0 {
		t.Errorf("groups %q", got)
	}
	if got := root.query(t, "iam", "ListInstanceProfilesForRole", "RoleName", "diff-33").good(t).all("InstanceProfileName"); len(got) > 0 {
		t.Errorf("instance profiles %q", got)
	}
	for _, action := range []string{"CreateGroup", "CreateInstanceProfile", "CreateLoginProfile", "CreateVirtualMFADevice", "CreateOpenIDConnectProvider"} {
		root.query(t, "iam", action).fault(t, 400, "InvalidAction", "")
	}
}
