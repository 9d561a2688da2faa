package diff

import "testing"

// TestDiff25PublicAccess: a new bucket blocks nothing, so a policy may open it to everybody.
func TestDiff25PublicAccess(t *testing.T) {
	bucket(t, "diff-25")
	root.s3(t, "GET", "diff-25?publicAccessBlock=", "").fault(t, 404, "NoSuchPublicAccessBlockConfiguration", "")
	root.s3(t, "PUT", "diff-25?policy=", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::diff-25/*"}]}`).good(t)
	root.s3(t, "PUT", "diff-25?publicAccessBlock=", "<PublicAccessBlockConfiguration/>").fault(t, 405, "MethodNotAllowed", "")
}
