package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var (
	_ = api.Define(operations, "DescribeProcessingJob", func(c *api.Call, in *sagemaker.DescribeProcessingJobRequest) []api.Check {
		return may(c, "DescribeProcessingJob", "processing-job", text(in.ProcessingJobName))
	}, (*Service).describeProcessingJob)
	_ = api.Define(operations, "ListProcessingJobs", func(*api.Call, *sagemaker.ListProcessingJobsRequest) []api.Check {
		return mayList("ListProcessingJobs")
	}, (*Service).listProcessingJobs)
	_ = api.Define(operations, "StopProcessingJob", func(c *api.Call, in *sagemaker.StopProcessingJobRequest) []api.Check {
		return may(c, "StopProcessingJob", "processing-job", text(in.ProcessingJobName))
	}, (*Service).stopProcessingJob)
	_ = api.Define(operations, "DeleteProcessingJob", func(c *api.Call, in *sagemaker.DeleteProcessingJobRequest) []api.Check {
		return may(c, "DeleteProcessingJob", "processing-job", text(in.ProcessingJobName))
	}, (*Service).deleteProcessingJob)
)

func (s *Service) describeProcessingJob(ctx context.Context, c *api.Call, in *sagemaker.DescribeProcessingJobRequest) (*sagemaker.DescribeProcessingJobResponse, error) {
	var j *processingJob
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		j, err = processingJobs.Get(tx, store.Key(c.Account(), lower(text(in.ProcessingJobName))))
		return err
	})
	if err == nil && j == nil {
		err = noProcessingJob(text(in.ProcessingJobName))
	}
	if err != nil {
		return nil, err
	}
	r := &j.Request
	out := &sagemaker.DescribeProcessingJobResponse{
		ProcessingJobName: r.ProcessingJobName, ProcessingJobArn: &j.ARN, ProcessingJobStatus: &j.Status, RoleArn: r.RoleArn,
		ProcessingInputs: r.ProcessingInputs, ProcessingOutputConfig: r.ProcessingOutputConfig, ProcessingResources: r.ProcessingResources,
		StoppingCondition: r.StoppingCondition, AppSpecification: r.AppSpecification, Environment: r.Environment, NetworkConfig: r.NetworkConfig,
		CreationTime: stamp(j.Created), LastModifiedTime: stamp(j.Modified), ProcessingStartTime: at(j.Started), ProcessingEndTime: at(j.Ended),
	}
	out.ExitMessage, out.FailureReason = j.last()
	return out, nil
}

// last is what a job that has ended has to say, its containers' word and the platform's.
func (j *processingJob) last() (message, reason *string) {
	if j.settled() && j.ExitMessage != "" {
		message = &j.ExitMessage
	}
	if j.FailureReason != "" {
		reason = &j.FailureReason
	}
	return message, reason
}

func (s *Service) listProcessingJobs(ctx context.Context, c *api.Call, in *sagemaker.ListProcessingJobsRequest) (*sagemaker.ListProcessingJobsResponse, error) {
	out := &sagemaker.ListProcessingJobsResponse{ProcessingJobSummaries: []sagemaker.ProcessingJobSummary{}}
	q := &query{
		operation: "ListProcessingJobs", account: c.Account(), nameContains: text(in.NameContains), status: text(in.StatusEquals),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore,
		modifiedAfter: in.LastModifiedTimeAfter, modifiedBefore: in.LastModifiedTimeBefore,
		sortBy: in.SortBy, sortOrder: orText(in.SortOrder, ascending), nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := processingJobs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		page, next, err := paged(q, all, func(j *processingJob) entry {
			return entry{j.name(), j.Status, j.Created, j.Modified}
		})
		out.NextToken = next
		for _, j := range page {
			one := sagemaker.ProcessingJobSummary{ProcessingJobName: j.Request.ProcessingJobName, ProcessingJobArn: &j.ARN, CreationTime: stamp(j.Created),
				ProcessingEndTime: at(j.Ended), LastModifiedTime: stamp(j.Modified), ProcessingJobStatus: &j.Status}
			one.ExitMessage, one.FailureReason = j.last()
			out.ProcessingJobSummaries = append(out.ProcessingJobSummaries, one)
		}
		return err
	})
	return out, err
}

// stopProcessingJob asks; the controller stops. Asking again changes nothing.
func (s *Service) stopProcessingJob(ctx context.Context, c *api.Call, in *sagemaker.StopProcessingJobRequest) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.ProcessingJobName)))
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		j, err := processingJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case j == nil:
			return noProcessingJob(text(in.ProcessingJobName))
		case j.settled():
			return validation.New("The request was rejected because the processing job is in status %s.", j.Status)
		}
		return s.halt(tx, processingKind, key, j)
	})
}

// deleteProcessingJob forgets a job that has ended, and its tags; its name is free then. One of which something is
// left on this machine has not quite ended.
func (s *Service) deleteProcessingJob(ctx context.Context, c *api.Call, in *sagemaker.DeleteProcessingJobRequest) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.ProcessingJobName)))
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		j, err := processingJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case j == nil:
			return noProcessingJob(text(in.ProcessingJobName))
		case !j.settled():
			return resourceInUse.New("Processing job %s cannot be deleted because it is in status %s.", j.ARN, j.Status)
		case j.Outcome != nil:
			return resourceInUse.New("Processing job %s cannot be deleted because its resources are still being released.", j.ARN)
		}
		if err := tagSets.Delete(tx, j.ARN); err != nil {
			return err
		}
		return processingJobs.Delete(tx, key)
	})
}
