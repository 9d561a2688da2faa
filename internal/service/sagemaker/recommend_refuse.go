package sagemaker

import (
	"slices"
	"strings"

	"cloister/internal/engine/load"
	"cloister/internal/frame/api"
	"cloister/internal/value/shape/sagemaker"
)

const (
	advanced = "Advanced"
	// mostTests are the tests of one job, mostUsers who may ask at a time.
	mostTests, mostUsers = 30, 1000
	// longestTest is the most that a job may last, in seconds.
	longestTest = 18000
)

// validRecommend goes through what CreateInferenceRecommendationsJob can ask for.
func (s *Service) validRecommend(c *api.Call, in *sagemaker.CreateInferenceRecommendationsJobRequest) error {
	if foreign(c.Account(), text(in.RoleArn)) {
		return validation.New("RoleArn: Cross-account pass role is not allowed.")
	}
	i := in.InputConfig
	if err := refuse(
		refusal{"InputConfig.ModelPackageVersionArn", i.ModelPackageVersionArn != nil},
		refusal{"InputConfig.Endpoints", len(i.Endpoints) > 0},
		refusal{"InputConfig.VolumeKmsKeyId", text(i.VolumeKmsKeyId) != ""},
		refusal{"OutputConfig.KmsKeyId", in.OutputConfig != nil && text(in.OutputConfig.KmsKeyId) != ""},
		refusal{"OutputConfig.CompiledOutputConfig", in.OutputConfig != nil && in.OutputConfig.CompiledOutputConfig != nil},
	); err != nil {
		return err
	}
	if text(i.ModelName) == "" {
		return validation.New("InputConfig.ModelName is required.")
	}
	if n := number(i.JobDurationInSeconds, longestTest); n > longestTest {
		return validation.New("InputConfig.JobDurationInSeconds must not exceed %d.", longestTest)
	}
	if err := validContainerConfig(i.ContainerConfig); err != nil {
		return err
	}
	if err := s.validShapes(in); err != nil {
		return err
	}
	if err := validTraffic(in); err != nil {
		return err
	}
	return validConditions(in.StoppingConditions)
}

func validContainerConfig(c *sagemaker.RecommendationJobContainerConfig) error {
	if c == nil || c.PayloadConfig == nil || text(c.PayloadConfig.SamplePayloadUrl) == "" {
		return validation.New("InputConfig.ContainerConfig.PayloadConfig.SamplePayloadUrl is required for a job with a ModelName.")
	}
	if t := text(c.SupportedEndpointType); t != "" && t != "RealTime" {
		return refuse(refusal{"InputConfig.ContainerConfig.SupportedEndpointType " + t, true})
	}
	url := text(c.PayloadConfig.SamplePayloadUrl)
	if _, key, ok := splitS3(url); !ok || !strings.HasSuffix(key, ".tar.gz") {
		return validation.New("SamplePayloadUrl %q is not the S3 URI of a .tar.gz archive.", url)
	}
	return nil
}

// validShapes is about what the tests run on.
func (s *Service) validShapes(in *sagemaker.CreateInferenceRecommendationsJobRequest) error {
	i := in.InputConfig
	if text(in.JobType) != advanced {
		for name, asked := range map[string]bool{"EndpointConfigurations": len(i.EndpointConfigurations) > 0, "TrafficPattern": i.TrafficPattern != nil, "ResourceLimit": i.ResourceLimit != nil} {
			if asked {
				return validation.New("InputConfig.%s can only be used with JobType Advanced.", name)
			}
		}
		if in.StoppingConditions != nil {
			return validation.New("StoppingConditions can only be used with JobType Advanced.")
		}
		if len(i.ContainerConfig.SupportedInstanceTypes) == 0 {
			return validation.New("InputConfig.ContainerConfig.SupportedInstanceTypes is required for a job of JobType Default: this installation chooses no instance types.")
		}
	} else if len(i.EndpointConfigurations) == 0 {
		return validation.New("InputConfig.EndpointConfigurations is required for a job of JobType Advanced.")
	}
	for _, c := range i.EndpointConfigurations {
		if err := refuse(
			refusal{"EndpointConfigurations.ServerlessConfig", c.ServerlessConfig != nil},
			refusal{"EndpointConfigurations.InferenceSpecificationName", c.InferenceSpecificationName != nil},
		); err != nil {
			return err
		}
		if text(c.InstanceType) == "" {
			return validation.New("EndpointConfigurations.InstanceType is required.")
		}
	}
	j := &recommendJob{Request: *in}
	j.addTests()
	for _, h := range j.Hosts {
		if err := s.available("endpoint", h.Type); err != nil {
			return err
		}
	}
	most := mostTests
	if l := i.ResourceLimit; l != nil {
		most = min(most, int(number(l.MaxNumberOfTests, mostTests)))
	}
	if len(j.Tests) > most {
		return validation.New("The job has %d load tests, and at most %d are allowed.", len(j.Tests), most)
	}
	return nil
}

func validTraffic(in *sagemaker.CreateInferenceRecommendationsJobRequest) error {
	p := in.InputConfig.TrafficPattern
	if text(in.JobType) != advanced {
		return nil
	}
	switch {
	case p == nil:
		return validation.New("InputConfig.TrafficPattern is required for a job of JobType Advanced.")
	case (p.Stairs != nil) == (len(p.Phases) > 0), p.Stairs != nil && text(p.TrafficType) == "PHASES", p.Stairs == nil && text(p.TrafficType) == "STAIRS":
		return validation.New("TrafficPattern has either Phases, with TrafficType PHASES, or Stairs, with TrafficType STAIRS.")
	case p.Stairs != nil && number(p.Stairs.NumberOfSteps, 1) > mostUsers:
		return validation.New("TrafficPattern.Stairs.NumberOfSteps must not exceed %d.", mostUsers)
	}
	phases := traffic(in)
	for _, ph := range phases {
		if most := seconds(in.InputConfig.JobDurationInSeconds, longestTest); ph.For > most {
			return validation.New("The DurationInSeconds of a traffic phase must not exceed JobDurationInSeconds (%d).", int(most.Seconds()))
		}
	}
	if load.Peak(phases) > mostUsers {
		return validation.New("TrafficPattern leads to more than %d concurrent users.", mostUsers)
	}
	return nil
}

func validConditions(c *sagemaker.RecommendationJobStoppingConditions) error {
	if c == nil {
		return nil
	}
	if c.MaxInvocations != nil && *c.MaxInvocations < 1 {
		return validation.New("StoppingConditions.MaxInvocations must be greater than 0.")
	}
	for _, t := range c.ModelLatencyThresholds {
		if p := text(t.Percentile); p != "" && !slices.Contains([]string{"P95", "P99"}, p) {
			return validation.New("ModelLatencyThresholds.Percentile %q is not P95 or P99.", p)
		}
		if number(t.ValueInMilliseconds, 0) < 1 {
			return validation.New("ModelLatencyThresholds.ValueInMilliseconds is required, and greater than 0.")
		}
	}
	return nil
}
