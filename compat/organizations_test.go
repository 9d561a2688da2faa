package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOrganizations groups accounts and bounds them by policies, with the AWS CLI: each policy is in force
// from the next call on, for the root of a member, too, and after a crash.
func TestOrganizations(t *testing.T) {
	t.Parallel()
	d := own(t)
	first := d.internet()
	for name, id := range map[string]string{"team": "444455556666", "outside": "777788889999"} {
		if out, err := d.command("account", "create", name, "--id", id).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	team, outside := first.as("team"), first.as("outside")
	refused := func(p place, words string, args ...string) {
		t.Helper()
		out, err := p.try(append([]string{"aws"}, args...)...)
		if err == nil || !strings.Contains(out, words) {
			t.Errorf("%v: %v %s\nwanted %s", args, err, out, words)
		}
	}
	orgs := func(args ...string) string {
		t.Helper()
		return first.aws(t, append([]string{"organizations"}, args...)...)
	}

	// An organisation of two; the third stays outside.
	refused(first, "(AWSOrganizationsNotInUseException)", "organizations", "describe-organization")
	org := orgs("create-organization", "--query", "Organization.Id")
	root := orgs("list-roots", "--query", "Roots[0].Id")
	handshake := orgs("invite-account-to-organization", "--target", "Id=444455556666,Type=ACCOUNT", "--query", "Handshake.Id")
	team.aws(t, "organizations", "accept-handshake", "--handshake-id", handshake)
	if got := team.aws(t, "organizations", "describe-organization", "--query", "Organization.[Id,MasterAccountId]"); got != org+"\t"+account {
		t.Errorf("the member is in %s", got)
	}
	refused(team, "(AccessDeniedException)", "organizations", "list-accounts")
	refused(outside, "(AWSOrganizationsNotInUseException)", "organizations", "describe-organization")
	for _, kind := range []string{"SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"} {
		orgs("enable-policy-type", "--root-id", root, "--policy-type", kind)
	}
	unit := orgs("create-organizational-unit", "--parent-id", root, "--name", "teams", "--query", "OrganizationalUnit.Id")
	orgs("move-account", "--account-id", "444455556666", "--source-parent-id", root, "--destination-parent-id", unit)
	if got := orgs("list-policies-for-target", "--target-id", unit, "--filter", "SERVICE_CONTROL_POLICY", "--query", "Policies[].Id"); got != "p-FullAWSAccess" {
		t.Errorf("the unit is under %s", got)
	}
	policy := func(kind, name, document string) (id, arn string) {
		t.Helper()
		id, arn, _ = strings.Cut(orgs("create-policy", "--type", kind, "--name", name, "--description", name, "--content", document, "--query", "Policy.PolicySummary.[Id,Arn]"), "\t")
		return id, arn
	}

	// Denied in the member, and there for its root; not in the management account.
	deny, arn := policy("SERVICE_CONTROL_POLICY", "no-queries", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:DescribeVpcs","Resource":"*"}]}`)
	if want := fmt.Sprintf("arn:aws:organizations::%s:policy/%s/service_control_policy/%s", account, org, deny); arn != want {
		t.Errorf("the policy is %s, wanted %s", arn, want)
	}
	users := func(p place) string { return p.aws(t, "iam", "list-users", "--query", "length(Users)") }
	noUsers, arn := policy("SERVICE_CONTROL_POLICY", "no-users", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:ListUsers","Resource":"*"}]}`)
	sentence := "User: arn:aws:iam::444455556666:root is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::444455556666:user/ "
	users(team)
	orgs("attach-policy", "--policy-id", noUsers, "--target-id", root)
	refused(team, sentence+"with an explicit deny in a service control policy: "+arn, "iam", "list-users")
	users(first)
	users(outside)
	orgs("attach-policy", "--policy-id", deny, "--target-id", unit)
	refused(team, "(UnauthorizedOperation)", "ec2", "describe-vpcs")
	d.crash(t)
	d.restart(t)
	refused(team, "with an explicit deny in a service control policy: "+arn, "iam", "list-users")
	orgs("detach-policy", "--policy-id", noUsers, "--target-id", root)
	users(team)
	refused(team, "(UnauthorizedOperation)", "ec2", "describe-vpcs")

	// A level that does not allow.
	only, _ := policy("SERVICE_CONTROL_POLICY", "only-storage", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","sts:*"],"Resource":"*"}]}`)
	orgs("attach-policy", "--policy-id", only, "--target-id", unit)
	users(team)
	orgs("detach-policy", "--policy-id", "p-FullAWSAccess", "--target-id", unit)
	refused(team, sentence+"because no service control policy allows the iam:ListUsers action", "iam", "list-users")
	team.aws(t, "s3", "mb", "s3://the-teams")

	// A bucket that everybody may read, in an organisation that lets nobody else in.
	team.aws(t, "s3api", "put-bucket-policy", "--bucket", "the-teams", "--policy",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::the-teams"}]}`)
	list := []string{"s3api", "list-objects-v2", "--bucket", "the-teams", "--query", "KeyCount"}
	anonymous := append([]string{"--no-sign-request"}, list...)
	outside.aws(t, list...)
	first.aws(t, anonymous...)
	perimeter, _ := policy("RESOURCE_CONTROL_POLICY", "perimeter", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*",
		"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"`+org+`"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}]}`)
	orgs("attach-policy", "--policy-id", perimeter, "--target-id", "444455556666")
	for _, by := range [][]string{list, anonymous} {
		refused(outside, "(AccessDenied)", by...)
	}
	first.aws(t, list...)
	team.aws(t, list...)
	refused(first, "(InvalidInputException)", "organizations", "detach-policy", "--policy-id", "p-RCPFullAWSAccess", "--target-id", unit)
	d.crash(t)
	d.restart(t)
	refused(outside, "(AccessDenied)", list...)
	refused(team, "because no service control policy allows the iam:ListUsers action", "iam", "list-users")

	// Whoever leaves is free of it all.
	orgs("remove-account-from-organization", "--account-id", "444455556666")
	users(team)
	outside.aws(t, list...)
}

// TestOrganizationsAccount has an organisation make an account, whose only way in is the role in it.
func TestOrganizationsAccount(t *testing.T) {
	t.Parallel()
	d := own(t)
	first := d.internet()
	first.aws(t, "organizations", "create-organization")
	made := strings.Fields(first.aws(t, "organizations", "create-account", "--email", "made@example.com", "--account-name", "made", "--query", "CreateAccountStatus.[Id,State]"))
	first.until(t, []string{"organizations", "describe-create-account-status", "--create-account-request-id", made[0], "--query", "CreateAccountStatus.State"}, "SUCCEEDED")
	id := first.aws(t, "organizations", "describe-create-account-status", "--create-account-request-id", made[0], "--query", "CreateAccountStatus.AccountId")
	ann := addUser(t, first, d, "ann")
	first.aws(t, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "p", "--policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`)
	var session struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	role := "arn:aws:iam::" + id + ":role/OrganizationAccountAccessRole"
	if err := json.Unmarshal([]byte(ann.must(t, "aws", "sts", "assume-role", "--role-arn", role, "--role-session-name", "visit", "--output", "json")), &session); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(d.data, "credentials"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	k := session.Credentials
	_, err = fmt.Fprintf(f, "\n[inside]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n", k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	inside := first.as("inside")
	if got := inside.aws(t, "ec2", "describe-vpcs", "--query", "Vpcs[].[IsDefault,OwnerId]"); got != "True\t"+id {
		t.Errorf("the account's VPCs are %s", got)
	}
	d.crash(t)
	d.restart(t)
	if got := inside.aws(t, "sts", "get-caller-identity", "--query", "Account"); got != id {
		t.Errorf("after a crash the session is of %s", got)
	}
	if got := first.aws(t, "organizations", "list-accounts", "--query", "Accounts[?Id=='"+id+"'].[Name,Email,JoinedMethod]"); got != "made\tmade@example.com\tCREATED" {
		t.Errorf("after a crash the account is %s", got)
	}
	if out, err := d.command("account", "list").Output(); err != nil || string(out) != account+" first\n"+id+" made\n" {
		t.Errorf("%v %s", err, out)
	}

	// Its root has no key until whoever keeps this Cloister asks for one, by its id: of the same name he makes another
	// account, for he must not be given one that somebody else comes into.
	if out, err := d.command("account", "create", "made", "--profile", "namesake").CombinedOutput(); err != nil || strings.Contains(string(out), id) {
		t.Fatalf("%v %s", err, out)
	}
	if out, err := d.command("account", "create", "made", "--id", id).CombinedOutput(); err != nil || !strings.Contains(string(out), "account "+id+", profile made of ") {
		t.Fatalf("%v %s", err, out)
	}
	if got := first.as("made").aws(t, "sts", "get-caller-identity", "--query", "Arn"); got != "arn:aws:iam::"+id+":root" {
		t.Errorf("the profile is %s", got)
	}
}
