package diff

import (
	"strings"
	"testing"
)

// TestDiff10NoUplink: Cloister's internet has the doors and nothing else, and S3 without TLS is not there.
func TestDiff10NoUplink(t *testing.T) {
	said, err := inside(t, []string{"--internet"}, "sh", "-c", "getent ahostsv4 sts."+region+".amazonaws.com; getent ahostsv4 example.com || echo none")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if !strings.Contains(said, "203.0.113.12") || !strings.HasSuffix(strings.TrimSpace(said), "none") {
		t.Errorf("names on the internet: %s", said)
	}
	said, err = inside(t, []string{"--internet"}, "timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/s3."+region+".amazonaws.com/443 && echo tls; exec 3<>/dev/tcp/s3."+region+".amazonaws.com/80 && echo plain")
	if err == nil || strings.TrimSpace(said) != "tls" {
		t.Errorf("ports of S3: %v %q", err, said)
	}
}
