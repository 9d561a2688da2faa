package diff

import "testing"

// TestDiff35DeletedRoles: a role's sessions end with it, at once.
func TestDiff35DeletedRoles(t *testing.T) {
	arn := role(t, "diff-35", `{"AWS":"`+account+`"}`, policy("Allow", "s3:*", "*"))
	a := user(t, "diff-35", policy("Allow", "sts:*", "*")).query(t, "sts", "AssumeRole", "RoleArn", arn, "RoleSessionName", "one").good(t)
	session := &client{a.one(t, "AccessKeyId"), a.one(t, "SecretAccessKey"), a.one(t, "SessionToken")}
	session.query(t, "sts", "GetCallerIdentity").good(t)
	root.query(t, "iam", "DeleteRolePolicy", "RoleName", "diff-35", "PolicyName", "inline").good(t)
	root.query(t, "iam", "DeleteRole", "RoleName", "diff-35").good(t)
	gone := func() {
		t.Helper()
		session.query(t, "sts", "GetCallerIdentity").fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid")
	}
	gone()
	role(t, "diff-35", `{"AWS":"`+account+`"}`, policy("Allow", "s3:*", "*"))
	gone()
}
