package sagemaker

import (
	"fmt"
	"strings"
	"testing"

	"cloister/internal/frame/api"
	"cloister/internal/value/shape/sagemaker"
)

func TestRecommendCountsEndpoints(t *testing.T) {
	m, _ := recommendWorld(t)
	m.config = func(c *Config) { c.Quotas = map[string]int{"ml.m5.large for endpoint usage": 0} }
	_, err := m.service().createInferenceRecommendationsJob(t.Context(), m.call(), recommendRequest("job"))
	refused(t, err, "ResourceLimitExceeded", "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances")
}

func TestRecommendChecks(t *testing.T) {
	m, s := recommendWorld(t)
	b, err := s.Bind()
	if err != nil {
		t.Fatal(err)
	}
	in := recommendRequest("Job")
	in.Tags = []sagemaker.Tag{{Key: new("team"), Value: new("a")}}
	const own = "arn:aws:sagemaker:us-east-1:111122223333:inference-recommendations-job/job"
	for name, c := range map[string]struct {
		in   any
		want string
	}{
		"CreateInferenceRecommendationsJob":    {in, "[sagemaker:CreateInferenceRecommendationsJob " + own + " iam:PassRole " + role + " sagemaker:AddTags " + own + "]"},
		"DescribeInferenceRecommendationsJob":  {&sagemaker.DescribeInferenceRecommendationsJobRequest{JobName: new("Job")}, "[sagemaker:DescribeInferenceRecommendationsJob " + own + "]"},
		"StopInferenceRecommendationsJob":      {&sagemaker.StopInferenceRecommendationsJobRequest{JobName: new("Job")}, "[sagemaker:StopInferenceRecommendationsJob " + own + "]"},
		"ListInferenceRecommendationsJobSteps": {&sagemaker.ListInferenceRecommendationsJobStepsRequest{JobName: new("Job")}, "[sagemaker:ListInferenceRecommendationsJobSteps " + own + "]"},
		"ListInferenceRecommendationsJobs":     {&sagemaker.ListInferenceRecommendationsJobsRequest{}, "[sagemaker:ListInferenceRecommendationsJobs *]"},
	} {
		var asked []string
		for _, ch := range b.Operations[name].Checks(m.call(), c.in) {
			if asked = append(asked, ch.Action, ch.Resource); ch.Demand != api.Allowed {
				t.Errorf("%s: %+v", name, ch)
			}
		}
		if got := fmt.Sprint(asked); got != c.want {
			t.Errorf("%s asks %s", name, got)
		}
	}
}

