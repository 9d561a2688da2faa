package diff

import "testing"

// TestDiff21MissingKeys: a key that is not there is told to be missing also to those who may not list.
func TestDiff21MissingKeys(t *testing.T) {
	bucket(t, "diff-21")
	reader := user(t, "diff-21", policy("Allow", "s3:GetObject", "*"))
	reader.s3(t, "GET", "diff-21?list-type=2", "").fault(t, 403, "AccessDenied", "s3:ListBucket")
	reader.s3(t, "GET", "diff-21/none", "").fault(t, 404, "NoSuchKey", "The specified key does not exist.")
}
