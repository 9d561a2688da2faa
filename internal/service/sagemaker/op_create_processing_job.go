package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateProcessingJob", func(c *api.Call, in *sagemaker.CreateProcessingJobRequest) []api.Check {
	checks := telling(c, "CreateProcessingJob", "processing-job", text(in.ProcessingJobName), in)
	return tagging(passing(c, checks, in.RoleArn), in.Tags)
}, (*Service).createProcessingJob)

func (s *Service) createProcessingJob(ctx context.Context, c *api.Call, in *sagemaker.CreateProcessingJobRequest) (*sagemaker.CreateProcessingJobResponse, error) {
	if err := s.validProcessing(c, in); err != nil {
		return nil, err
	}
	key := store.Key(c.Account(), lower(text(in.ProcessingJobName)))
	// Asked before the role is: a second request with the name must not depend on the role.
	if err := s.DB.View(ctx, func(tx *store.Tx) error { return freeProcessingName(tx, key) }); err != nil {
		return nil, err
	}
	j := &processingJob{
		jobState: newJob(c, "pj", resource(c, "processing-job", text(in.ProcessingJobName))), Request: completeProcessing(in),
	}
	cluster := in.ProcessingResources.ClusterConfig
	j.addHosts(int(*cluster.InstanceCount), text(cluster.InstanceType))
	if err := s.tryRole(ctx, errand{j.Account, text(in.RoleArn), j.ARN, j.SourceIdentity}, noTrainingRole); err != nil {
		return nil, err
	}
	err := s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		if err := freeProcessingName(tx, key); err != nil {
			return err
		}
		if err := putTags(tx, j.ARN, in.Tags); err != nil {
			return err
		}
		return s.begin(tx, processingKind, key, j)
	})
	if err != nil {
		return nil, err
	}
	return &sagemaker.CreateProcessingJobResponse{ProcessingJobArn: &j.ARN}, nil
}

func freeProcessingName(tx *store.Tx, key string) error {
	old, err := processingJobs.Get(tx, key)
	if err != nil || old == nil {
		return err
	}
	return resourceInUse.New("Processing job names must be unique within an AWS account and region, and a processing job with this name already exists (%s)", old.ARN)
}

// completeProcessing is the request with what AWS fills in.
func completeProcessing(in *sagemaker.CreateProcessingJobRequest) sagemaker.CreateProcessingJobRequest {
	r := *in
	r.Tags = nil // they have a record of their own
	if r.Environment == nil {
		r.Environment = map[string]string{}
	}
	if r.StoppingCondition == nil {
		r.StoppingCondition = &sagemaker.ProcessingStoppingCondition{MaxRuntimeInSeconds: new(int32(86400))}
	}
	r.ProcessingInputs = nil
	for _, i := range in.ProcessingInputs {
		i.AppManaged = new(flag(i.AppManaged))
		s := *i.S3Input
		s.S3InputMode, s.S3CompressionType = orText(s.S3InputMode, file), orText(s.S3CompressionType, "None")
		s.S3DataDistributionType = orText(s.S3DataDistributionType, "FullyReplicated")
		i.S3Input = &s
		r.ProcessingInputs = append(r.ProcessingInputs, i)
	}
	if in.ProcessingOutputConfig != nil {
		c := sagemaker.ProcessingOutputConfig{KmsKeyId: in.ProcessingOutputConfig.KmsKeyId, Outputs: []sagemaker.ProcessingOutput{}}
		for _, o := range in.ProcessingOutputConfig.Outputs {
			o.AppManaged = new(flag(o.AppManaged))
			c.Outputs = append(c.Outputs, o)
		}
		r.ProcessingOutputConfig = &c
	}
	return r
}