func TestRecommendRefuses(t *testing.T) {
	m, s := recommendWorld(t)
	m.recommend(s, recommendRequest("taken"))
	type request = sagemaker.CreateInferenceRecommendationsJobRequest
	for want, change := range map[string]func(*request){
		"ResourceInUse: Inference recommendations job names must be unique": func(in *request) { in.JobName = new("TAKEN") },
		`ValidationException: Could not find model "arn:aws:sagemaker:us-east-1:111122223333:model/gone".`: func(in *request) {
			in.InputConfig.ModelName = new("gone")
		},
		"ValidationException: RoleArn: Cross-account pass role is not allowed.": func(in *request) { in.RoleArn = new("arn:aws:iam::999999999999:role/x") },
		"ValidationException: InputConfig.ModelPackageVersionArn is not supported by this installation.": func(in *request) {
			in.InputConfig.ModelPackageVersionArn = new("arn:aws:sagemaker:us-east-1:111122223333:model-package/p/1")
		},
		"ValidationException: InputConfig.Endpoints is not supported":          func(in *request) { in.InputConfig.Endpoints = []sagemaker.EndpointInfo{{}} },
		"ValidationException: InputConfig.VolumeKmsKeyId is not supported":     func(in *request) { in.InputConfig.VolumeKmsKeyId = new("k") },
		"ValidationException: InputConfig.ModelName is required.":              func(in *request) { in.InputConfig.ModelName = nil },
		"ValidationException: InputConfig.JobDurationInSeconds must not":       func(in *request) { in.InputConfig.JobDurationInSeconds = new(int32(18001)) },
		"ValidationException: InputConfig.ContainerConfig.PayloadConfig":       func(in *request) { in.InputConfig.ContainerConfig = nil },
		"ValidationException: InputConfig.EndpointConfigurations is required":  func(in *request) { in.InputConfig.EndpointConfigurations = nil },
		"ValidationException: InputConfig.TrafficPattern is required":          func(in *request) { in.InputConfig.TrafficPattern = nil },
		"ValidationException: TrafficPattern has either Phases":                func(in *request) { in.InputConfig.TrafficPattern.TrafficType = new("STAIRS") },
		"ValidationException: EndpointConfigurations.InstanceType is required": func(in *request) { in.InputConfig.EndpointConfigurations[0].InstanceType = nil },
		"ValidationException: OutputConfig.CompiledOutputConfig is not supported": func(in *request) {
			in.OutputConfig = &sagemaker.RecommendationJobOutputConfig{CompiledOutputConfig: &sagemaker.RecommendationJobCompiledOutputConfig{}}
		},
		"ValidationException: EndpointConfigurations.ServerlessConfig is not supported": func(in *request) {
			in.InputConfig.EndpointConfigurations[0].ServerlessConfig = &sagemaker.ProductionVariantServerlessConfig{}
		},
		`ValidationException: SamplePayloadUrl "s3://in/x" is not the S3 URI of a .tar.gz archive.`: func(in *request) {
			in.InputConfig.ContainerConfig.PayloadConfig.SamplePayloadUrl = new("s3://in/x")
		},
		"ValidationException: InputConfig.ContainerConfig.SupportedEndpointType Serverless is not supported": func(in *request) {
			in.InputConfig.ContainerConfig.SupportedEndpointType = new("Serverless")
		},
		"ValidationException: The requested resource endpoint/ml.p3.2xlarge is not available in this region": func(in *request) {
			in.InputConfig.EndpointConfigurations[0].InstanceType = new("ml.p3.2xlarge")
		},
		"ValidationException: The job has 2 load tests, and at most 1 are allowed.": func(in *request) {
			in.InputConfig.ResourceLimit = &sagemaker.RecommendationJobResourceLimit{MaxNumberOfTests: new(int32(1))}
		},
		"ValidationException: The DurationInSeconds of a traffic phase must not exceed JobDurationInSeconds (1).": func(in *request) {
			in.InputConfig.JobDurationInSeconds = new(int32(1))
		},
		"ValidationException: TrafficPattern leads to more than 1000 concurrent users.": func(in *request) {
			in.InputConfig.TrafficPattern.Phases[0].SpawnRate = new(int32(2147483647))
		},
		"ValidationException: InputConfig.ContainerConfig.SupportedInstanceTypes is required": func(in *request) {
			in.JobType, in.InputConfig.EndpointConfigurations, in.InputConfig.TrafficPattern = new("Default"), nil, nil
		},
		"ValidationException: StoppingConditions can only be used with JobType Advanced.": func(in *request) {
			in.JobType, in.InputConfig.EndpointConfigurations, in.InputConfig.TrafficPattern = new("Default"), nil, nil
			in.StoppingConditions = &sagemaker.RecommendationJobStoppingConditions{}
		},
		"ValidationException: StoppingConditions.MaxInvocations must be": func(in *request) {
			in.StoppingConditions = &sagemaker.RecommendationJobStoppingConditions{MaxInvocations: new(int32(0))}
		},
		`ValidationException: ModelLatencyThresholds.Percentile "P50" is not P95 or P99.`: func(in *request) {
			in.StoppingConditions = &sagemaker.RecommendationJobStoppingConditions{ModelLatencyThresholds: []sagemaker.ModelLatencyThreshold{{Percentile: new("P50"), ValueInMilliseconds: new(int32(1))}}}
		},
	} {
		in := recommendRequest("job")
		change(in)
		if _, err := s.createInferenceRecommendationsJob(t.Context(), m.call(), in); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
	in := recommendRequest("job")
	m.deny["sts.AssumeRole"] = validation.New("no")
	_, err := s.createInferenceRecommendationsJob(t.Context(), m.call(), in)
	refused(t, err, "ValidationException", "Could not assume role "+role)
	_, err = s.describeInferenceRecommendationsJob(t.Context(), m.call(), &sagemaker.DescribeInferenceRecommendationsJobRequest{JobName: new("gone")})
	refused(t, err, "ResourceNotFound", "gone")
	_, err = s.stopInferenceRecommendationsJob(t.Context(), m.call(), &sagemaker.StopInferenceRecommendationsJobRequest{JobName: new("gone")})
	refused(t, err, "ResourceNotFound", "gone")
	_, err = s.listInferenceRecommendationsJobSteps(t.Context(), m.call(), &sagemaker.ListInferenceRecommendationsJobStepsRequest{JobName: new("gone")})
	refused(t, err, "ResourceNotFound", "gone")
	for want, q := range map[int]*sagemaker.ListInferenceRecommendationsJobsRequest{
		1: {NameContains: new("ake"), StatusEquals: new("PENDING"), ModelNameEquals: new("CAPS")}, 0: {ModelPackageVersionArnEquals: new("arn:x")},
	} {
		list, err := s.listInferenceRecommendationsJobs(t.Context(), m.call(), q)
		if err != nil || len(list.InferenceRecommendationsJobs) != want {
			t.Error(list, err)
		}
	}
}
