package diff

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDiff44Why: an account can ask why a call of its own was decided as it was.
func TestDiff44Why(t *testing.T) {
	id := user(t, "diff-44", "").s3(t, "GET", "", "").header.Get("X-Amz-Request-Id")
	if id == "" {
		t.Fatal("no request id")
	}
	said, err := exec.Command(binary, "--data", data, "why", id).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "s3:ListAllMyBuckets") {
		t.Errorf("%v: %s", err, said)
	}
}
