package diff

import "testing"

// TestDiff34AssumeRole: sessions know no MFA and no identity providers, and what they carry is counted as written.
func TestDiff34AssumeRole(t *testing.T) {
	arn := role(t, "diff-34", `{"AWS":"`+account+`"}`, policy("Allow", "s3:*", "*"))
	u := user(t, "diff-34", policy("Allow", "sts:*", "*"))
	for name, c := range map[string][]string{"SerialNumber": {"SerialNumber", "arn:aws:iam::123456789012:mfa/x"}, "TokenCode": {"TokenCode", "123456"}} {
		u.query(t, "sts", "AssumeRole", append(c, "RoleArn", arn, "RoleSessionName", "one")...).
			fault(t, 400, "InvalidParameterValue", name+" is not supported by Cloister yet: remove it from the request.")
	}
	u.query(t, "sts", "GetSessionToken", "SerialNumber", "arn:aws:iam::123456789012:mfa/x", "TokenCode", "123456").
		fault(t, 403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code: there are no MFA devices in this Cloister. Remove SerialNumber and TokenCode.")
	session := policy("Allow", "s3:*", "*")
	if size := u.query(t, "sts", "AssumeRole", "RoleArn", arn, "RoleSessionName", "one", "Policy", session).good(t).one(t, "PackedPolicySize"); size != "2" && size != "3" {
		t.Errorf("a policy of %d bytes takes %s%% of the room", len(session), size)
	}
	u.query(t, "sts", "GetAccessKeyInfo", "AccessKeyId", "ASIAAAAAAAAAAAAAAAAA").fault(t, 400, "ValidationError", "The access key ASIAAAAAAAAAAAAAAAAA is not known.")
	root.query(t, "sts", "GetFederationToken", "Name", "fay").fault(t, 403, "AccessDenied", "GetFederationToken is not for the root of an account here: call it as a user.")
	u.query(t, "sts", "AssumeRoleWithSAML").fault(t, 400, "InvalidAction", "")
}
