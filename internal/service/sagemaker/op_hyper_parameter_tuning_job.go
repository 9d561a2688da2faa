package sagemaker

import (
	"context"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

const tuningKind = "hyper-parameter-tuning-job"

var (
	_ = api.Define(operations, "DescribeHyperParameterTuningJob", func(c *api.Call, in *sagemaker.DescribeHyperParameterTuningJobRequest) []api.Check {
		return may(c, "DescribeHyperParameterTuningJob", tuningKind, text(in.HyperParameterTuningJobName))
	}, (*Service).describeHyperParameterTuningJob)
	_ = api.Define(operations, "StopHyperParameterTuningJob", func(c *api.Call, in *sagemaker.StopHyperParameterTuningJobRequest) []api.Check {
		return may(c, "StopHyperParameterTuningJob", tuningKind, text(in.HyperParameterTuningJobName))
	}, (*Service).stopHyperParameterTuningJob)
	_ = api.Define(operations, "DeleteHyperParameterTuningJob", func(c *api.Call, in *sagemaker.DeleteHyperParameterTuningJobRequest) []api.Check {
		return may(c, "DeleteHyperParameterTuningJob", tuningKind, text(in.HyperParameterTuningJobName))
	}, (*Service).deleteHyperParameterTuningJob)
	_ = api.Define(operations, "ListHyperParameterTuningJobs", func(*api.Call, *sagemaker.ListHyperParameterTuningJobsRequest) []api.Check {
		return mayList("ListHyperParameterTuningJobs")
	}, (*Service).listHyperParameterTuningJobs)
	_ = api.Define(operations, "ListTrainingJobsForHyperParameterTuningJob", func(c *api.Call, in *sagemaker.ListTrainingJobsForHyperParameterTuningJobRequest) []api.Check {
		return may(c, "ListTrainingJobsForHyperParameterTuningJob", tuningKind, text(in.HyperParameterTuningJobName))
	}, (*Service).listTrainingJobsForHyperParameterTuningJob)
)

// tuning finds a job of the caller's.
func findTuning(tx *store.Tx, c *api.Call, name *string) (key string, j *tuningJob, err error) {
	key = store.Key(c.Account(), lower(text(name)))
	j, err = tuningJobs.Get(tx, key)
	if err == nil && j == nil {
		err = noTuningJob(text(name))
	}
	return key, j, err
}

func (s *Service) describeHyperParameterTuningJob(ctx context.Context, c *api.Call, in *sagemaker.DescribeHyperParameterTuningJobRequest) (*sagemaker.DescribeHyperParameterTuningJobResponse, error) {
	var j *tuningJob
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		_, j, err = findTuning(tx, c, in.HyperParameterTuningJobName)
		return err
	})
	if err != nil {
		return nil, err
	}
	r := &j.Request
	out := &sagemaker.DescribeHyperParameterTuningJobResponse{
		HyperParameterTuningJobName: r.HyperParameterTuningJobName, HyperParameterTuningJobArn: &j.ARN, HyperParameterTuningJobConfig: r.HyperParameterTuningJobConfig,
		HyperParameterTuningJobStatus: &j.Status,
		CreationTime:                  stamp(j.Created), LastModifiedTime: stamp(j.Modified), HyperParameterTuningEndTime: at(j.Ended), WarmStartConfig: r.WarmStartConfig,
	}
	if d := j.completeDefinition(); r.TrainingJobDefinition != nil {
		out.TrainingJobDefinition = d
	} else {
		out.TrainingJobDefinitions = []sagemaker.HyperParameterTrainingJobDefinition{*d}
	}
	out.TrainingJobStatusCounters, out.ObjectiveStatusCounters = j.counters()
	if j.FailureReason != "" {
		out.FailureReason = &j.FailureReason
	}
	j.showBest(out)
	out.ConsumedResources = &sagemaker.HyperParameterTuningJobConsumedResources{RuntimeInSeconds: new(int32(j.lasted(s.Clock()).Seconds()))}
	return out, nil
}

// showBest adds the best trial, and how the search stands.
func (j *tuningJob) showBest(out *sagemaker.DescribeHyperParameterTuningJobResponse) {
	if b := j.best(); b != nil {
		out.BestTrainingJob = new(j.summary(b))
		out.OverallBestTrainingJob = j.overall(b)
	}
	if s, err := search(&j.Request, j.Parents, j.Seed); err == nil {
		out.TuningJobCompletionDetails = &sagemaker.HyperParameterTuningJobCompletionDetails{
			NumberOfTrainingJobsObjectiveNotImproving: new(int32(s.NotImproving(j.trials()))), ConvergenceDetectedTime: at(j.Converged)}
	}
}

// overall is the best of this job and its parents, for the kind of warm start whose objectives compare.
func (j *tuningJob) overall(own *trial) *sagemaker.HyperParameterTrainingJobSummary {
	w := j.Request.WarmStartConfig
	if w == nil || text(w.WarmStartType) != "IdenticalDataAndAlgorithm" {
		return nil
	}
	best, maximize := new(j.summary(own)), text(objectiveOf(&j.Request).Type) == "Maximize"
	best.TuningJobName = new(j.name())
	value := *own.Objective
	for _, p := range j.Parents {
		for _, t := range p.Trials {
			v, ok := t.Objective()
			if !ok || maximize && v <= value || !maximize && v >= value {
				continue
			}
			value = v
			best = &sagemaker.HyperParameterTrainingJobSummary{TuningJobName: new(p.Name), TunedHyperParameters: t.Parameters, TrainingJobStatus: new(completed), ObjectiveStatus: new("Succeeded"),
				FinalHyperParameterTuningJobObjectiveMetric: &sagemaker.FinalHyperParameterTuningJobObjectiveMetric{MetricName: objectiveOf(&j.Request).MetricName, Value: new(float32(v))}}
		}
	}
	return best
}

