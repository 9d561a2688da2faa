package door_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/sigv4"
)

// environment is all that a client program of a test knows.
func environment(t *testing.T, h *doortest.House, k sigv4.Credentials) []string {
	home := t.TempDir()
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "none"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "none"),
		"AWS_ACCESS_KEY_ID=" + k.AccessKey, "AWS_SECRET_ACCESS_KEY=" + k.Secret, "AWS_REGION=" + doortest.Region,
		"AWS_DEFAULT_REGION=" + doortest.Region, "AWS_CA_BUNDLE=" + h.Authority.File(), "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
		"NO_PROXY=*", "ENDPOINT=" + h.URL(),
	}
	if k.Token != "" {
		env = append(env, "AWS_SESSION_TOKEN="+k.Token)
	}
	return env
}

func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	t.Skipf("needs %s", strings.Join(names, " or "))
	return ""
}

// cli runs the AWS CLI and gives its standard output, and its standard error when it failed.
type cli struct {
	t        *testing.T
	path     string
	env      []string
	endpoint string
}

func (c cli) run(args ...string) (out, failed string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.path, append([]string{"--endpoint-url", c.endpoint, "--output", "json"}, args...)...)
	cmd.Env = c.env
	b, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(b), strings.TrimSpace(string(exit.Stderr))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b), ""
}

func (c cli) must(args ...string) map[string]any {
	c.t.Helper()
	out, failed := c.run(args...)
	if failed != "" {
		c.t.Fatalf("aws %s: %s", strings.Join(args, " "), failed)
	}
	var v map[string]any
	if out != "" {
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			c.t.Fatalf("%s: %v", out, err)
		}
	}
	return v
}

func TestTheAWSCLIKeepsUsersAndReadsItsDenials(t *testing.T) {
	path := program(t, "/usr/bin/aws", "aws") // Debian's where there are several
	if testing.Short() {
		t.Skip("starts a dozen programs")
	}
	h := doortest.Open(t)
	aws := cli{t, path, environment(t, h, h.Root), h.URL()}
	aws.must("iam", "create-user", "--user-name", "ann")
	key := aws.must("iam", "create-access-key", "--user-name", "ann")["AccessKey"].(map[string]any)
	aws.must("iam", "put-user-policy", "--user-name", "ann", "--policy-name", "p", "--policy-document", doortest.Allow("iam:GetUser"))
	if p := aws.must("iam", "get-user-policy", "--user-name", "ann", "--policy-name", "p"); p["PolicyDocument"].(map[string]any)["Version"] != "2012-10-17" {
		t.Errorf("the CLI reads the policy as %v", p)
	}
	aws.must("iam", "attach-user-policy", "--user-name", "ann", "--policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess")
	ann := aws
	ann.env = environment(t, h, sigv4.Credentials{AccessKey: key["AccessKeyId"].(string), Secret: key["SecretAccessKey"].(string)})
	ann.must("iam", "list-roles")
	aws.must("iam", "detach-user-policy", "--user-name", "ann", "--policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess")
	const no = "An error occurred (AccessDenied) when calling the ListRoles operation: User: arn:aws:iam::111122223333:user/ann is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::111122223333:role/ because no identity-based policy allows the iam:ListRoles action"
	if _, failed := ann.run("iam", "list-roles"); failed != no {
		t.Errorf("told %q", failed)
	}
	ann.env = environment(t, h, sigv4.Credentials{AccessKey: key["AccessKeyId"].(string), Secret: "wrong"})
	if _, failed := ann.run("logs", "describe-log-groups"); !strings.Contains(failed, "(InvalidSignatureException) when calling the DescribeLogGroups operation: The request signature we calculated") {
		t.Errorf("told %q", failed)
	}
}

