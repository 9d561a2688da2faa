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

// analystDuties is what a role may do besides its duties whose containers make endpoints for a while, from inside the VPC alone.
const analystDuties = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":["sagemaker:CreateEndpoint","sagemaker:DeleteEndpoint","sagemaker:DescribeEndpoint","sagemaker:InvokeEndpoint",
   "sagemaker:CreateEndpointConfig","sagemaker:DeleteEndpointConfig"],"Condition":{"StringEquals":{"aws:SourceVpc":"%[1]s"}},
  "Resource":["arn:aws:sagemaker:*:*:endpoint/sagemaker-clarify-endpoint-*","arn:aws:sagemaker:*:*:endpoint-config/sm-clarify-config-*"]}]}`

// jobber is what a user may do whose work is jobs called "kinds", from inside the VPC alone.
const jobber = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Condition":{"StringEquals":{"aws:SourceVpc":"%[1]s"}},"Resource":"arn:aws:sagemaker:*:*:*/kinds*","Action":[
   "sagemaker:CreateTrainingJob","sagemaker:DescribeTrainingJob","sagemaker:CreateModel","sagemaker:CreateEndpoint*","sagemaker:DescribeEndpoint",
   "sagemaker:DeleteEndpoint","sagemaker:InvokeEndpoint","sagemaker:CreateTransformJob","sagemaker:DescribeTransformJob","sagemaker:CreateCompilationJob",
   "sagemaker:DescribeCompilationJob","sagemaker:CreateProcessingJob","sagemaker:DescribeProcessingJob","sagemaker:*InferenceRecommendationsJob*"]},
 {"Effect":"Allow","Action":["sagemaker:ListEndpoints","sagemaker:ListEndpointConfigs"],"Resource":"*"},
 {"Effect":"Allow","Action":"iam:PassRole","Resource":["` + role + `","arn:aws:iam::` + account + `:role/clarify"],"Condition":{"StringEquals":{"iam:PassedToService":"sagemaker.amazonaws.com"}}},
 {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::` + bucket + `/kinds/*"},
 {"Effect":"Allow","Action":["logs:DescribeLogStreams","logs:GetLogEvents"],"Resource":"*"}]}`

// TestKinds has boto3 go through the kinds of jobs, and through the mistakes of the troubleshooting pages, in one private
// subnet at the same time. The compiler is an image that the operator has loaded and named.
func TestKinds(t *testing.T) {
	t.Parallel()
	needRoot(t)
	python := needBoto3(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	settings := "compiler_image: mine:1\ninstance_quotas:\n  ml.m5.4xlarge for training job usage: 0\n"
	if err := os.WriteFile(filepath.Join(d.data, "config.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t)
	v := d.vpc(t, "sagemaker.api", "sagemaker.runtime", "logs")
	d.provide(t)
	if out, err := d.command("image", "load", layoutOf(t, "analyst", map[string]any{"Entrypoint": []string{"/analyst"}, "User": "trainer"})).CombinedOutput(); err != nil {
		t.Fatalf("load: %v %s", err, out)
	}
	clarify := d.role(t, "clarify", "sagemaker", duties, fmt.Sprintf(analystDuties, v.id))
	poor := d.role(t, "poor", "sagemaker", strings.NewReplacer(`"s3:`, `"s3:Not`, `"logs:`, `"logs:Not`).Replace(duties))
	unrouted := one(t, d.ec2(t, "CreateSubnet", "VpcId", v.id, "CidrBlock", "10.0.9.0/24"), "subnetId")
	strange := d.role(t, "strange", "ec2", duties)
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	order, err := json.Marshal(map[string]any{"bucket": bucket, "role": role, "clarify": clarify, "poor": poor, "strange": strange, "kmeans": kmeans, "analyst": "mine:1",
		"subnets": v.subnets, "unrouted": unrouted, "group": v.group, "data": digits(t), "ca": i.CA, "account": account, "region": region, "mateo": "mateojackson"})
	if err != nil {
		t.Fatal(err)
	}
	v.user(t, "kim", fmt.Sprintf(jobber, v.id))
	v.user(t, "mateojackson", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sagemaker:CreateTrainingJob","Resource":"*"}]}`)
	t.Run("jobs", func(t *testing.T) {
		t.Run("kinds", func(t *testing.T) {
			t.Parallel()
			t.Log(v.inside().as("kim").must(t, python, "boto3/kinds.py", string(order)))
		})
		t.Run("mistakes", func(t *testing.T) {
			t.Parallel()
			t.Log(v.inside().must(t, python, "boto3/mistakes.py", string(order)))
		})
	})
	if t.Failed() {
		return
	}
	v.nobodys(t)
	said, err := d.command("why", "--job", "unrouted").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(said), "Training job unrouted: Failed, made ") || !strings.Contains(string(said), "\nFailed: ClientError: Data download failed:Please ensure") ||
		!strings.Contains(string(said), "has no route to 52.216.") || !strings.Contains(string(said), "make a gateway endpoint for com.amazonaws."+region+".s3") {
		t.Errorf("why: %v\n%s", err, said)
	}
	d.toldOfAll(t)
}

// toldOfAll asks of a name that jobs of four kinds have.
func (d *daemon) toldOfAll(t *testing.T) {
	t.Helper()
	said, err := d.command("why", "--json", "--job", "kinds").Output()
	var got struct {
		Jobs []struct {
			Kind, Status string
			Connections  []struct {
				Peer string
				Ways []struct{ Reaches bool }
			}
		}
	}
	if json.Unmarshal(said, &got) != nil || err != nil || len(got.Jobs) != 4 {
		t.Fatalf("why: %v\n%s", err, said)
	}
	for i, kind := range []string{"TrainingJob", "TransformJob", "CompilationJob", "InferenceRecommendationsJob"} {
		j := got.Jobs[i]
		if j.Kind != kind || !strings.EqualFold(j.Status, "completed") || len(j.Connections) != 6 {
			t.Errorf("%+v", j)
			continue
		}
		if s3 := j.Connections[0]; s3.Peer != "" || len(s3.Ways) == 0 || !s3.Ways[0].Reaches {
			t.Errorf("%s and S3: %+v", kind, s3)
		}
	}
}

// needBoto3 gives the Python that has boto3.
func needBoto3(t *testing.T) (python string) {
	t.Helper()
	python = needProgram(t, "python3")
	if out, err := exec.Command(python, "-c", "import boto3.session").CombinedOutput(); err != nil {
		t.Skipf("boto3 is not on this machine (`make install-test` brings it): %s", out)
	}
	return python
}

// role makes a role that a service may take on, with policies, and gives its ARN.
func (d *daemon) role(t *testing.T, name, service string, policies ...string) string {
	t.Helper()
	made := d.iam(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", strings.Replace(trust, "sagemaker.", service+".", 1))
	for i, p := range policies {
		d.iam(t, "PutRolePolicy", "RoleName", name, "PolicyName", fmt.Sprint("p", i), "PolicyDocument", p)
	}
	return one(t, made, "Arn")
}