// stopHyperParameterTuningJob asks; the controller stops the trials. Asking again changes nothing.
func (s *Service) stopHyperParameterTuningJob(ctx context.Context, c *api.Call, in *sagemaker.StopHyperParameterTuningJobRequest) (*struct{}, error) {
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		key, j, err := findTuning(tx, c, in.HyperParameterTuningJobName)
		switch {
		case err != nil:
			return err
		case j.settled():
			return validation.New("The request was rejected because the hyperparameter tuning job is in status %s.", j.Status)
		}
		j.Stopping, j.Status, j.Modified = true, stopping, tx.Now
		tx.After(func() { s.tunings.Add(key) })
		return tuningJobs.Put(tx, key, j)
	})
}

// deleteHyperParameterTuningJob removes the record; its trials stay.
func (s *Service) deleteHyperParameterTuningJob(ctx context.Context, c *api.Call, in *sagemaker.DeleteHyperParameterTuningJobRequest) (*struct{}, error) {
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		key, j, err := findTuning(tx, c, in.HyperParameterTuningJobName)
		switch {
		case err != nil:
			return err
		case !j.settled():
			return resourceInUse.New("The hyperparameter tuning job %s is in status %s and cannot be deleted.", j.name(), j.Status)
		}
		if err := tagSets.Delete(tx, j.ARN); err != nil {
			return err
		}
		return tuningJobs.Delete(tx, key)
	})
}

func (s *Service) listHyperParameterTuningJobs(ctx context.Context, c *api.Call, in *sagemaker.ListHyperParameterTuningJobsRequest) (*sagemaker.ListHyperParameterTuningJobsResponse, error) {
	out := &sagemaker.ListHyperParameterTuningJobsResponse{HyperParameterTuningJobSummaries: []sagemaker.HyperParameterTuningJobSummary{}}
	q := &query{
		operation: "ListHyperParameterTuningJobs", account: c.Account(), nameContains: text(in.NameContains), status: text(in.StatusEquals),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore,
		modifiedAfter: in.LastModifiedTimeAfter, modifiedBefore: in.LastModifiedTimeBefore,
		sortBy: orText(in.SortBy, "Name"), sortOrder: orText(in.SortOrder, ascending), nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := tuningJobs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		page, next, err := paged(q, all, func(j *tuningJob) entry { return entry{j.name(), j.Status, j.Created, j.Modified} })
		out.NextToken = next
		for _, j := range page {
			one := sagemaker.HyperParameterTuningJobSummary{
				HyperParameterTuningJobName: new(j.name()), HyperParameterTuningJobArn: &j.ARN, HyperParameterTuningJobStatus: &j.Status,
				Strategy: j.Request.HyperParameterTuningJobConfig.Strategy, CreationTime: stamp(j.Created), HyperParameterTuningEndTime: at(j.Ended),
				LastModifiedTime: stamp(j.Modified), ResourceLimits: j.Request.HyperParameterTuningJobConfig.ResourceLimits,
			}
			one.TrainingJobStatusCounters, one.ObjectiveStatusCounters = j.counters()
			out.HyperParameterTuningJobSummaries = append(out.HyperParameterTuningJobSummaries, one)
		}
		return err
	})
	return out, err
}

func (s *Service) listTrainingJobsForHyperParameterTuningJob(ctx context.Context, c *api.Call, in *sagemaker.ListTrainingJobsForHyperParameterTuningJobRequest) (*sagemaker.ListTrainingJobsForHyperParameterTuningJobResponse, error) {
	out := &sagemaker.ListTrainingJobsForHyperParameterTuningJobResponse{TrainingJobSummaries: []sagemaker.HyperParameterTrainingJobSummary{}}
	byObjective := text(in.SortBy) == "FinalObjectiveMetricValue"
	// The status is among what the token is bound to, also where the query does not filter by it any more.
	q := &query{operation: strings.Join([]string{"ListTrainingJobsForHyperParameterTuningJob", lower(text(in.HyperParameterTuningJobName)), text(in.SortBy), text(in.StatusEquals)}, " "), account: c.Account(),
		status: text(in.StatusEquals), sortBy: orText(in.SortBy, "Name"), sortOrder: orText(in.SortOrder, ascending), nextToken: in.NextToken, maxResults: in.MaxResults}
	if byObjective { // as on AWS, those without one are not listed then
		q.sortBy = new("Status")
	}
	return out, s.DB.View(ctx, func(tx *store.Tx) error {
		_, j, err := findTuning(tx, c, in.HyperParameterTuningJobName)
		if err != nil {
			return err
		}
		var all []*trial
		for i := range j.Trials {
			t := &j.Trials[i]
			if (q.status == "" || q.status == t.shown()) && (!byObjective || t.Objective != nil) {
				all = append(all, t)
			}
		}
		q.status = ""
		page, next, err := paged(q, all, func(t *trial) entry {
			e := entry{t.Name, t.shown(), t.Created, t.Created}
			if byObjective {
				e.status = sortable(t.Objective)
			}
			return e
		})
		out.NextToken = next
		for _, t := range page {
			out.TrainingJobSummaries = append(out.TrainingJobSummaries, j.summary(t))
		}
		return err
	})
}
