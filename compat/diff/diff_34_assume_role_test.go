package diff

import (
	"fmt"
	"strings"
	"testing"
)

// TestDiff34Sessions: nobody has a device, no contexts are taken, no SAML is read, and the packed size is counted plainly.
func TestDiff34Sessions(t *testing.T) {
	arn := role(t, "diff-34", `{"AWS":"`+account+`"}`, policy("Allow", "s3:*", "*"))
	u := user(t, "diff-34", policy("Allow", "sts:*", "*"))
	one := []string{"RoleArn", arn, "RoleSessionName", "one"}
	u.query(t, "sts", "AssumeRole", append(one, "SerialNumber", "arn:aws:iam::123456789012:mfa/x", "TokenCode", "123456")...).
		fault(t, 403, "AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	u.query(t, "sts", "AssumeRole", append(one, "ProvidedContexts.member.1.ProviderArn", "arn:aws:iam::aws:contextProvider/IdentityCenter", "ProvidedContexts.member.1.ContextAssertion", "abcd")...).
		fault(t, 400, "InvalidParameterValue", "ProvidedContexts is not supported by Cloister: remove it from the request.")
	for _, action := range []string{"AssumeRoleWithSAML", "AssumeRoot", "GetDelegatedAccessToken"} {
		u.query(t, "sts", action).fault(t, 400, "InvalidAction", "")
	}
	u.query(t, "sts", "AssumeRoleWithWebIdentity", append(one, "WebIdentityToken", "eyJhbGciOiJFUzI1NiJ9.e30.AA", "ProviderId", "www.amazon.com")...).
		fault(t, 400, "InvalidParameterValue", "ProviderId is not supported by Cloister: tokens are OpenID Connect's, which name their issuer.")
	many := []string{"Name", "carl"}
	for i := range 50 {
		many = append(many, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint("k", i), fmt.Sprintf("Tags.member.%d.Value", i+1), strings.Repeat("v", 100))
	}
	u.query(t, "sts", "GetFederationToken", many...).fault(t, 400, "PackedPolicyTooLarge", "Packed size of session tags consumes 126% of allotted space.")
}