// The whole life of users, roles, sessions and logs, as a program with the SDK for Python.
const script = `
import os, json, time
import boto3
from botocore.exceptions import ClientError
def client(name, **k): return boto3.client(name, endpoint_url=os.environ["ENDPOINT"], **k)
iam, sts, logs = client("iam"), client("sts"), client("logs")
def refused(code, f, **k):
    try: f(**k)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e
        return e.response
    raise AssertionError("not refused: %s" % f)
def policy(*actions): return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})
account = sts.get_caller_identity()["Account"]
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="worker", Path="/team/", AssumeRolePolicyDocument=json.dumps(trust), Tags=[{"Key": "a", "Value": "b"}])["Role"]
assert role["AssumeRolePolicyDocument"] == trust, role
got = iam.get_role(RoleName="worker")["Role"]
assert got["AssumeRolePolicyDocument"] == trust and got["Tags"] == [{"Key": "a", "Value": "b"}] and got["CreateDate"] == role["CreateDate"], got
iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=policy("logs:*"))
assert iam.list_role_policies(RoleName="worker")["PolicyNames"] == ["p"]
arn = iam.create_policy(PolicyName="lists", PolicyDocument=policy("iam:List*"))["Policy"]["Arn"]
iam.attach_role_policy(RoleName="worker", PolicyArn=arn)
assert [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="worker")["AttachedPolicies"]] == [arn]
assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]["Statement"][0]["Action"] == ["iam:List*"]
iam.create_user(UserName="ann")
iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy("sts:AssumeRole"))
key = iam.create_access_key(UserName="ann")["AccessKey"]
ann = client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], aws_session_token=None)
for i in range(2):
    c = ann.assume_role(RoleArn=role["Arn"], RoleSessionName="s%d" % i)["Credentials"]
session = dict(aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
assert client("sts", **session).get_caller_identity()["Arn"].endswith(":assumed-role/worker/s1")
assert [r["RoleName"] for p in client("iam", **session).get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1}) for r in p["Roles"]] == ["worker"]
refused("AccessDenied", client("iam", **session).get_role, RoleName="worker")
mine = client("logs", **session)
mine.create_log_group(logGroupName="/g")
refused("ResourceAlreadyExistsException", mine.create_log_group, logGroupName="/g")
mine.create_log_stream(logGroupName="/g", logStreamName="s")
now = int(time.time() * 1000)
mine.put_log_events(logGroupName="/g", logStreamName="s", logEvents=[{"timestamp": now, "message": "caf\u00e9 & <b>"}, {"timestamp": now, "message": "two"}])
assert [e["message"] for e in mine.get_log_events(logGroupName="/g", logStreamName="s", startFromHead=True)["events"]] == ["caf\u00e9 & <b>", "two"]
assert [e["message"] for p in mine.get_paginator("filter_log_events").paginate(logGroupName="/g", PaginationConfig={"PageSize": 1}) for e in p["events"]] == ["caf\u00e9 & <b>", "two"]
assert refused("ResourceNotFoundException", mine.get_log_events, logGroupName="/g", logStreamName="none")["ResponseMetadata"]["HTTPStatusCode"] == 400
mine.delete_log_group(logGroupName="/g")
refused("DeleteConflict", iam.delete_user, UserName="ann")
refused("DeleteConflict", iam.delete_role, RoleName="worker")
iam.detach_role_policy(RoleName="worker", PolicyArn=arn)
iam.delete_policy(PolicyArn=arn)
iam.delete_role_policy(RoleName="worker", PolicyName="p")
iam.delete_role(RoleName="worker")
refused("InvalidClientTokenId", client("sts", **session).get_caller_identity)
iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
refused("InvalidClientTokenId", ann.get_caller_identity)
iam.delete_user_policy(UserName="ann", PolicyName="p")
iam.delete_user(UserName="ann")
refused("NoSuchEntity", iam.get_user, UserName="ann")
print("done")
`

func TestTheSDKForPythonLivesAWholeLife(t *testing.T) {
	python := ""
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if p, err := exec.LookPath(name); err == nil && exec.Command(p, "-c", "import boto3").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		t.Skip("needs a python3 with boto3")
	}
	h := doortest.Open(t)
	cmd := exec.CommandContext(t.Context(), python, "-c", script)
	cmd.Env = environment(t, h, h.Root)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
