package diff

import "testing"

// TestDiff34AssumeRole: a session has a name, a policy and a time, and nothing else.
func TestDiff34AssumeRole(t *testing.T) {
	arn := role(t, "diff-34", `{"AWS":"`+account+`"}`, policy("Allow", "s3:*", "*"))
	u := user(t, "diff-34", policy("Allow", "sts:*", "*"))
	for name, c := range map[string][]string{
		"Tags": {"Tags.member.1.Key", "team", "Tags.member.1.Value", "red"}, "SourceIdentity": {"SourceIdentity", "ann"},
		"PolicyArns": {"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AdministratorAccess"}, "SerialNumber": {"SerialNumber", "arn:aws:iam::123456789012:mfa/x"},
		"TokenCode": {"TokenCode", "123456"},
	} {
		u.query(t, "sts", "AssumeRole", append(c, "RoleArn", arn, "RoleSessionName", "one")...).
			fault(t, 400, "InvalidParameterValue", name+" is not supported by Cloister yet: remove it from the request.")
	}
	for _, action := range []string{"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetFederationToken", "GetSessionToken"} {
		u.query(t, "sts", action).fault(t, 400, "InvalidAction", "")
	}
}
