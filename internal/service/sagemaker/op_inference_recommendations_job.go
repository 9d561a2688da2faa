package sagemaker

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"cloister/internal/engine/load"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var (
	_ = api.Define(operations, "DescribeInferenceRecommendationsJob", func(c *api.Call, in *sagemaker.DescribeInferenceRecommendationsJobRequest) []api.Check {
		return may(c, "DescribeInferenceRecommendationsJob", recommendResource, text(in.JobName))
	}, (*Service).describeInferenceRecommendationsJob)
	_ = api.Define(operations, "ListInferenceRecommendationsJobs", func(*api.Call, *sagemaker.ListInferenceRecommendationsJobsRequest) []api.Check {
		return mayList("ListInferenceRecommendationsJobs")
	}, (*Service).listInferenceRecommendationsJobs)
	_ = api.Define(operations, "ListInferenceRecommendationsJobSteps", func(c *api.Call, in *sagemaker.ListInferenceRecommendationsJobStepsRequest) []api.Check {
		return may(c, "ListInferenceRecommendationsJobSteps", recommendResource, text(in.JobName))
	}, (*Service).listInferenceRecommendationsJobSteps)
	_ = api.Define(operations, "StopInferenceRecommendationsJob", func(c *api.Call, in *sagemaker.StopInferenceRecommendationsJobRequest) []api.Check {
		return may(c, "StopInferenceRecommendationsJob", recommendResource, text(in.JobName))
	}, (*Service).stopInferenceRecommendationsJob)
)

// findRecommend finds a job of the caller's.
func findRecommend(tx *store.Tx, c *api.Call, name *string) (key string, j *recommendJob, err error) {
	key = store.Key(c.Account(), lower(text(name)))
	j, err = recommendJobs.Get(tx, key)
	if err == nil && j == nil {
		err = noRecommendJob(text(name))
	}
	return key, j, err
}

func (s *Service) recommendJob(ctx context.Context, c *api.Call, name *string) (j *recommendJob, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		_, j, err = findRecommend(tx, c, name)
		return err
	})
	return j, err
}

func (s *Service) describeInferenceRecommendationsJob(ctx context.Context, c *api.Call, in *sagemaker.DescribeInferenceRecommendationsJobRequest) (*sagemaker.DescribeInferenceRecommendationsJobResponse, error) {
	j, err := s.recommendJob(ctx, c, in.JobName)
	if err != nil {
		return nil, err
	}
	r := &j.Request
	out := &sagemaker.DescribeInferenceRecommendationsJobResponse{
		JobName: r.JobName, JobDescription: r.JobDescription, JobType: r.JobType, JobArn: &j.ARN, RoleArn: r.RoleArn, Status: new(j.status()),
		CreationTime: stamp(j.Created), CompletionTime: j.completion(), LastModifiedTime: stamp(j.Modified),
		InputConfig: r.InputConfig, StoppingConditions: r.StoppingConditions,
	}
	if j.FailureReason != "" {
		out.FailureReason = &j.FailureReason
	}
	for i := range j.Tests {
		if t := &j.Tests[i]; t.Best != nil {
			out.InferenceRecommendations = append(out.InferenceRecommendations, sagemaker.InferenceRecommendation{
				RecommendationId: &t.ID, Metrics: metrics(t.Best), EndpointConfiguration: j.endpoint(i), ModelConfiguration: t.model(),
				InvocationStartTime: at(t.Begun), InvocationEndTime: at(t.Ended),
			})
		}
	}
	slices.SortStableFunc(out.InferenceRecommendations, func(a, b sagemaker.InferenceRecommendation) int {
		return int(*b.Metrics.MaxInvocations) - int(*a.Metrics.MaxInvocations)
	})
	return out, nil
}

// completion is when the job ended, nil before.
func (j *recommendJob) completion() *time.Time {
	if !j.settled() {
		return nil
	}
	return stamp(j.Modified)
}

// metrics are what was measured; nobody is charged here, so there is no cost.
func metrics(w *load.Window) *sagemaker.RecommendationMetrics {
	m := &sagemaker.RecommendationMetrics{
		MaxInvocations: new(int32(min(w.PerMinute, math.MaxInt32))), ModelLatency: new(int32(math.Ceil(float64(w.Latency) / float64(time.Millisecond)))),
	}
	if w.CPU != nil && w.Memory != nil {
		m.CpuUtilization, m.MemoryUtilization = new(float32(*w.CPU)), new(float32(*w.Memory))
	}
	return m
}

func (j *recommendJob) endpoint(host int) *sagemaker.EndpointOutputConfiguration {
	h := &j.Hosts[host]
	return &sagemaker.EndpointOutputConfiguration{EndpointName: &h.Name, VariantName: new("AllTraffic"), InstanceType: &h.Type, InitialInstanceCount: new(int32(1))}
}

func (t *loadTest) model() *sagemaker.ModelConfiguration {
	out := &sagemaker.ModelConfiguration{}
	for i := range t.Environment {
		v := &t.Environment[i]
		out.EnvironmentParameters = append(out.EnvironmentParameters, sagemaker.EnvironmentParameter{Key: &v.Name, ValueType: new("string"), Value: &v.Value})
	}
	return out
}

