package diff

import "testing"

// TestDiff29BucketPolicies: actions need not exist, and who locks himself out is not warned.
func TestDiff29BucketPolicies(t *testing.T) {
	bucket(t, "diff-29")
	put := func(c *client, statement string) answer {
		return c.s3(t, "PUT", "diff-29?policy=", `{"Version":"2012-10-17","Statement":[{`+statement+`,"Principal":"*","Resource":["arn:aws:s3:::diff-29","arn:aws:s3:::diff-29/*"]}]}`)
	}
	put(root, `"Effect":"Deny","Action":"s3:NoSuchAction"`).good(t)
	u := user(t, "diff-29", policy("Allow", "s3:*", "*"))
	put(u, `"Effect":"Deny","Action":"s3:*"`).good(t)
	u.s3(t, "DELETE", "diff-29?policy=", "").fault(t, 403, "AccessDenied", "with an explicit deny in a resource-based policy")
	root.s3(t, "DELETE", "diff-29?policy=", "").good(t)
}
