package diff

import "testing"

// TestDiff24Encryption: objects are not encrypted, nothing says that they are, and asking for it is refused.
func TestDiff24Encryption(t *testing.T) {
	bucket(t, "diff-24")
	if got := root.s3(t, "PUT", "diff-24/key", "bytes").good(t).header.Get("X-Amz-Server-Side-Encryption"); got != "" {
		t.Errorf("encrypted by %s", got)
	}
	root.s3(t, "PUT", "diff-24/key", "bytes", "X-Amz-Server-Side-Encryption", "AES256").fault(t, 501, "NotImplemented", "x-amz-server-side-encryption")
	root.s3(t, "GET", "diff-24?encryption=", "").fault(t, 404, "ServerSideEncryptionConfigurationNotFoundError", "")
}
