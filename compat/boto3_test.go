package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// boundTo is what a user may do who is bound to a VPC.
const boundTo = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":"sagemaker:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"%s"}}},
 {"Effect":"Allow","Action":"iam:PassRole","Resource":"` + role + `"},
 {"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]},
 {"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`

// TestBoto3 walks the private path with boto3 from inside the subnet, as a user who is bound to the VPC.
func TestBoto3(t *testing.T) {
	t.Parallel()
	python := needBoto3(t)
	d := own(t)
	v := d.vpc(t, "sagemaker.api", "sagemaker.runtime", "sts", "logs")
	d.provide(t)
	bob := v.user(t, "bob", fmt.Sprintf(boundTo, v.id))
	answer := filepath.Join(t.TempDir(), "answer.json")
	order, err := json.Marshal(map[string]any{"bucket": bucket, "name": "boto3", "role": role, "image": kmeans, "subnets": v.subnets,
		"group": v.group, "data": digits(t), "answer": answer})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v.inside().as(bob).must(t, python, "boto3/path.py", string(order)))

	checker, err := program("digits")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(checker, "purity", answer).CombinedOutput(); err != nil {
		t.Errorf("the clusters do not fit the labels: %v\n%s", err, out)
	}
	// The same from elsewhere is denied: the policy's condition has no VPC to look at.
	out, err := d.internet().as(bob).try(python, "-c", `import boto3; boto3.client("sagemaker").list_training_jobs()`)
	if err == nil || !strings.Contains(out, "AccessDeniedException") || !strings.Contains(out, "no identity-based policy allows the sagemaker:ListTrainingJobs action") {
		t.Errorf("from the internet: %v\n%s", err, out)
	}
}

// user makes a user with one policy and gives the profile that has its keys.
func (d *daemon) user(t *testing.T, name, policy string) (profile string) {
	t.Helper()
	d.iam(t, "CreateUser", "UserName", name)
	d.iam(t, "PutUserPolicy", "UserName", name, "PolicyName", "only", "PolicyDocument", policy)
	key := d.iam(t, "CreateAccessKey", "UserName", name)
	f, err := os.OpenFile(filepath.Join(d.data, "credentials"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", name, one(t, key, "AccessKeyId"), one(t, key, "SecretAccessKey")); err != nil {
		t.Fatal(err)
	}
	return name
}
