package sts_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/door/doortest"
)

const (
	annARN  = "arn:aws:iam::111122223333:user/ann"
	roleARN = "arn:aws:iam::111122223333:role/worker"
)

// trusting is a trust policy with one statement: a principal and perhaps a condition, as JSON.
func trusting(effect, principal, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"sts:AssumeRole"` + condition + `}]}`
}

func TestGetCallerIdentityIsForEveryoneWhoIsSomebody(t *testing.T) {
	h := doortest.Open(t)
	ann := h.As(t, h.User(t, "ann", doortest.Deny("sts:*", "*")))
	a := ann.Query("sts", "GetCallerIdentity").Good(t)
	if a.XML("Arn") != annARN || a.XML("Account") != doortest.Account || !strings.HasPrefix(a.XML("UserId"), "AIDA") {
		t.Errorf("%s", a.Body)
	}
	h.As(t, doortest.Nobody).Query("sts", "GetCallerIdentity").Fault(t, 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
}

func TestTheTrustPolicySaysWhoMayAssume(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	users := map[string]*doortest.Client{"ann": h.As(t, h.User(t, "ann", "")), "bob": h.As(t, h.User(t, "bob", doortest.Allow("sts:AssumeRole"))),
		"eve": h.As(t, h.User(t, "eve", doortest.Deny("sts:AssumeRole")))}
	h.Role(t, "worker", "")
	const no = " is not authorized to perform: sts:AssumeRole on resource: " + roleARN
	for name, c := range map[string]struct {
		trust string
		more  []string
		may   map[string]string // "" may, else the cause
	}{
		"the account delegates": {trusting("Allow", `{"AWS":"111122223333"}`, ""), nil, map[string]string{
			"ann": " because no identity-based policy allows the sts:AssumeRole action", "bob": "", "eve": " with an explicit deny in an identity-based policy"}},
		"a user by name": {trusting("Allow", `{"AWS":"`+annARN+`"}`, ""), nil, map[string]string{
			"ann": "", "bob": " because no role trust policy allows the sts:AssumeRole action", "eve": " with an explicit deny in an identity-based policy"}},
		"a service": {trusting("Allow", `{"Service":"sagemaker.amazonaws.com"}`, ""), nil, map[string]string{
			"bob": " because no role trust policy allows the sts:AssumeRole action"}},
		"a denial": {trusting("Deny", `{"AWS":"111122223333"}`, ""), nil, map[string]string{"bob": " with an explicit deny in the role trust policy"}},
		"with an external id": {trusting("Allow", `{"AWS":"111122223333"}`, `{"StringEquals":{"sts:ExternalId":"x-1"}}`), []string{"ExternalId", "x-1"},
			map[string]string{"bob": ""}},
		"with another": {trusting("Allow", `{"AWS":"111122223333"}`, `{"StringEquals":{"sts:ExternalId":"x-1"}}`), []string{"ExternalId", "x-2"},
			map[string]string{"bob": " because no role trust policy allows the sts:AssumeRole action"}},
		"by session name": {trusting("Allow", `{"AWS":"111122223333"}`, `{"StringLike":{"sts:RoleSessionName":"job-*"}}`), nil,
			map[string]string{"bob": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			root.Query("iam", "UpdateAssumeRolePolicy", "RoleName", "worker", "PolicyDocument", c.trust).Good(t)
			for user, cause := range c.may {
				a := users[user].Query("sts", "AssumeRole", append([]string{"RoleArn", roleARN, "RoleSessionName", "job-1"}, c.more...)...)
				if cause == "" {
					a.Good(t)
				} else {
					a.Fault(t, 403, "AccessDenied", "User: arn:aws:iam::111122223333:user/"+user+no+cause)
				}
			}
		})
	}
}

func TestASessionIsOfItsRoleForAsLongAsAsked(t *testing.T) {
	h := doortest.Open(t)
	root, admin := h.As(t, h.Root), h.As(t, h.User(t, "admin", doortest.Allow("*")))
	root.Query("iam", "CreateRole", "RoleName", "worker", "Path", "/team/", "MaxSessionDuration", "7200", "AssumeRolePolicyDocument", trusting("Allow", `{"AWS":"111122223333"}`, "")).Good(t)
	const arn = "arn:aws:iam::111122223333:role/team/worker"
	a := admin.Query("sts", "AssumeRole", "RoleArn", arn, "RoleSessionName", "one", "DurationSeconds", "7200").Good(t)
	if a.XML("Arn") != "arn:aws:sts::111122223333:assumed-role/worker/one" || !strings.HasSuffix(a.XML("AssumedRoleId"), ":one") || !strings.HasPrefix(a.XML("AccessKeyId"), "ASIA") {
		t.Errorf("%s", a.Body)
	}
	end, err := time.Parse(time.RFC3339, a.XML("Expiration"))
	if err != nil || end.Sub(h.Now()) < 2*time.Hour-time.Minute || end.Sub(h.Now()) > 2*time.Hour {
		t.Errorf("ends at %s, %v", end, err)
	}
	k := admin.Assume(arn, "two")
	session := h.As(t, k)
	if got := session.Query("sts", "GetCallerIdentity").Good(t); got.XML("Arn") != "arn:aws:sts::111122223333:assumed-role/worker/two" || !strings.HasPrefix(got.XML("UserId"), "AROA") {
		t.Errorf("%s", got.Body)
	}
	session.Query("iam", "ListUsers").Fault(t, 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/worker/two is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no identity-based policy allows the iam:ListUsers action")
	root.Query("iam", "PutRolePolicy", "RoleName", "worker", "PolicyName", "p", "PolicyDocument", doortest.Allow("*")).Good(t)
	session.Query("iam", "ListUsers").Good(t)
	session.Query("sts", "AssumeRole", "RoleArn", arn, "RoleSessionName", "deeper", "DurationSeconds", "3601").
		Fault(t, 400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	h.As(t, session.Assume(arn, "deeper")).Query("sts", "GetCallerIdentity").Good(t)
	if log := h.Log.String(); strings.Contains(log, k.Secret) || strings.Contains(log, k.Token) {
		t.Error("the log holds a secret")
	}
}

func TestWhatAssumeRoleRefuses(t *testing.T) {
	h := doortest.Open(t)
	admin := h.As(t, h.User(t, "admin", doortest.Allow("*")))
	h.Role(t, "worker", "")
	const who = "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: sts:AssumeRole on resource: "
	for name, c := range map[string]struct {
		params []string
		status int
		code   string
		text   string
	}{
		"no ARN":             {[]string{"RoleArn", "nothing-valid-in-here", "RoleSessionName", "one"}, 400, "ValidationError", "nothing-valid-in-here is invalid"},
		"not a role":         {[]string{"RoleArn", annARN, "RoleSessionName", "one"}, 400, "ValidationError", annARN + " is invalid"},
		"of no account":      {[]string{"RoleArn", "arn:aws:iam:::role/worker", "RoleSessionName", "one"}, 400, "ValidationError", "arn:aws:iam:::role/worker is invalid"},
		"nobody's role":      {[]string{"RoleArn", roleARN + "2", "RoleSessionName", "one"}, 403, "AccessDenied", who + roleARN + "2"},
		"wrong path":         {[]string{"RoleArn", "arn:aws:iam::111122223333:role/x/worker", "RoleSessionName", "one"}, 403, "AccessDenied", who + "arn:aws:iam::111122223333:role/x/worker"},
		"another account's":  {[]string{"RoleArn", "arn:aws:iam::444455556666:role/worker", "RoleSessionName", "one"}, 403, "AccessDenied", who + "arn:aws:iam::444455556666:role/worker"},
		"name":               {[]string{"RoleArn", roleARN, "RoleSessionName", "Session1:2"}, 400, "ValidationError", `1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		"too long":           {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "DurationSeconds", "3601"}, 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		"too short":          {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "DurationSeconds", "899"}, 400, "ValidationError", "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		"bad policy":         {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "Policy", "{"}, 400, "MalformedPolicyDocument", "Syntax errors in policy. (line 1, column 2)"},
		"tags":               {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"}, 403, "AccessDenied", "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: sts:TagSession on resource: " + roleARN + " because no role trust policy allows the sts:TagSession action"},
		"identity":           {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "SourceIdentity", "ann"}, 403, "AccessDenied", "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: sts:SetSourceIdentity on resource: " + roleARN + " because no role trust policy allows the sts:SetSourceIdentity action"},
		"same tag twice":     {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v", "Tags.member.2.Key", "K", "Tags.member.2.Value", "v"}, 400, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"AWS's own tag":      {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "Tags.member.1.Key", "AWS:k", "Tags.member.1.Value", "v"}, 400, "InvalidParameterValue", "aws: prefixed tag key names are not allowed for external use."},
		"transitive of none": {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "TransitiveTagKeys.member.1", "k"}, 400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."},
		"no such policy":     {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "PolicyArns.member.1.arn", "arn:aws:iam::111122223333:policy/none"}, 400, "ValidationError", "Policy arn:aws:iam::111122223333:policy/none does not exist or is not attachable."},
		"no policy's ARN":    {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "PolicyArns.member.1.arn", "arn:aws:s3:::some-bucket-name"}, 400, "ValidationError", "arn:aws:s3:::some-bucket-name is invalid"},
		"a device":           {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "SerialNumber", "arn:aws:iam::111122223333:mfa/x", "TokenCode", "123456"}, 403, "AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."},
		"half a device":      {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "TokenCode", "123456"}, 403, "AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."},
		"contexts":           {[]string{"RoleArn", roleARN, "RoleSessionName", "one", "ProvidedContexts.member.1.ProviderArn", "arn:aws:iam::aws:contextProvider/IdentityCenter", "ProvidedContexts.member.1.ContextAssertion", "abcd"}, 400, "InvalidParameterValue", "ProvidedContexts is not supported by Cloister: remove it from the request."},
	} {
		t.Run(name, func(t *testing.T) { admin.Query("sts", "AssumeRole", c.params...).Fault(t, c.status, c.code, c.text) })
	}
	h.As(t, h.Root).Query("sts", "AssumeRole", "RoleArn", roleARN, "RoleSessionName", "one").Fault(t, 403, "AccessDenied", "Roles may not be assumed by root accounts.")
}

func TestManySessionsAtOnceAreEachTheirOwn(t *testing.T) {
	h := doortest.Open(t)
	admin := h.As(t, h.User(t, "admin", doortest.Allow("*")))
	arn := h.Role(t, "worker", "")
	var wg sync.WaitGroup
	for _, name := range []string{"aa", "bb", "cc", "dd", "ee", "ff"} {
		wg.Go(func() {
			c := h.As(t, admin.Assume(arn, name))
			if got := c.Query("sts", "GetCallerIdentity").XML("Arn"); !strings.HasSuffix(got, "/"+name) {
				t.Errorf("%s is told to be %s", name, got)
			}
		})
	}
	wg.Wait()
}