func (s *Service) listInferenceRecommendationsJobs(ctx context.Context, c *api.Call, in *sagemaker.ListInferenceRecommendationsJobsRequest) (*sagemaker.ListInferenceRecommendationsJobsResponse, error) {
	out := &sagemaker.ListInferenceRecommendationsJobsResponse{InferenceRecommendationsJobs: []sagemaker.InferenceRecommendationsJob{}}
	q := &query{
		operation: fmt.Sprintf("ListInferenceRecommendationsJobs %s %s", lower(text(in.ModelNameEquals)), text(in.ModelPackageVersionArnEquals)),
		account:   c.Account(), nameContains: text(in.NameContains), status: text(in.StatusEquals),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore,
		modifiedAfter: in.LastModifiedTimeAfter, modifiedBefore: in.LastModifiedTimeBefore,
		sortBy: in.SortBy, sortOrder: in.SortOrder, nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := recommendJobs.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(j *recommendJob) bool {
			of := text(in.ModelNameEquals)
			return text(in.ModelPackageVersionArnEquals) != "" || of != "" && lower(of) != lower(text(j.Request.InputConfig.ModelName))
		})
		page, next, err := paged(q, all, func(j *recommendJob) entry {
			return entry{j.name(), j.status(), j.Created, j.Modified}
		})
		out.NextToken = next
		for _, j := range page {
			out.InferenceRecommendationsJobs = append(out.InferenceRecommendationsJobs, j.summary())
		}
		return err
	})
	return out, err
}

func (j *recommendJob) summary() sagemaker.InferenceRecommendationsJob {
	r := &j.Request
	one := sagemaker.InferenceRecommendationsJob{
		JobName: r.JobName, JobDescription: new(text(r.JobDescription)), JobType: r.JobType, JobArn: &j.ARN, Status: new(j.status()), RoleArn: r.RoleArn,
		CreationTime: stamp(j.Created), CompletionTime: j.completion(), LastModifiedTime: stamp(j.Modified),
		ModelName: r.InputConfig.ModelName, SamplePayloadUrl: r.InputConfig.ContainerConfig.PayloadConfig.SamplePayloadUrl,
	}
	if j.FailureReason != "" {
		one.FailureReason = &j.FailureReason
	}
	return one
}

func (s *Service) listInferenceRecommendationsJobSteps(ctx context.Context, c *api.Call, in *sagemaker.ListInferenceRecommendationsJobStepsRequest) (*sagemaker.ListInferenceRecommendationsJobStepsResponse, error) {
	j, err := s.recommendJob(ctx, c, in.JobName)
	if err != nil {
		return nil, err
	}
	q := &query{
		operation: "ListInferenceRecommendationsJobSteps " + j.ARN, account: c.Account(), status: text(in.Status),
		sortBy: new("Name"), sortOrder: new("Ascending"), nextToken: in.NextToken, maxResults: in.MaxResults,
	}
	steps := []*step{}
	for i := range j.Tests {
		steps = append(steps, &step{i, &j.Tests[i]})
	}
	page, next, err := paged(q, steps, func(st *step) entry {
		return entry{fmt.Sprintf("%04d", st.host), j.statusOf(st.test), j.Created, j.Modified}
	})
	if err != nil {
		return nil, err
	}
	out := &sagemaker.ListInferenceRecommendationsJobStepsResponse{Steps: []sagemaker.InferenceRecommendationsJobStep{}, NextToken: next}
	for _, st := range page {
		out.Steps = append(out.Steps, j.step(st))
	}
	return out, nil
}

// step is a test as a list shows it.
type step struct {
	host int
	test *loadTest
}

func (j *recommendJob) step(st *step) sagemaker.InferenceRecommendationsJobStep {
	t := st.test
	b := &sagemaker.RecommendationJobInferenceBenchmark{
		EndpointConfiguration: j.endpoint(st.host), ModelConfiguration: t.model(), InvocationStartTime: at(t.Begun), InvocationEndTime: at(t.Ended),
	}
	switch {
	case t.Best != nil:
		b.Metrics = metrics(t.Best)
	case t.Failure != "":
		b.FailureReason = &t.Failure
	case j.Status == failed:
		b.FailureReason = &j.FailureReason
	}
	return sagemaker.InferenceRecommendationsJobStep{StepType: new("BENCHMARK"), JobName: j.Request.JobName, Status: new(j.statusOf(t)), InferenceBenchmark: b}
}

// stopInferenceRecommendationsJob asks; asking again changes nothing.
func (s *Service) stopInferenceRecommendationsJob(ctx context.Context, c *api.Call, in *sagemaker.StopInferenceRecommendationsJobRequest) (*struct{}, error) {
	return &struct{}{}, s.DB.Update(ctx, func(tx *store.Tx) error {
		key, j, err := findRecommend(tx, c, in.JobName)
		switch {
		case err != nil:
			return err
		case j.settled():
			return validation.New("The request was rejected because the inference recommendations job is in status %s.", j.status())
		}
		return s.halt(tx, recommendKind, key, j)
	})
}
