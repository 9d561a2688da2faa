package compat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAccounts makes a second account beside the first: what either has, the other sees only as its policies
// let it, and only the first makes accounts.
func TestAccounts(t *testing.T) {
	t.Parallel()
	d := own(t)
	at := d.internet()
	if out, err := d.command("account", "create", "team", "--id", "444455556666").CombinedOutput(); err != nil || !strings.Contains(string(out), "account 444455556666, profile team of ") || strings.Contains(string(out), "secret") {
		t.Fatalf("%v %s", err, out)
	}
	team := at.as("team")
	if got := team.aws(t, "sts", "get-caller-identity", "--query", "Arn"); got != "arn:aws:iam::444455556666:root" {
		t.Errorf("the profile is %s", got)
	}
	for what, args := range map[string][]string{
		"the same name and id": {"team", "--id", "444455556666", "--profile", "other"}, "the same id": {"another", "--id", "444455556666"}, "the first account": {"another", "--id", account},
		"a profile that is there": {"another", "--profile", "team"}, "no id": {"another", "--id", "4444"}, "an account that may not": {"another", "--as", "team"},
		"no profile's name": {"an other"},
	} {
		if out, err := d.command(append([]string{"account", "create"}, args...)...).CombinedOutput(); err == nil {
			t.Errorf("%s: %s", what, out)
		}
	}

	// The second has a default VPC and the services' roles of its own, and sees nothing of the first's.
	v := d.vpc(t)
	if got := team.aws(t, "ec2", "describe-vpcs", "--query", "Vpcs[].[IsDefault,OwnerId]"); got != "True\t444455556666" {
		t.Errorf("the second account's VPCs are %s", got)
	}
	if out, err := team.try("aws", "ec2", "delete-vpc", "--vpc-id", v.id); err == nil || !strings.Contains(out, "(InvalidVpcID.NotFound)") {
		t.Errorf("another account's VPC is deleted: %v %s", err, out)
	}
	at.aws(t, "iam", "create-user", "--user-name", "ann", "--query", "User.Arn")
	if got := team.aws(t, "iam", "list-users", "--query", "Users[].UserName"); got != "" {
		t.Errorf("the second account's users are %s", got)
	}
	if got := team.aws(t, "iam", "create-user", "--user-name", "ann", "--query", "User.Arn"); got != "arn:aws:iam::444455556666:user/ann" {
		t.Errorf("a user of the same name is %s", got)
	}

	// Across accounts both sides must agree.
	at.aws(t, "s3", "mb", "s3://ours")
	denied := func(p place, args ...string) string {
		t.Helper()
		out, err := p.try(append([]string{"aws"}, args...)...)
		if err == nil || !strings.Contains(out, "AccessDenied") {
			t.Errorf("%v: %v %s", args, err, out)
		}
		return out
	}
	denied(team, "s3api", "list-objects-v2", "--bucket", "ours")
	allow := `{"Version":"2012-10-17","Statement":[{"Sid":"Hush","Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::ours"}]}`
	at.aws(t, "s3api", "put-bucket-policy", "--bucket", "ours", "--policy", allow)
	team.aws(t, "s3api", "list-objects-v2", "--bucket", "ours", "--query", "KeyCount")
	denied(team, "s3api", "put-object", "--bucket", "ours", "--key", "k")

	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"sts:AssumeRole"}]}`
	role := at.aws(t, "iam", "create-role", "--role-name", "guest", "--assume-role-policy-document", trust, "--query", "Role.Arn")
	bob := addUser(t, team, d, "bob")
	denied(bob, "sts", "assume-role", "--role-arn", role, "--role-session-name", "visit")
	team.aws(t, "iam", "put-user-policy", "--user-name", "bob", "--policy-name", "p", "--policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"`+role+`"}]}`)
	if got := bob.aws(t, "sts", "assume-role", "--role-arn", role, "--role-session-name", "visit", "--query", "AssumedRoleUser.Arn"); got != "arn:aws:sts::"+account+":assumed-role/guest/visit" {
		t.Errorf("the session is %s", got)
	}

	d.crash(t)
	d.restart(t)
	if got := team.aws(t, "iam", "list-users", "--query", "Users[].UserName"); got != "ann\tbob" {
		t.Errorf("after a crash the second account has %s", got)
	}
	if out, err := d.command("account", "list").Output(); err != nil || string(out) != account+" first\n444455556666 team\n" {
		t.Errorf("%v %s", err, out)
	}
}

// addUser makes a user in a place's account, with a key in a profile of its own.
func addUser(t *testing.T, in place, d *daemon, name string) place {
	t.Helper()
	in.aws(t, "iam", "create-user", "--user-name", name, "--query", "User.Arn")
	var made struct {
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	if err := json.Unmarshal([]byte(in.must(t, "aws", "iam", "create-access-key", "--user-name", name, "--output", "json")), &made); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(d.data, "credentials"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("\n[" + name + "]\naws_access_key_id = " + made.AccessKey.AccessKeyID + "\naws_secret_access_key = " + made.AccessKey.SecretAccessKey + "\n"); err != nil {
		t.Fatal(err)
	}
	return d.internet().as(name)
}
