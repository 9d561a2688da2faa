package diff

import "testing"

// TestDiff26StandingBuckets: how a bucket is configured can be read and not changed.
func TestDiff26StandingBuckets(t *testing.T) {
	bucket(t, "diff-26")
	for _, what := range []string{"acl", "versioning", "accelerate", "requestPayment", "logging", "notification", "ownershipControls"} {
		root.s3(t, "GET", "diff-26?"+what+"=", "").good(t)
		root.s3(t, "PUT", "diff-26?"+what+"=", "<x/>").fault(t, 405, "MethodNotAllowed", "")
	}
	for what, code := range map[string]string{
		"tagging": "NoSuchTagSet", "cors": "NoSuchCORSConfiguration", "website": "NoSuchWebsiteConfiguration", "lifecycle": "NoSuchLifecycleConfiguration",
		"replication": "ReplicationConfigurationNotFoundError", "object-lock": "ObjectLockConfigurationNotFoundError",
	} {
		root.s3(t, "GET", "diff-26?"+what+"=", "").fault(t, 404, code, "")
		root.s3(t, "PUT", "diff-26?"+what+"=", "<x/>").fault(t, 405, "MethodNotAllowed", "")
	}
}
