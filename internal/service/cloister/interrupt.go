package cloister

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/value/arn"
	shape "cloister/internal/value/shape/cloister"
)

// Jobs is the part of the jobs' owner that interruptions need.
type Jobs interface {
	Interrupt(ctx context.Context, account, name string) error
}

var _ = api.Define(operations, "InterruptTrainingJob", func(c *api.Call, in *shape.InterruptTrainingJobInput) []api.Check {
	job := arn.Format("sagemaker", c.Region, c.Account(), "training-job/"+strings.ToLower(*in.TrainingJobName))
	return []api.Check{{Action: "cloister:InterruptTrainingJob", Resource: job}}
}, (*Service).interruptTrainingJob)

// interruptTrainingJob takes the spot instances of a job back, which on AWS nobody can ask for.
func (s *Service) interruptTrainingJob(ctx context.Context, c *api.Call, in *shape.InterruptTrainingJobInput) (*shape.InterruptTrainingJobOutput, error) {
	jobs := s.Jobs(c.Region)
	if jobs == nil {
		return nil, notFound.New("There is no region %s here.", c.Region)
	}
	return &shape.InterruptTrainingJobOutput{}, jobs.Interrupt(ctx, c.Account(), *in.TrainingJobName)
}
