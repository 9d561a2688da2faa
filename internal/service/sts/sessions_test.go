package sts_test

import (
	"encoding/json"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/sigv4"
)

// keys are the credentials in an answer.
func keys(t *testing.T, a *doortest.Answer) sigv4.Credentials {
	t.Helper()
	a.Good(t)
	return sigv4.Credentials{AccessKey: a.XML("AccessKeyId"), Secret: a.XML("SecretAccessKey"), Token: a.XML("SessionToken")}
}

func statement(effect, actions, more string) string {
	return `{"Effect":"` + effect + `","Action":` + actions + `,"Resource":"*"` + more + `}`
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const trustAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`

func role(t *testing.T, root *doortest.Client, name, trust, policy string) string {
	t.Helper()
	root.Query("iam", "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).Good(t)
	root.Query("iam", "PutRolePolicy", "RoleName", name, "PolicyName", "p", "PolicyDocument", policy).Good(t)
	return "arn:aws:iam::111122223333:role/" + name
}

func TestSessionTags(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	worker := role(t, root, "worker", trustAll, document(
		statement("Allow", `"iam:ListUsers"`, `,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"vision"}}`), statement("Allow", `"sts:*"`, "")))
	deeper := role(t, root, "deeper", trustAll, document(statement("Allow", `"iam:ListUsers"`, `,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"vision"}}`)))
	admin := h.As(t, h.User(t, "admin", doortest.Allow("*")))
	ask := func(c *doortest.Client, arn string, more ...string) *doortest.Answer {
		t.Helper()
		return c.Query("sts", "AssumeRole", append([]string{"RoleArn", arn, "RoleSessionName", "one"}, more...)...)
	}
	vision := []string{"Tags.member.1.Key", "team", "Tags.member.1.Value", "vision"}
	h.As(t, keys(t, ask(admin, worker))).Query("iam", "ListUsers").Fault(t, 403, "AccessDenied",
		"User: arn:aws:sts::111122223333:assumed-role/worker/one is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no identity-based policy allows the iam:ListUsers action")
	h.As(t, keys(t, ask(admin, worker, vision...))).Query("iam", "ListUsers").Good(t)

	// A tag that is passed on stays through the chain and is nobody's to change.
	passed := h.As(t, keys(t, ask(admin, worker, append(vision, "TransitiveTagKeys.member.1", "Team")...)))
	h.As(t, keys(t, ask(passed, deeper))).Query("iam", "ListUsers").Good(t)
	const conflict = "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
	ask(passed, deeper, "Tags.member.1.Key", "TEAM", "Tags.member.1.Value", "x").Fault(t, 400, "InvalidParameterValue", conflict)
	ask(passed, deeper, "Tags.member.1.Key", "a", "Tags.member.1.Value", "x", "TransitiveTagKeys.member.1", "team").Fault(t, 400, "InvalidParameterValue", conflict)
	plain := h.As(t, keys(t, ask(admin, worker, vision...)))
	h.As(t, keys(t, ask(plain, deeper))).Query("iam", "ListUsers").Fault(t, 403, "AccessDenied",
		"User: arn:aws:sts::111122223333:assumed-role/deeper/one is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no identity-based policy allows the iam:ListUsers action")
	ask(admin, worker, "TransitiveTagKeys.member.1", "team").Fault(t, 400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
	ask(admin, worker, append(vision, "Tags.member.2.Key", "Team", "Tags.member.2.Value", "x")...).Fault(t, 400, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")

	// Both the caller's policies and the trust policy must let tags be brought.
	shy := h.As(t, h.User(t, "shy", document(statement("Allow", `"sts:AssumeRole"`, ""), statement("Allow", `"sts:TagSession"`, `,"Condition":{"StringEquals":{"aws:RequestTag/team":"nlp"}}`))))
	ask(shy, worker).Good(t)
	ask(shy, worker, vision...).Fault(t, 403, "AccessDenied", "User: arn:aws:iam::111122223333:user/shy is not authorized to perform: sts:TagSession on resource: "+worker+" because no identity-based policy allows the sts:TagSession action")
	ask(shy, worker, "Tags.member.1.Key", "team", "Tags.member.1.Value", "nlp").Good(t)
	strict := role(t, root, "strict", trusting("Allow", `{"AWS":"111122223333"}`, ""), doortest.Allow("*"))
	ask(admin, strict, vision...).Fault(t, 403, "AccessDenied", "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: sts:TagSession on resource: "+strict+" because no role trust policy allows the sts:TagSession action")
}

func TestSourceIdentity(t *testing.T) {
	h := doortest.Open(t)
	root, admin := h.As(t, h.Root), h.As(t, h.User(t, "admin", doortest.Allow("*")))
	first := role(t, root, "first", trustAll, doortest.Allow("*"))
	second := role(t, root, "second", trustAll, document(statement("Allow", `"iam:ListUsers"`, `,"Condition":{"StringEquals":{"aws:SourceIdentity":"ann"}}`)))
	closed := role(t, root, "closed", trusting("Allow", `{"AWS":"111122223333"}`, ""), doortest.Allow("*"))
	ask := func(c *doortest.Client, arn string, more ...string) *doortest.Answer {
		t.Helper()
		return c.Query("sts", "AssumeRole", append([]string{"RoleArn", arn, "RoleSessionName", "one"}, more...)...)
	}
	a := ask(admin, first, "SourceIdentity", "ann")
	if a.Good(t).XML("SourceIdentity") != "ann" {
		t.Errorf("%s", a.Body)
	}
	session := h.As(t, keys(t, a))
	h.As(t, keys(t, ask(session, second))).Query("iam", "ListUsers").Good(t)
	h.As(t, keys(t, ask(session, second, "SourceIdentity", "ann"))).Query("iam", "ListUsers").Good(t)
	ask(session, second, "SourceIdentity", "bob").Fault(t, 403, "AccessDenied", "The source identity of the calling session is ann and cannot be changed.")
	ask(session, closed).Fault(t, 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/first/one is not authorized to perform: sts:SetSourceIdentity on resource: "+closed+" because no role trust policy allows the sts:SetSourceIdentity action")
	h.As(t, keys(t, ask(admin, second, "SourceIdentity", "bob"))).Query("iam", "ListUsers").Fault(t, 403, "AccessDenied",
		"User: arn:aws:sts::111122223333:assumed-role/second/one is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no identity-based policy allows the iam:ListUsers action")
}

func TestManagedSessionPolicies(t *testing.T) {
	h := doortest.Open(t)
	root, admin := h.As(t, h.Root), h.As(t, h.User(t, "admin", doortest.Allow("*")))
	worker := role(t, root, "worker", trustAll, doortest.Allow("*"))
	root.Query("iam", "CreatePolicy", "PolicyName", "only", "PolicyDocument", doortest.Allow("iam:ListUsers")).Good(t)
	const only = "arn:aws:iam::111122223333:policy/only"
	a := admin.Query("sts", "AssumeRole", "RoleArn", worker, "RoleSessionName", "one", "PolicyArns.member.1.arn", only)
	if a.Good(t).XML("PackedPolicySize") == "" {
		t.Errorf("%s", a.Body)
	}
	session := h.As(t, keys(t, a))
	session.Query("iam", "ListUsers").Good(t)
	session.Query("iam", "ListRoles").Fault(t, 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/worker/one is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::111122223333:role/ because no session policy allows the iam:ListRoles action")
	root.Query("iam", "DeletePolicy", "PolicyArn", only).Good(t)
	session.Query("iam", "ListUsers").Fault(t, 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/worker/one is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no session policy allows the iam:ListUsers action")
	admin.Query("sts", "AssumeRole", "RoleArn", worker, "RoleSessionName", "one", "PolicyArns.member.1.arn", only).Fault(t, 400, "ValidationError", "Policy "+only+" does not exist or is not attachable.")
	long := []string{"RoleArn", worker, "RoleSessionName", "one"}
	for i := range 20 {
		n := string(rune('a' + i))
		long = append(long, "Tags.member."+itoa(i+1)+".Key", n, "Tags.member."+itoa(i+1)+".Value", strings.Repeat(n, 250))
	}
	admin.Query("sts", "AssumeRole", long...).Fault(t, 400, "PackedPolicyTooLarge", "Packed size of session tags consumes 123% of allotted space.")
}

func itoa(n int) string {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err) // a number has a form
	}
	return string(b)
}

func TestSessionTokens(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	ann := h.As(t, h.User(t, "ann", doortest.Allow("*")))
	worker := role(t, root, "worker", trustAll, doortest.Allow("*"))
	const invalid = "The security token included in the request is invalid."
	for name, c := range map[string]*doortest.Client{"user": ann, "root": root} {
		session := h.As(t, keys(t, c.Query("sts", "GetSessionToken", "DurationSeconds", "900")))
		if got, want := session.Query("sts", "GetCallerIdentity").Good(t).XML("Arn"), c.Query("sts", "GetCallerIdentity").XML("Arn"); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
		session.Query("iam", "ListUsers").Fault(t, 403, "InvalidClientTokenId", invalid)
		session.Query("sts", "GetSessionToken").Fault(t, 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
		session.Query("sts", "GetFederationToken", "Name", "fay").Fault(t, 403, "AccessDenied", "Cannot call GetFederationToken with session credentials")
		session.Call("logs", "DescribeLogGroups", "{}").Good(t)
		if name == "user" {
			session.Query("sts", "AssumeRole", "RoleArn", worker, "RoleSessionName", "one").Good(t)
		}
	}
	ann.Query("sts", "GetSessionToken", "SerialNumber", "arn:aws:iam::111122223333:mfa/ann", "TokenCode", "123456").
		Fault(t, 403, "AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	session := h.As(t, keys(t, ann.Query("sts", "GetSessionToken")))
	root.Query("iam", "DeleteUserPolicy", "UserName", "ann", "PolicyName", "inline").Good(t)
	session.Call("logs", "DescribeLogGroups", "{}").Fault(t, 400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: logs:DescribeLogGroups on resource: arn:aws:logs:us-east-1:111122223333:log-group::log-stream: because no identity-based policy allows the logs:DescribeLogGroups action")
}

func TestFederatedUsers(t *testing.T) {
	h := doortest.Open(t)
	ann := h.As(t, h.User(t, "ann", doortest.Allow("*")))
	a := ann.Query("sts", "GetFederationToken", "Name", "fay", "Policy", doortest.Allow("logs:Describe*", "iam:*"))
	if a.Good(t); a.XML("Arn") != "arn:aws:sts::111122223333:federated-user/fay" || a.XML("FederatedUserId") != "111122223333:fay" {
		t.Errorf("%s", a.Body)
	}
	fay := h.As(t, keys(t, a))
	if got := fay.Query("sts", "GetCallerIdentity").Good(t).XML("UserId"); got != "111122223333:fay" {
		t.Errorf("it is %s", got)
	}
	fay.Call("logs", "DescribeLogGroups", "{}").Good(t)
	fay.Query("iam", "ListUsers").Fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	fay.Query("sts", "AssumeRole", "RoleArn", "arn:aws:iam::111122223333:role/x", "RoleSessionName", "one").Fault(t, 403, "AccessDenied", "Cannot call AssumeRole with session credentials")
	const who = "User: arn:aws:sts::111122223333:federated-user/fay is not authorized to perform: "
	fay.Call("logs", "CreateLogGroup", `{"logGroupName":"g"}`).Fault(t, 400, "AccessDeniedException", who+"logs:CreateLogGroup on resource: arn:aws:logs:us-east-1:111122223333:log-group:g:log-stream: because no session policy allows the logs:CreateLogGroup action")
	h.As(t, keys(t, ann.Query("sts", "GetFederationToken", "Name", "fay"))).Call("logs", "DescribeLogGroups", "{}").
		Fault(t, 400, "AccessDeniedException", who+"logs:DescribeLogGroups on resource: arn:aws:logs:us-east-1:111122223333:log-group::log-stream: because no identity-based policy allows the logs:DescribeLogGroups action")
	h.As(t, h.User(t, "bob", "")).Query("sts", "GetFederationToken", "Name", "fay").Fault(t, 403, "AccessDenied",
		"User: arn:aws:iam::111122223333:user/bob is not authorized to perform: sts:GetFederationToken on resource: arn:aws:sts::111122223333:federated-user/fay because no identity-based policy allows the sts:GetFederationToken action")
}

func TestEncodedMessagesAndKeys(t *testing.T) {
	h := doortest.Open(t)
	admin := h.As(t, h.User(t, "admin", doortest.Allow("*")))
	sealed := h.Directory.SealMessage("111122223333", []byte(`{"allowed":false}`))
	if got := admin.Query("sts", "DecodeAuthorizationMessage", "EncodedMessage", sealed).Good(t).XML("DecodedMessage"); got != `{"allowed":false}` {
		t.Errorf("the message says %s", got)
	}
	for _, wrong := range []string{"x", h.Directory.SealMessage("444455556666", []byte("{}"))} {
		admin.Query("sts", "DecodeAuthorizationMessage", "EncodedMessage", wrong).Fault(t, 400, "InvalidAuthorizationMessageException", "The message is not an authorization message of this account.")
	}
	h.As(t, h.User(t, "bob", "")).Query("sts", "DecodeAuthorizationMessage", "EncodedMessage", sealed).Fault(t, 403, "AccessDenied",
		"User: arn:aws:iam::111122223333:user/bob is not authorized to perform: sts:DecodeAuthorizationMessage on resource: * because no identity-based policy allows the sts:DecodeAuthorizationMessage action")
	if got := admin.Query("sts", "GetAccessKeyInfo", "AccessKeyId", admin.Credentials.AccessKey).Good(t).XML("Account"); got != "111122223333" {
		t.Errorf("the key is of %s", got)
	}
	admin.Query("sts", "GetAccessKeyInfo", "AccessKeyId", "AKIAAAAAAAAAAAAAAAAA").Fault(t, 400, "ValidationError", "Invalid value for parameter: AccessKeyId, AKIAAAAAAAAAAAAAAAAA is no access key of an account.")
}
