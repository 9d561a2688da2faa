package diff

import (
	"strings"
	"testing"
)

// TestDiff19NoEncodedMessage: EC2's denials end with their cause.
func TestDiff19NoEncodedMessage(t *testing.T) {
	u := user(t, "diff-19", policy("Allow", "sts:*", "*"))
	a := u.query(t, "ec2", "CreateVpc", "CidrBlock", "10.19.0.0/24")
	a.fault(t, 403, "UnauthorizedOperation", "because no identity-based policy allows the ec2:CreateVpc action</Message>")
	if strings.Contains(a.body, "Encoded authorization failure message") {
		t.Error(a.body)
	}
	u.query(t, "sts", "DecodeAuthorizationMessage", "EncodedMessage", "x").fault(t, 400, "InvalidAction", "")
}
