package diff

import (
	"regexp"
	"testing"
)

// TestDiff04RequestIDs: S3's are UUIDs like everybody's, not 16 letters and digits.
func TestDiff04RequestIDs(t *testing.T) {
	for header, a := range map[string]answer{
		"X-Amz-Request-Id": root.s3(t, "GET", "", "").good(t), "X-Amzn-Requestid": root.query(t, "sts", "GetCallerIdentity").good(t),
	} {
		if id := a.header.Get(header); !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("%s: %q", header, id)
		}
	}
}
