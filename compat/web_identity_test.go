package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bearing brings each token to STS as boto3 does, without a key, and uses the session where it gets one.
const bearing = `import boto3, botocore, json, sys
role, tokens = json.loads(sys.argv[1])
sts, out = boto3.client("sts"), {}
for name, token in tokens.items():
    try:
        a = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="visit", WebIdentityToken=token)
    except botocore.exceptions.ClientError as e:
        out[name] = {"code": e.response["Error"]["Code"], "text": e.response["Error"]["Message"], "id": e.response["ResponseMetadata"]["RequestId"]}
        continue
    k = a["Credentials"]
    s = boto3.Session(k["AccessKeyId"], k["SecretAccessKey"], k["SessionToken"])
    out[name] = {"id": a["ResponseMetadata"]["RequestId"], "text": s.client("sts").get_caller_identity()["Arn"] + " " + a["SubjectFromWebIdentityToken"] + " " + a["Audience"]}
    try:
        s.client("iam").list_users()
    except botocore.exceptions.ClientError as e:
        out[name]["code"] = e.response["Error"]["Code"]
print(json.dumps(out))`

// found asks an SDK that finds a token's file in its environment who it is.
const found = `import boto3
s = boto3.Session()
print(boto3.client("sts").get_caller_identity()["Arn"], s.get_credentials().method)`

