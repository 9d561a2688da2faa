package diff

import "testing"

// TestDiff23SmallBodies: the MD5 of documents, unlike that of objects, is neither asked for nor compared.
func TestDiff23SmallBodies(t *testing.T) {
	bucket(t, "diff-23")
	root.s3(t, "PUT", "diff-23/key", "bytes", "Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA==").fault(t, 400, "BadDigest", "")
	const list = "<Delete><Object><Key>key</Key></Object></Delete>"
	root.s3(t, "POST", "diff-23?delete=", list).good(t)
	root.s3(t, "POST", "diff-23?delete=", list, "Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA==").good(t)
}
