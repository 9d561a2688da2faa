package diff

import (
	"strings"
	"testing"
)

// TestDiff65Metadata: a program with a role is told credentials, for a token, and nothing else of an instance; one
// without a role finds nobody.
func TestDiff65Metadata(t *testing.T) {
	_, subnet, group := network(t)
	arn := role(t, "diff-65", `{"Service":"ec2.amazonaws.com"}`, policy("Allow", "sts:*", "*"))
	const script = `at=http://169.254.169.254/latest; ask() { curl -s -m 2 -o /dev/null -w "%{http_code} " "$@"; }
ask $at/meta-data/iam/info
t=$(curl -s -m 2 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" $at/api/token)
for p in meta-data/iam/info meta-data/iam/security-credentials/diff-65 meta-data/instance-id dynamic/instance-identity/document user-data; do
	ask -H "X-aws-ec2-metadata-token: $t" $at/$p
done; true`
	place := []string{"--subnet", subnet, "--security-group", group}
	if said, err := inside(t, append(place[:4:4], "--role", arn), "sh", "-c", script); err != nil || strings.TrimSpace(said) != "401 200 200 404 404 404" {
		t.Errorf("%v: %s", err, said)
	}
	if said, err := inside(t, place, "sh", "-c", script); err != nil || strings.Trim(said, "0 \n") != "" {
		t.Errorf("without a role: %v: %s", err, said)
	}
}
