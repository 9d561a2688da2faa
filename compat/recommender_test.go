package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecommender loads a model on two instance types by the AWS CLI, in a VPC, and reads what was measured.
func TestRecommender(t *testing.T) {
	t.Parallel()
	d := own(t)
	d.provide(t)
	v := d.vpc(t)
	job := v.job(t, "recommended", kmeans, `{"k":"10","feature_dim":"64","mini_batch_size":"500"}`)
	v.completed(t, job)
	at := v.internet()
	artefact := at.aws(t, describe(job, "ModelArtifacts.S3ModelArtifacts")...)
	at.aws(t, "sagemaker", "create-model", "--model-name", "digits", "--execution-role-arn", role, "--query", "ModelArn", "--primary-container", "Image="+kmeans+",ModelDataUrl="+artefact)
	dir := t.TempDir()
	rows, err := os.ReadFile(digits(t))
	if err != nil {
		t.Fatal(err)
	}
	row, _, _ := strings.Cut(string(rows), "\n")
	if err := os.WriteFile(filepath.Join(dir, "row.csv"), []byte(row+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sample := filepath.Join(dir, "sample.tar.gz")
	at.must(t, "tar", "-czf", sample, "-C", dir, "row.csv")
	at.must(t, "aws", "s3", "cp", "--no-progress", sample, "s3://"+bucket+"/sample.tar.gz")
	at.aws(t, "sagemaker", "create-inference-recommendations-job", "--job-name", "shapes", "--job-type", "Advanced", "--role-arn", role, "--query", "JobArn",
		"--input-config", `{"ModelName":"digits","TrafficPattern":{"TrafficType":"PHASES","Phases":[{"InitialNumberOfUsers":2,"SpawnRate":0,"DurationInSeconds":3}]},
			"EndpointConfigurations":[{"InstanceType":"ml.m5.large"},{"InstanceType":"ml.c5.xlarge"}],
			"ContainerConfig":{"PayloadConfig":{"SamplePayloadUrl":"s3://`+bucket+`/sample.tar.gz","SupportedContentTypes":["text/csv"]}},
			"VpcConfig":{"Subnets":["`+v.subnets[0]+`","`+v.subnets[1]+`"],"SecurityGroupIds":["`+v.group+`"]}}`)
	if got := d.reaches(t, "DescribeInferenceRecommendationsJob", `{"JobName":"shapes"}`, "Status", "COMPLETED", "FAILED"); got != "COMPLETED" {
		t.Fatal(at.aws(t, "sagemaker", "describe-inference-recommendations-job", "--job-name", "shapes", "--query", "FailureReason"))
	}
	measured := at.aws(t, "sagemaker", "describe-inference-recommendations-job", "--job-name", "shapes", "--query",
		"length(InferenceRecommendations[?Metrics.MaxInvocations>`0` && Metrics.ModelLatency>`0`])")
	if measured != "2" {
		t.Error(at.aws(t, "sagemaker", "describe-inference-recommendations-job", "--job-name", "shapes", "--query", "InferenceRecommendations", "--output", "json"))
	}
	t.Log(at.aws(t, "sagemaker", "list-inference-recommendations-job-steps", "--job-name", "shapes", "--query", "Steps[].InferenceBenchmark.Metrics", "--output", "json"))
}
