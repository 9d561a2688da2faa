package diff

import (
	"strings"
	"testing"
)

// TestDiff27PlainObjects: an object has one version and one storage class, no tags, no lock and no redirect.
func TestDiff27PlainObjects(t *testing.T) {
	bucket(t, "diff-27")
	for header, value := range map[string]string{
		"X-Amz-Tagging": "a=b", "X-Amz-Website-Redirect-Location": "/other", "X-Amz-Object-Lock-Legal-Hold": "ON", "X-Amz-Write-Offset-Bytes": "0",
	} {
		root.s3(t, "PUT", "diff-27/key", "bytes", header, value).fault(t, 501, "NotImplemented", strings.ToLower(header))
	}
	root.s3(t, "PUT", "diff-27/key", "bytes", "X-Amz-Storage-Class", "STANDARD_IA").fault(t, 400, "InvalidStorageClass", "")
	root.s3(t, "PUT", "diff-27/key", "bytes", "X-Amz-Acl", "public-read").fault(t, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	root.s3(t, "PUT", "diff-27/key?tagging=", "<Tagging/>").fault(t, 405, "MethodNotAllowed", "")
}
