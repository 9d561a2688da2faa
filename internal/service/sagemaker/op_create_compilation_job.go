package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateCompilationJob", func(c *api.Call, in *sagemaker.CreateCompilationJobRequest) []api.Check {
	checks := telling(c, "CreateCompilationJob", "compilation-job", text(in.CompilationJobName), in)
	return tagging(passing(c, checks, in.RoleArn), in.Tags)
}, (*Service).createCompilationJob)

func (s *Service) createCompilationJob(ctx context.Context, c *api.Call, in *sagemaker.CreateCompilationJobRequest) (*sagemaker.CreateCompilationJobResponse, error) {
	if err := validCompilation(c, in); err != nil {
		return nil, err
	}
	key := store.Key(c.Account(), lower(text(in.CompilationJobName)))
	// Asked before the role is: a second request with the name must not depend on the role.
	if err := s.DB.View(ctx, func(tx *store.Tx) error { return freeCompilationName(tx, key) }); err != nil {
		return nil, err
	}
	j := &compilationJob{jobState: newJob(c, "cj", resource(c, "compilation-job", text(in.CompilationJobName))), Request: *in}
	j.Request.Tags = nil // they have a record of their own
	j.Request.StoppingCondition = &sagemaker.StoppingCondition{MaxRuntimeInSeconds: new(number(in.StoppingCondition.MaxRuntimeInSeconds, 86400))}
	j.addHosts(1, compilerType)
	if err := s.tryRole(ctx, errand{j.Account, text(in.RoleArn), j.ARN, j.SourceIdentity}, noTrainingRole); err != nil {
		return nil, err
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := freeCompilationName(tx, key); err != nil {
			return err
		}
		if err := putTags(tx, j.ARN, in.Tags); err != nil {
			return err
		}
		return s.begin(tx, compilationKind, key, j)
	})
	if err != nil {
		return nil, err
	}
	return &sagemaker.CreateCompilationJobResponse{CompilationJobArn: &j.ARN}, nil
}

func freeCompilationName(tx *store.Tx, key string) error {
	old, err := compilationJobs.Get(tx, key)
	if err != nil || old == nil {
		return err
	}
	return resourceInUse.New("Compilation job names must be unique within an AWS account and region, and a compilation job with this name already exists (%s)", old.ARN)
}
