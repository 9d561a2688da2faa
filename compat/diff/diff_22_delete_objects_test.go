package diff

import "testing"

// TestDiff22DeleteObjects: one key that may not be deleted denies the whole call.
func TestDiff22DeleteObjects(t *testing.T) {
	bucket(t, "diff-22")
	for _, key := range []string{"mine", "yours"} {
		root.s3(t, "PUT", "diff-22/"+key, "bytes").good(t)
	}
	u := user(t, "diff-22", policy("Allow", "s3:DeleteObject", "arn:aws:s3:::diff-22/mine"))
	u.s3(t, "POST", "diff-22?delete=", "<Delete><Object><Key>mine</Key></Object><Object><Key>yours</Key></Object></Delete>").
		fault(t, 403, "AccessDenied", "s3:DeleteObject on resource: \"arn:aws:s3:::diff-22/yours\"")
	root.s3(t, "GET", "diff-22/mine", "").good(t)
}
