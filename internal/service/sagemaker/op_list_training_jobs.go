package sagemaker

import (
	"context"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "ListTrainingJobs", func(*api.Call, *sagemaker.ListTrainingJobsRequest) []api.Check {
	return mayList("ListTrainingJobs")
}, (*Service).listTrainingJobs)

func (s *Service) listTrainingJobs(ctx context.Context, c *api.Call, in *sagemaker.ListTrainingJobsRequest) (*sagemaker.ListTrainingJobsResponse, error) {
	out := &sagemaker.ListTrainingJobsResponse{TrainingJobSummaries: []sagemaker.TrainingJobSummary{}}
	q := &query{
		operation: "ListTrainingJobs", account: c.Account(), nameContains: text(in.NameContains), status: text(in.StatusEquals),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore,
		modifiedAfter: in.LastModifiedTimeAfter, modifiedBefore: in.LastModifiedTimeBefore,
		pool: text(in.WarmPoolStatusEquals), sortBy: in.SortBy, sortOrder: orText(in.SortOrder, ascending), nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	if in.TrainingPlanArnEquals != nil {
		return out, nil // no job has one
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := trainingJobs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(j *trainingJob) bool { return q.pool != "" && (j.Warm == nil || j.Warm.Status != q.pool) })
		page, next, err := paged(q, all, func(j *trainingJob) entry {
			return entry{j.name(), j.Status, j.Created, j.Modified}
		})
		out.NextToken = next
		for _, j := range page {
			out.TrainingJobSummaries = append(out.TrainingJobSummaries, sagemaker.TrainingJobSummary{
				TrainingJobName: j.Request.TrainingJobName, TrainingJobArn: &j.ARN, CreationTime: stamp(j.Created),
				TrainingEndTime: at(j.Ended), LastModifiedTime: stamp(j.Modified), TrainingJobStatus: &j.Status, SecondaryStatus: &j.Secondary,
				WarmPoolStatus: j.Warm.shown(),
			})
		}
		return err
	})
	return out, err
}
