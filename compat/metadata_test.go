package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// In what whoRuns prints SDKs tell which of their ways led to credentials, and to whose.
const whoRuns = `import boto3
s = boto3.Session()
print(s.get_credentials().method, boto3.client("sts").get_caller_identity()["Arn"].rsplit("/", 1)[0])`

// TestRoleOfAnInstance has programs in a VPC find a role's credentials where instances do, without a setting.
func TestRoleOfAnInstance(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t, "sts")
	at := d.internet()
	at.aws(t, "iam", "create-role", "--role-name", "instance", "--assume-role-policy-document", strings.Replace(trust, "sagemaker", "ec2", 1), "--query", "Role.Arn")
	at.aws(t, "iam", "create-role", "--role-name", "other", "--assume-role-policy-document", trust, "--query", "Role.Arn")
	const instance, session = "arn:aws:iam::" + account + ":role/instance", "arn:aws:sts::" + account + ":assumed-role/instance"
	inside := v.inside()
	inside.flags = append(inside.flags, "--role", instance)
	if got := inside.aws(t, "sts", "get-caller-identity", "--query", "Arn"); !strings.HasPrefix(got, session+"/eni-") {
		t.Errorf("the CLI is %s", got)
	}
	if got := inside.must(t, "python3", "-c", whoRuns); got != "iam-role "+session {
		t.Errorf("boto3 is %s", got)
	}
	const address = "http://169.254.169.254/latest/"
	curl := func(p place, args ...string) string {
		out, _ := p.try(append([]string{"curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}"}, args...)...)
		return out
	}
	for want, got := range map[string]string{
		"401 without a token": curl(inside, address+"meta-data/"),
		"403 to a proxy":      curl(inside, "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60", "-H", "X-Forwarded-For: 10.0.0.9", address+"api/token"),
		"400 for a container": curl(inside, "http://169.254.170.2/v2/credentials/"),
		"000 without a role":  curl(v.inside(), address+"meta-data/"),
		"000 on the internet": curl(at, address+"meta-data/"),
	} {
		if !strings.HasPrefix(want, got+" ") {
			t.Errorf("%s: %s", want, got)
		}
	}
	refused := v.inside()
	refused.flags = append(refused.flags, "--role", "arn:aws:iam::"+account+":role/other")
	if out, err := refused.try("true"); err == nil || !strings.Contains(out, "Could not assume role") {
		t.Errorf("a role that does not trust instances: %v %s", err, out)
	}
	if left := at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=description,Values=cloister exec", "--query", "NetworkInterfaces[].NetworkInterfaceId"); left != "" {
		t.Errorf("interfaces left behind: %s", left)
	}
}

// TestRoleOfAContainer has real SDKs stand where a job's container does, with its environment: they find the role's
// credentials. With its environment but from another interface of the subnet they find none.
func TestRoleOfAContainer(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t, "sts")
	d.provide(t)
	at := d.internet()
	job := v.job(t, "lent", probe, "seconds=600")
	at.stage(t, job, "Training")
	eni := at.aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=status,Values=in-use", "Name=interface-type,Values=interface", "--query", "NetworkInterfaces[?contains(Description, 'SageMaker')].NetworkInterfaceId")
	path := ""
	for range 100 {
		if path = environmentOf(t, "TRAINING_JOB_NAME="+job, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="); path != "" {
			break
		}
		at.aws(t, "sts", "get-caller-identity")
	}
	if len(path) != len("/v2/credentials/")+32 {
		t.Fatalf("the container asks at %q", path)
	}
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	bare := []string{"env", "-u", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=" + path, "AWS_DEFAULT_REGION=" + region, "AWS_CA_BUNDLE=" + filepath.Join(d.data, "ca", "ca.pem"),
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_CONFIG_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true"}
	cmd := d.command(append(append([]string{"inside", "--run", i.Run, "--place", eni, "--resolver", "nameserver 10.0.0.2\n", "--"}, bare...), "python3", "-c", whoRuns)...)
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "container-role arn:aws:sts::"+account+":assumed-role/execution" {
		t.Errorf("in the container's place: %v %s", err, got)
	}
	if out, err := v.inside().try(append(bare, "aws", "sts", "get-caller-identity", "--cli-connect-timeout", "2")...); err == nil || !strings.Contains(out, "credentials") {
		t.Errorf("with the container's environment elsewhere: %v %s", err, out)
	}
	at.aws(t, "sagemaker", "stop-training-job", "--training-job-name", job)
	v.settled(t, job)
}

// environmentOf finds a variable of the process that has another one.
func environmentOf(t *testing.T, has, variable string) string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		found := ""
		mine := false
		for _, kv := range strings.Split(string(b), "\x00") {
			mine = mine || kv == has
			if v, ok := strings.CutPrefix(kv, variable); ok {
				found = v
			}
		}
		if mine && found != "" {
			return found
		}
	}
	return ""
}
