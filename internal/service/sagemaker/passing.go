package sagemaker

import (
	"context"
	"strings"
)

// passes tells whoever listens that what an ARN names is between two of its steps.
func (s *Service) passes(ctx context.Context, arn, point string) {
	if s.Passing != nil {
		s.Passing(ctx, arn[strings.LastIndexByte(arn, ':')+1:], point)
	}
}

// passes tells so of a job.
func (r *jobRun) passes(ctx context.Context, point string) {
	r.Service.passes(ctx, r.st().ARN, point)
}
