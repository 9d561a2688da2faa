package diff

import "testing"

// TestDiff33NoPasswords: nobody logs in but with access keys.
func TestDiff33NoPasswords(t *testing.T) {
	for _, action := range []string{"CreateLoginProfile", "CreateVirtualMFADevice", "CreateSAMLProvider", "UploadSigningCertificate", "UploadServerCertificate"} {
		root.query(t, "iam", action).fault(t, 400, "InvalidAction", "")
	}
}
