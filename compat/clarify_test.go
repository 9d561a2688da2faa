package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mayServe lets a job's own container make an endpoint and ask it.
const mayServe = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":["sagemaker:CreateEndpointConfig","sagemaker:CreateEndpoint",
 "sagemaker:DescribeEndpoint","sagemaker:InvokeEndpoint","sagemaker:DeleteEndpoint","sagemaker:DeleteEndpointConfig"]}]}`

// TestClarify has a processing job make an endpoint for itself, as Clarify's do, through the VPC's endpoints and by its
// role; a model whose VPC has one zone for it cannot be hosted, and the job says so.
func TestClarify(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t, "sagemaker.api", "sagemaker.runtime", "logs")
	d.provide(t)
	at := d.internet()
	at.aws(t, "iam", "put-role-policy", "--role-name", "execution", "--policy-name", "serve", "--policy-document", mayServe)
	if out, err := d.command("image", "load", layoutOf(t, "clarify", map[string]any{"Entrypoint": []string{"/clarify"}})).CombinedOutput(); err != nil {
		t.Fatalf("load: %v %s", err, out)
	}
	rows := filepath.Join(t.TempDir(), "rows.csv")
	write(t, rows, []byte(strings.Repeat("1,", 63)+"1\n"+strings.Repeat("9,", 63)+"9\n"))
	at.must(t, "aws", "s3", "cp", "--no-progress", rows, "s3://"+bucket+"/rows/rows.csv")
	v.completed(t, v.job(t, "trained", kmeans, "k=10,feature_dim=64"))
	artefact := at.aws(t, describe("trained", "ModelArtifacts.S3ModelArtifacts")...)
	for name, subnets := range map[string]string{"two-zones": v.subnets[0] + "," + v.subnets[1], "one-zone": v.subnets[0]} {
		at.aws(t, "sagemaker", "create-model", "--model-name", name, "--execution-role-arn", role, "--query", "ModelArn",
			"--vpc-config", "Subnets="+subnets+",SecurityGroupIds="+v.group, "--primary-container", "Image="+kmeans+",ModelDataUrl="+artefact)
		v.analyse(t, name)
	}
	for name, want := range map[string]string{"two-zones": "Completed None", "one-zone": "Failed ClientError: Error hosting endpoint sagemaker-clarify-endpoint-"} {
		query := func(q string) []string {
			return []string{"sagemaker", "describe-processing-job", "--processing-job-name", name, "--query", q}
		}
		at.until(t, query("contains(['Completed','Failed','Stopped'], ProcessingJobStatus)"), "True")
		got := at.aws(t, query("join(' ', [ProcessingJobStatus, to_string(FailureReason || 'None')])")...)
		if !strings.HasPrefix(got, want) || name == "one-zone" && !strings.HasSuffix(got,
			": Failed. Reason: Unable to locate at least 2 availability zone(s) with the requested instance type ml.m5.large that overlap with SageMaker subnets.") {
			t.Errorf("%s: %s", name, got)
		}
	}
	result := filepath.Join(t.TempDir(), "analysis.json")
	at.must(t, "aws", "s3", "cp", "--no-progress", "s3://"+bucket+"/analysis/two-zones/analysis.json", result)
	if b, err := os.ReadFile(result); err != nil || strings.Count(string(b), "closest_cluster") != 2 {
		t.Errorf("analysed %s %v", b, err)
	}
	waitFor(t, "endpoints are left", func() bool {
		return at.aws(t, "sagemaker", "list-endpoints", "--query", "length(Endpoints)") == "0"
	})
}

// analyse asks for the analysis of a model, as a job of the model's name.
func (v *vpc) analyse(t *testing.T, model string) {
	t.Helper()
	at, config := v.internet(), filepath.Join(t.TempDir(), "analysis_config.json")
	write(t, config, []byte(`{"model_name":"`+model+`","instance_type":"ml.m5.large"}`))
	at.must(t, "aws", "s3", "cp", "--no-progress", config, "s3://"+bucket+"/config/"+model+"/analysis_config.json")
	input := func(name, key string) string {
		return `{"InputName":"` + name + `","S3Input":{"S3Uri":"s3://` + bucket + `/` + key + `","LocalPath":"/opt/ml/processing/input/` + name + `","S3DataType":"S3Prefix","S3InputMode":"File"}}`
	}
	at.aws(t, "sagemaker", "create-processing-job", "--processing-job-name", model, "--role-arn", role, "--app-specification", "ImageUri=mine:1",
		"--processing-inputs", "["+input("config", "config/"+model)+","+input("data", "rows")+"]",
		"--processing-output-config", `{"Outputs":[{"OutputName":"analysis","S3Output":{"S3Uri":"s3://`+bucket+`/analysis/`+model+`","LocalPath":"/opt/ml/processing/output","S3UploadMode":"EndOfJob"}}]}`,
		"--processing-resources", "ClusterConfig={InstanceCount=1,InstanceType=ml.m5.large,VolumeSizeInGB=1}",
		"--network-config", "VpcConfig={Subnets=["+v.subnets[0]+"],SecurityGroupIds=["+v.group+"]}", "--query", "ProcessingJobArn")
}
