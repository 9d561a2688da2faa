package main

import (
	"strings"
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/shape/iam"
	"cloister/internal/value/shape/sagemaker"
)

// A job that a session with a source identity asks for needs a role that lets SageMaker set it, and its own sessions have it.
func TestASourceIdentityReachesTheJob(t *testing.T) {
	w := newWorkplace(t)
	as := w.root
	as.Identity.SourceIdentity = "ann"
	create := func(name string) error {
		_, err := w.house.door.Call(t.Context(), as, "sagemaker", "CreateTrainingJob", &sagemaker.CreateTrainingJobRequest{
			TrainingJobName: &name, RoleArn: &w.strict, AlgorithmSpecification: &sagemaker.AlgorithmSpecification{TrainingImage: new("none:1"), TrainingInputMode: new("File")},
			OutputDataConfig:  &sagemaker.OutputDataConfig{S3OutputPath: new("s3://none/models")},
			ResourceConfig:    &sagemaker.ResourceConfig{InstanceType: new("ml.m5.large"), InstanceCount: new(int32(1)), VolumeSizeInGB: new(int32(1))},
			StoppingCondition: &sagemaker.StoppingCondition{MaxRuntimeInSeconds: new(int32(60))},
		})
		return err
	}
	err := create("refused")
	if f, ok := fault.As(err); !ok || f.Code != "ValidationException" || !strings.HasPrefix(f.Message, "Could not assume role "+w.strict) {
		t.Errorf("the role does not let a source identity be set: %v", err)
	}
	w.do(w.root, "iam", "UpdateAssumeRolePolicy", &iam.UpdateAssumeRolePolicyRequest{RoleName: new("other"), PolicyDocument: new(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"],
		"Condition":{"StringEquals":{"sts:SourceIdentity":"ann"},"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:*:*:training-job/accepted"}}}]}`)})
	if err := create("accepted"); err != nil {
		t.Error(err)
	}
}
