package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

// Whoever makes a transform job passes no role: it is the model's, and so are the VPC and the isolation.
var _ = api.Define(operations, "CreateTransformJob", func(c *api.Call, in *sagemaker.CreateTransformJobRequest) []api.Check {
	return tagging(telling(c, "CreateTransformJob", "transform-job", text(in.TransformJobName), in), in.Tags)
}, (*Service).createTransformJob)

func (s *Service) createTransformJob(ctx context.Context, c *api.Call, in *sagemaker.CreateTransformJobRequest) (*sagemaker.CreateTransformJobResponse, error) {
	if err := s.validTransform(in); err != nil {
		return nil, err
	}
	key := store.Key(c.Account(), lower(text(in.TransformJobName)))
	j := &transformJob{Request: *in}
	j.Request.Tags = nil
	j.jobState = newJob(c, "xj", resource(c, "transform-job", text(in.TransformJobName)))
	for range *in.TransformResources.InstanceCount {
		j.addHost("", *in.TransformResources.InstanceType)
		j.Hosts[len(j.Hosts)-1].Name = "i-0" + newID("x")[len("x-"):]
	}
	err := s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		old, err := transformJobs.Get(tx, key)
		if err != nil {
			return err
		}
		if old != nil {
			return resourceInUse.New("Job name must be unique within an AWS account and region, and a job with this name already exists (%s)", old.ARN)
		}
		m, err := models.Get(tx, store.Key(c.Account(), lower(text(in.ModelName))))
		if err != nil {
			return err
		}
		if m == nil {
			return noModel(resource(c, "model", text(in.ModelName)))
		}
		j.Model = *m
		if err := putTags(tx, j.ARN, in.Tags); err != nil {
			return err
		}
		return s.begin(tx, transformKind, key, j)
	})
	if err != nil {
		return nil, err
	}
	return &sagemaker.CreateTransformJobResponse{TransformJobArn: &j.ARN}, nil
}
