package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var (
	_ = api.Define(operations, "DescribeTransformJob", func(c *api.Call, in *sagemaker.DescribeTransformJobRequest) []api.Check {
		return may(c, "DescribeTransformJob", "transform-job", text(in.TransformJobName))
	}, (*Service).describeTransformJob)
	_ = api.Define(operations, "ListTransformJobs", func(*api.Call, *sagemaker.ListTransformJobsRequest) []api.Check {
		return mayList("ListTransformJobs")
	}, (*Service).listTransformJobs)
	_ = api.Define(operations, "StopTransformJob", func(c *api.Call, in *sagemaker.StopTransformJobRequest) []api.Check {
		return may(c, "StopTransformJob", "transform-job", text(in.TransformJobName))
	}, (*Service).stopTransformJob)
)

func (s *Service) describeTransformJob(ctx context.Context, c *api.Call, in *sagemaker.DescribeTransformJobRequest) (*sagemaker.DescribeTransformJobResponse, error) {
	var j *transformJob
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		j, err = transformJobs.Get(tx, store.Key(c.Account(), lower(text(in.TransformJobName))))
		return err
	})
	if err == nil && j == nil {
		err = noTransformJob(text(in.TransformJobName))
	}
	if err != nil {
		return nil, err
	}
	r := &j.Request
	out := &sagemaker.DescribeTransformJobResponse{
		TransformJobName: r.TransformJobName, TransformJobArn: &j.ARN, TransformJobStatus: &j.Status, ModelName: r.ModelName,
		MaxConcurrentTransforms: r.MaxConcurrentTransforms, ModelClientConfig: r.ModelClientConfig, MaxPayloadInMB: r.MaxPayloadInMB,
		BatchStrategy: r.BatchStrategy, Environment: r.Environment, TransformInput: completeInput(r.TransformInput), TransformOutput: completeOutput(r.TransformOutput),
		TransformResources: r.TransformResources, DataProcessing: r.DataProcessing,
		CreationTime: stamp(j.Created), TransformStartTime: at(j.Started), TransformEndTime: at(j.Ended),
	}
	if j.FailureReason != "" {
		out.FailureReason = &j.FailureReason
	}
	return out, nil
}

// completeInput and completeOutput are what was asked for with what AWS fills in.
func completeInput(in *sagemaker.TransformInput) *sagemaker.TransformInput {
	i := *in
	i.CompressionType, i.SplitType = orText(i.CompressionType, "None"), orText(i.SplitType, "None")
	return &i
}

func completeOutput(out *sagemaker.TransformOutput) *sagemaker.TransformOutput {
	o := *out
	o.AssembleWith, o.KmsKeyId = orText(o.AssembleWith, "None"), new(text(o.KmsKeyId))
	return &o
}

func (s *Service) listTransformJobs(ctx context.Context, c *api.Call, in *sagemaker.ListTransformJobsRequest) (*sagemaker.ListTransformJobsResponse, error) {
	out := &sagemaker.ListTransformJobsResponse{TransformJobSummaries: []sagemaker.TransformJobSummary{}}
	q := &query{
		operation: "ListTransformJobs", account: c.Account(), nameContains: text(in.NameContains), status: text(in.StatusEquals),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore,
		modifiedAfter: in.LastModifiedTimeAfter, modifiedBefore: in.LastModifiedTimeBefore,
		sortBy: in.SortBy, sortOrder: in.SortOrder, nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := transformJobs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		page, next, err := paged(q, all, func(j *transformJob) entry {
			return entry{j.name(), j.Status, j.Created, j.Modified}
		})
		out.NextToken = next
		for _, j := range page {
			one := sagemaker.TransformJobSummary{TransformJobName: j.Request.TransformJobName, TransformJobArn: &j.ARN, CreationTime: stamp(j.Created),
				TransformEndTime: at(j.Ended), LastModifiedTime: stamp(j.Modified), TransformJobStatus: &j.Status}
			if j.FailureReason != "" {
				one.FailureReason = &j.FailureReason
			}
			out.TransformJobSummaries = append(out.TransformJobSummaries, one)
		}
		return err
	})
	return out, err
}

func (s *Service) stopTransformJob(ctx context.Context, c *api.Call, in *sagemaker.StopTransformJobRequest) (*struct{}, error) {
	key := store.Key(c.Account(), lower(text(in.TransformJobName)))
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		j, err := transformJobs.Get(tx, key)
		switch {
		case err != nil:
			return err
		case j == nil:
			return validation.New("Could not find job to update with name: %s", text(in.TransformJobName))
		case j.settled():
			return validation.New("The request was rejected because the transform job is in status %s.", j.Status)
		}
		return s.halt(tx, transformKind, key, j)
	})
}