// TestWebIdentity takes a role on with tokens of an issuer of ours, by boto3, by the AWS CLI and by an SDK that finds the
// token itself; every token that is not right is refused with AWS's code, and the role's account has the record of it.
func TestWebIdentity(t *testing.T) {
	t.Parallel()
	python := needBoto3(t)
	o, stranger := newOIDC(t), newOIDC(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("oidc_issuers:\n  - url: %s\n    ca: %s\n", o.url, o.ca)
	if err := os.WriteFile(filepath.Join(d.data, "config.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t)
	at := d.internet()
	if out, err := d.command("account", "create", "team", "--id", "444455556666").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}

	provider := at.aws(t, "iam", "create-open-id-connect-provider", "--url", o.url, "--client-id-list", "app", "mobile", "--thumbprint-list", strings.Repeat("ab", 20), "--query", "OpenIDConnectProviderArn")
	if want := "arn:aws:iam::" + account + ":oidc-provider/" + o.host; provider != want {
		t.Fatalf("the provider is %s", provider)
	}
	web := at.aws(t, "iam", "create-role", "--role-name", "web", "--query", "Role.Arn", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Sid":"Deployments","Effect":"Allow","Principal":{"Federated":"`+provider+`"},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"`+o.host+`:aud":"app"},"StringLike":{"`+o.host+`:sub":"repo:team/*"}}}]}`)
	at.aws(t, "iam", "put-role-policy", "--role-name", "web", "--policy-name", "p", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:FederatedProvider":"`+provider+`","`+o.host+`:sub":"repo:team/app"}}}]}`)

	good := o.token(t, nil)
	forged := *o
	forged.key = stranger.key
	tokens := map[string]string{
		"good":                   good,
		"another repository":     o.token(t, map[string]any{"sub": "repo:team/other"}),
		"wrong subject":          o.token(t, map[string]any{"sub": "repo:eve/app"}),
		"audience not trusted":   o.token(t, map[string]any{"aud": "mobile"}),
		"audience not a client":  o.token(t, map[string]any{"aud": "nobody"}),
		"expired":                o.token(t, map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}),
		"issuer not a provider":  stranger.token(t, nil),
		"signed by another":      forged.token(t, nil),
		"no token":               "abc.def.ghi",
		"the provider's own key": good[:strings.LastIndex(good, ".")] + ".",
	}
	order, err := json.Marshal([]any{web, tokens})
	if err != nil {
		t.Fatal(err)
	}
	without := []string{"env", "-u", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_CONFIG_FILE=" + os.DevNull}
	said := at.must(t, append(without, python, "-c", bearing, string(order))...)
	var got map[string]struct{ Code, Text, ID string }
	if err := json.Unmarshal([]byte(said), &got); err != nil {
		t.Fatalf("%v %s", err, said)
	}
	const no = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	const visit = "arn:aws:sts::" + account + ":assumed-role/web/visit "
	for name, want := range map[string]struct{ code, text string }{
		"good":                   {"", visit + "repo:team/app app"},
		"another repository":     {"AccessDenied", visit + "repo:team/other app"}, // takes the role on, which may nothing then
		"wrong subject":          {"AccessDenied", no},
		"audience not trusted":   {"AccessDenied", no},
		"audience not a client":  {"InvalidIdentityToken", "Incorrect token audience"},
		"expired":                {"ExpiredTokenException", "Token expired: current date/time "},
		"issuer not a provider":  {"InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + stranger.url},
		"signed by another":      {"InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider"},
		"no token":               {"InvalidIdentityToken", "The ID Token provided is not a valid JWT"},
		"the provider's own key": {"InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider"},
	} {
		g := got[name]
		if g.Code != want.code || !strings.HasPrefix(g.Text, want.text) {
			t.Errorf("%s: %s %q, wanted %s %q", name, g.Code, g.Text, want.code, want.text)
		}
		d.onTrail(t, name, g.ID, provider)
	}

	// The AWS CLI, and an SDK that is told by its environment alone.
	if got := at.must(t, append(without, "aws", "sts", "assume-role-with-web-identity", "--role-arn", web, "--role-session-name", "cli", "--web-identity-token", good,
		"--query", "[Provider,AssumedRoleUser.Arn]", "--output", "text")...); got != o.url+"\tarn:aws:sts::"+account+":assumed-role/web/cli" {
		t.Errorf("the CLI is told %s", got)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := append(without[:len(without):len(without)], "AWS_ROLE_ARN="+web, "AWS_ROLE_SESSION_NAME=ci", "AWS_WEB_IDENTITY_TOKEN_FILE="+file)
	if got := at.must(t, append(environment, python, "-c", found)...); got != "arn:aws:sts::"+account+":assumed-role/web/ci assume-role-with-web-identity" {
		t.Errorf("an SDK is %s", got)
	}

	// An issuer of the account that the operator did not configure, and one that nobody has any more.
	d.iam(t, "CreateOpenIDConnectProvider", "Url", stranger.url, "ClientIDList.member.1", "app") // an older CLI wants thumbprints
	ask := func(token string) string {
		t.Helper()
		out, err := at.try(append(without, "aws", "sts", "assume-role-with-web-identity", "--role-arn", web, "--role-session-name", "cli", "--web-identity-token", token)...)
		if err == nil {
			t.Errorf("it is let in: %s", out)
		}
		return out
	}
	if out := ask(stranger.token(t, nil)); !strings.Contains(out, "(InvalidIdentityToken)") || !strings.Contains(out, "verification key") {
		t.Errorf("an issuer that is not configured: %s", out)
	}
	at.aws(t, "iam", "delete-open-id-connect-provider", "--open-id-connect-provider-arn", provider)
	if out := ask(good); !strings.Contains(out, "(InvalidIdentityToken)") || !strings.Contains(out, "No OpenIDConnect provider found") {
		t.Errorf("a provider that is gone: %s", out)
	}
}

// onTrail wants a token's call in the record of the role's account and in no other's.
func (d *daemon) onTrail(t *testing.T, name, id, provider string) {
	t.Helper()
	out, err := d.command("why", "--trail", id).Output()
	var e struct {
		EventName, ErrorCode, RecipientAccountID string
		UserIdentity                             struct{ Type, UserName, IdentityProvider string }
	}
	if err != nil || json.Unmarshal(out, &e) != nil || e.EventName != "AssumeRoleWithWebIdentity" || e.RecipientAccountID != account {
		t.Errorf("%s is on record as %v %s", name, err, out)
	}
	verified := map[string]string{"good": "repo:team/app", "another repository": "repo:team/other", "wrong subject": "repo:eve/app", "audience not trusted": "repo:team/app"}
	if who, ok := verified[name]; ok && (e.UserIdentity.Type != "WebIdentityUser" || e.UserIdentity.UserName != who || e.UserIdentity.IdentityProvider != provider) || !ok && (e.UserIdentity.Type != "Unknown" || e.ErrorCode == "") {
		t.Errorf("%s is on record as %s", name, out)
	}
	if out, err := d.command("why", "--as", "team", id).CombinedOutput(); err == nil || !strings.Contains(string(out), "is on record in account 444455556666") {
		t.Errorf("%s: another account reads %s", name, out)
	}
}
