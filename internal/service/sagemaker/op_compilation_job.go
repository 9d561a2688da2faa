package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var (
	_ = api.Define(operations, "DescribeCompilationJob", func(c *api.Call, in *sagemaker.DescribeCompilationJobRequest) []api.Check {
		return may(c, "DescribeCompilationJob", "compilation-job", text(in.CompilationJobName))
	}, (*Service).describeCompilationJob)
	_ = api.Define(operations, "ListCompilationJobs", func(*api.Call, *sagemaker.ListCompilationJobsRequest) []api.Check {
		return mayList("ListCompilationJobs")
	}, (*Service).listCompilationJobs)
	_ = api.Define(operations, "StopCompilationJob", func(c *api.Call, in *sagemaker.StopCompilationJobRequest) []api.Check {
		return may(c, "StopCompilationJob", "compilation-job", text(in.CompilationJobName))
	}, (*Service).stopCompilationJob)
	_ = api.Define(operations, "DeleteCompilationJob", func(c *api.Call, in *sagemaker.DeleteCompilationJobRequest) []api.Check {
		return may(c, "DeleteCompilationJob", "compilation-job", text(in.CompilationJobName))
	}, (*Service).deleteCompilationJob)
)

func (s *Service) describeCompilationJob(ctx context.Context, c *api.Call, in *sagemaker.DescribeCompilationJobRequest) (*sagemaker.DescribeCompilationJobResponse, error) {
	var j *compilationJob
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		j, err = compilationJobs.Get(tx, store.Key(c.Account(), lower(text(in.CompilationJobName))))
		return err
	})
	if err == nil && j == nil {
		err = noCompilationJob(text(in.CompilationJobName))
	}
	if err != nil {
		return nil, err
	}
	r := &j.Request
	bucket, prefix, name := j.result()
	return &sagemaker.DescribeCompilationJobResponse{
		CompilationJobName: r.CompilationJobName, CompilationJobArn: &j.ARN, CompilationJobStatus: new(j.status()), RoleArn: r.RoleArn,
		InputConfig: r.InputConfig, OutputConfig: r.OutputConfig, VpcConfig: r.VpcConfig, StoppingCondition: r.StoppingCondition,
		FailureReason: &j.FailureReason, ModelArtifacts: &sagemaker.ModelArtifacts{S3ModelArtifacts: new("s3://" + bucket + "/" + prefix + name)},
		CreationTime: stamp(j.Created), LastModifiedTime: stamp(j.Modified), CompilationStartTime: at(j.Started), CompilationEndTime: at(j.Ended),
	}, nil
}

func (s *Service) listCompilationJobs(ctx context.Context, c *api.Call, in *sagemaker.ListCompilationJobsRequest) (*sagemaker.ListCompilationJobsResponse, error) {
	out := &sagemaker.ListCompilationJobsResponse{CompilationJobSummaries: []sagemaker.CompilationJobSummary{}}
	q := &query{
		operation: "ListCompilationJobs", account: c.Account(), nameContains: text(in.NameContains), status: text(in.StatusEquals),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore,
		modifiedAfter: in.LastModifiedTimeAfter, modifiedBefore: in.LastModifiedTimeBefore,
		sortBy: in.SortBy, sortOrder: orText(in.SortOrder, ascending), nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := compilationJobs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		page, next, err := paged(q, all, func(j *compilationJob) entry {
			return entry{j.name(), j.status(), j.Created, j.Modified}
		})
		out.NextToken = next
		for _, j := range page {
			one := sagemaker.CompilationJobSummary{CompilationJobName: j.Request.CompilationJobName, CompilationJobArn: &j.ARN,
				CreationTime: stamp(j.Created), CompilationStartTime: at(j.Started), CompilationEndTime: at(j.Ended), LastModifiedTime: stamp(j.Modified),
				CompilationJobStatus: new(j.status()), CompilationTargetDevice: j.Request.OutputConfig.TargetDevice}
			if p := j.Request.OutputConfig.TargetPlatform; p != nil {
				one.CompilationTargetPlatformOs, one.CompilationTargetPlatformArch, one.CompilationTargetPlatformAccelerator = p.Os, p.Arch, p.Accelerator
			}
			out.CompilationJobSummaries = append(out.CompilationJobSummaries, one)
		}
		return err
	})
	return out, err
}

// stopCompilationJob asks; the controller stops. Asking again changes nothing.
func (s *Service) stopCompilationJob(ctx context.Context, c *api.Call, in *sagemaker.StopCompilationJobRequest) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.CompilationJobName)))
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		j, err := compilationJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case j == nil:
			return noCompilationJob(text(in.CompilationJobName))
		case j.settled():
			return validation.New("The request was rejected because the compilation job is in status %s.", j.status())
		}
		return s.halt(tx, compilationKind, key, j)
	})
}

// deleteCompilationJob forgets a job that has ended, and its tags; what it made in S3 stays.
func (s *Service) deleteCompilationJob(ctx context.Context, c *api.Call, in *sagemaker.DeleteCompilationJobRequest) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.CompilationJobName)))
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		j, err := compilationJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case j == nil:
			return noCompilationJob(text(in.CompilationJobName))
		case !j.settled():
			return validation.New("Compilation job %s cannot be deleted because it is in status %s.", j.ARN, j.status())
		case j.Outcome != nil:
			return validation.New("Compilation job %s cannot be deleted because its resources are still being released.", j.ARN)
		}
		if err := tagSets.Delete(tx, j.ARN); err != nil {
			return err
		}
		return compilationJobs.Delete(tx, key)
	})
}
