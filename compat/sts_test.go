package compat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// addSession writes a profile with the credentials of an STS answer.
func addSession(t *testing.T, d *daemon, name, answer string) place {
	t.Helper()
	var made struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.Credentials.SessionToken == "" {
		t.Fatalf("%v %s", err, answer)
	}
	f, err := os.OpenFile(filepath.Join(d.data, "credentials"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	k := made.Credentials
	if _, err := f.WriteString("\n[" + name + "]\naws_access_key_id = " + k.AccessKeyID + "\naws_secret_access_key = " + k.SecretAccessKey + "\naws_session_token = " + k.SessionToken + "\n"); err != nil {
		t.Fatal(err)
	}
	return d.internet().as(name)
}

// TestSessions makes sessions of every kind with the AWS CLI: what they may, what they hand down, and how they end.
func TestSessions(t *testing.T) {
	t.Parallel()
	d := own(t)
	at := d.internet()
	sts := func(p place, args ...string) string {
		t.Helper()
		return p.must(t, append([]string{"aws", "sts", "--output", "json"}, args...)...)
	}
	refused := func(p place, code, says string, args ...string) {
		t.Helper()
		if out, err := p.try(append([]string{"aws"}, args...)...); err == nil || !strings.Contains(out, "("+code+")") || !strings.Contains(out, says) {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	role := func(name, trust, policy string) string {
		t.Helper()
		arn := at.aws(t, "iam", "create-role", "--role-name", name, "--query", "Role.Arn", "--assume-role-policy-document",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+account+`"},"Action":[`+trust+`]}]}`)
		at.aws(t, "iam", "put-role-policy", "--role-name", name, "--policy-name", "p", "--policy-document", policy)
		return arn
	}
	const all = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	first := role("first", `"sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"`, all)
	second := role("second", `"sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red","aws:SourceIdentity":"ann"}}}]}`)
	narrow := role("narrow", `"sts:AssumeRole"`, all)
	ann, eve := addUser(t, at, d, "ann"), addUser(t, at, d, "eve")
	at.aws(t, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "p", "--policy-document", all)
	at.aws(t, "iam", "put-user-policy", "--user-name", "eve", "--policy-name", "p", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`)

	// Tags and a source identity need both policies, and go down the chain.
	with := []string{"--role-session-name", "visit", "--tags", "Key=team,Value=red", "--transitive-tag-keys", "team", "--source-identity", "ann"}
	refused(eve, "AccessDenied", "not authorized to perform: sts:TagSession", append([]string{"sts", "assume-role", "--role-arn", first}, with...)...)
	refused(ann, "AccessDenied", "because no role trust policy allows the sts:TagSession action", append([]string{"sts", "assume-role", "--role-arn", narrow}, with...)...)
	one := addSession(t, d, "one", sts(ann, append([]string{"assume-role", "--role-arn", first}, with...)...))
	refused(one, "AccessDenied", "sts:TagSession", "sts", "assume-role", "--role-arn", narrow, "--role-session-name", "visit")
	refused(one, "InvalidParameterValue", "conflicts with a transitive tag key", "sts", "assume-role", "--role-arn", second, "--role-session-name", "visit", "--tags", "Key=Team,Value=blue")
	refused(one, "AccessDenied", "cannot be changed", "sts", "assume-role", "--role-arn", second, "--role-session-name", "visit", "--source-identity", "bob")
	refused(one, "ValidationError", "1 hour session limit for roles assumed by role chaining", "sts", "assume-role", "--role-arn", second, "--role-session-name", "visit", "--duration-seconds", "3601")
	two := addSession(t, d, "two", sts(one, "assume-role", "--role-arn", second, "--role-session-name", "visit"))
	two.aws(t, "iam", "list-users", "--query", "Users[].UserName")

	// Malformed requests.
	refused(ann, "ValidationError", "failed to satisfy constraint", "sts", "assume-role", "--role-arn", first, "--role-session-name", "a:b")
	refused(ann, "ValidationError", "nothing-valid-in-here is invalid", "sts", "assume-role", "--role-arn", "nothing-valid-in-here", "--role-session-name", "visit")
	refused(ann, "InvalidParameterValue", "Duplicate tag keys found", "sts", "assume-role", "--role-arn", first, "--role-session-name", "visit", "--tags", "Key=a,Value=1", "Key=A,Value=2")
	refused(ann, "MalformedPolicyDocument", "", "sts", "assume-role", "--role-arn", first, "--role-session-name", "visit", "--policy", "{")
	refused(ann, "ValidationError", "does not exist or is not attachable", "sts", "assume-role", "--role-arn", first, "--role-session-name", "visit", "--policy-arns", "arn=arn:aws:iam::aws:policy/None")
	limited := addSession(t, d, "limited", sts(ann, "assume-role", "--role-arn", first, "--role-session-name", "visit", "--policy-arns", "arn=arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"))
	refused(limited, "AccessDenied", "because no session policy allows the iam:ListUsers action", "iam", "list-users")

	// A user's own session, and a federated user.
	session := addSession(t, d, "session", sts(ann, "get-session-token"))
	if got := session.aws(t, "sts", "get-caller-identity", "--query", "Arn"); got != "arn:aws:iam::"+account+":user/ann" {
		t.Errorf("the session is %s", got)
	}
	session.aws(t, "ec2", "describe-vpcs", "--query", "length(Vpcs)")
	refused(session, "InvalidClientTokenId", "", "iam", "list-users")
	refused(session, "AccessDenied", "Cannot call GetSessionToken with session credentials", "sts", "get-session-token")
	refused(ann, "AccessDenied", "MultiFactorAuthentication failed", "sts", "get-session-token", "--serial-number", "arn:aws:iam::"+account+":mfa/ann", "--token-code", "123456")
	refused(eve, "AccessDenied", "sts:GetFederationToken on resource: arn:aws:sts::"+account+":federated-user/fay", "sts", "get-federation-token", "--name", "fay")
	fay := addSession(t, d, "fay", sts(ann, "get-federation-token", "--name", "fay", "--policy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeVpcs","Resource":"*"}]}`))
	if got := fay.aws(t, "sts", "get-caller-identity", "--query", "UserId"); got != account+":fay" {
		t.Errorf("the federated user is %s", got)
	}
	fay.aws(t, "ec2", "describe-vpcs", "--query", "length(Vpcs)")
	out, err := fay.try("aws", "ec2", "delete-vpc", "--vpc-id", "vpc-0123456789abcdef0")
	_, sealed, found := strings.Cut(out, "Encoded authorization failure message: ")
	if err == nil || !found {
		t.Fatalf("%v %s", err, out)
	}
	if got := ann.aws(t, "sts", "decode-authorization-message", "--query", "DecodedMessage", "--encoded-message", strings.TrimSpace(sealed)); !strings.Contains(got, "ec2:DeleteVpc") {
		t.Errorf("the message says %s", got)
	}
	refused(ann, "InvalidAuthorizationMessageException", "", "sts", "decode-authorization-message", "--encoded-message", "nonsense")
	bare := addSession(t, d, "bare", sts(ann, "get-federation-token", "--name", "fay"))
	refused(bare, "UnauthorizedOperation", "", "ec2", "describe-vpcs")
	if got := ann.aws(t, "sts", "get-access-key-info", "--query", "Account", "--access-key-id", fay.must(t, "aws", "configure", "get", "aws_access_key_id")); got != account {
		t.Errorf("the key is of %s", got)
	}

	// A role that is deleted takes its sessions along, also those that its sessions made of it.
	at.aws(t, "iam", "delete-role-policy", "--role-name", "second", "--policy-name", "p")
	at.aws(t, "iam", "delete-role", "--role-name", "second")
	refused(two, "InvalidClientTokenId", "", "sts", "get-caller-identity")
	one.aws(t, "sts", "get-caller-identity", "--query", "Arn")
}
