package diff

import "testing"

// TestDiff02AtOnce: what a policy says holds for the very next call, every time.
func TestDiff02AtOnce(t *testing.T) {
	u := user(t, "diff-02", "")
	for range 10 {
		u.query(t, "ec2", "DescribeVpcs").fault(t, 403, "UnauthorizedOperation", "no identity-based policy allows")
		root.query(t, "iam", "PutUserPolicy", "UserName", "diff-02", "PolicyName", "p", "PolicyDocument", policy("Allow", "ec2:*", "*")).good(t)
		u.query(t, "ec2", "DescribeVpcs").good(t)
		root.query(t, "iam", "DeleteUserPolicy", "UserName", "diff-02", "PolicyName", "p").good(t)
	}
}
