package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateInferenceRecommendationsJob", func(c *api.Call, in *sagemaker.CreateInferenceRecommendationsJobRequest) []api.Check {
	checks := telling(c, "CreateInferenceRecommendationsJob", recommendResource, text(in.JobName), in)
	return tagging(passing(c, checks, in.RoleArn), in.Tags)
}, (*Service).createInferenceRecommendationsJob)

func (s *Service) createInferenceRecommendationsJob(ctx context.Context, c *api.Call, in *sagemaker.CreateInferenceRecommendationsJobRequest) (*sagemaker.CreateInferenceRecommendationsJobResponse, error) {
	if err := s.validRecommend(c, in); err != nil {
		return nil, err
	}
	key := store.Key(c.Account(), lower(text(in.JobName)))
	// Asked before the role is: a second request with the name must not depend on the role.
	if err := s.DB.View(ctx, func(tx *store.Tx) error { return freeRecommendName(tx, key) }); err != nil {
		return nil, err
	}
	j := &recommendJob{jobState: newJob(c, "rj", resource(c, recommendResource, text(in.JobName))), Request: *in}
	j.Request.Tags = nil // they have a record of their own
	j.addTests()
	if err := s.tryRole(ctx, errand{j.Account, text(in.RoleArn), j.ARN, j.SourceIdentity}, noTrainingRole); err != nil {
		return nil, err
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := freeRecommendName(tx, key); err != nil {
			return err
		}
		name := text(in.InputConfig.ModelName)
		m, err := models.Get(tx, store.Key(c.Account(), lower(name)))
		if err != nil {
			return err
		}
		if m == nil {
			return noModel(resource(c, "model", name))
		}
		j.Model = *m
		if err := putTags(tx, j.ARN, in.Tags); err != nil {
			return err
		}
		return s.begin(tx, recommendKind, key, j)
	})
	if err != nil {
		return nil, err
	}
	return &sagemaker.CreateInferenceRecommendationsJobResponse{JobArn: &j.ARN}, nil
}

func freeRecommendName(tx *store.Tx, key string) error {
	old, err := recommendJobs.Get(tx, key)
	if err != nil || old == nil {
		return err
	}
	return resourceInUse.New("Inference recommendations job names must be unique within an AWS account and region, and an inference recommendations job with this name already exists (%s)", old.ARN)
}
