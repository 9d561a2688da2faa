package sagemaker

import (
	"context"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "DescribeTrainingJob", describeTrainingJobChecks, (*Service).describeTrainingJob)

func describeTrainingJobChecks(c *api.Call, in *sagemaker.DescribeTrainingJobRequest) []api.Check {
	return may(c, "DescribeTrainingJob", "training-job", text(in.TrainingJobName))
}

var errNoTrainingJob = validation.New("Requested resource not found.")

func (s *Service) describeTrainingJob(ctx context.Context, c *api.Call, in *sagemaker.DescribeTrainingJobRequest) (*sagemaker.DescribeTrainingJobResponse, error) {
	var job *trainingJob
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		job, err = trainingJobs.Get(tx, store.Key(c.Account(), lower(text(in.TrainingJobName))))
		return err
	})
	if err != nil {
		return nil, err
	}
	if job == nil {
		return nil, errNoTrainingJob
	}
	return job.describe(), nil
}

func (j *trainingJob) describe() *sagemaker.DescribeTrainingJobResponse {
	r := &j.Request
	out := &sagemaker.DescribeTrainingJobResponse{
		TrainingJobName: r.TrainingJobName, TrainingJobArn: &j.ARN, TrainingJobStatus: &j.Status, SecondaryStatus: &j.Secondary,
		HyperParameters: r.HyperParameters, AlgorithmSpecification: r.AlgorithmSpecification, RoleArn: r.RoleArn,
		InputDataConfig: r.InputDataConfig, OutputDataConfig: r.OutputDataConfig, ResourceConfig: r.ResourceConfig,
		VpcConfig: r.VpcConfig, StoppingCondition: r.StoppingCondition, CreationTime: stamp(j.Created), LastModifiedTime: stamp(j.Modified),
		TrainingStartTime: at(j.Started), TrainingEndTime: at(j.Ended), SecondaryStatusTransitions: j.Transitions,
		EnableNetworkIsolation:                r.EnableNetworkIsolation,
		EnableInterContainerTrafficEncryption: r.EnableInterContainerTrafficEncryption,
		CheckpointConfig:                      r.CheckpointConfig,
		WarmPoolStatus:                        j.Warm.shown(),
		EnableManagedSpotTraining:             r.EnableManagedSpotTraining, ProfilerConfig: r.ProfilerConfig, Environment: r.Environment,
	}
	if j.FailureReason != "" {
		out.FailureReason = &j.FailureReason
	}
	out.FinalMetricDataList = j.finalMetrics()
	if j.Tuning != "" {
		out.TuningJobArn = new(sameAccount(j.ARN, "hyper-parameter-tuning-job/"+tuningName(j.Tuning)))
	}
	if j.Artifacts != "" {
		out.ModelArtifacts = &sagemaker.ModelArtifacts{S3ModelArtifacts: &j.Artifacts}
	}
	if j.Started != nil && j.Ended != nil {
		seconds := func(d time.Duration) *int32 { return new(int32(d.Round(time.Second) / time.Second)) }
		out.TrainingTimeInSeconds, out.BillableTimeInSeconds = seconds(j.Ended.Sub(*j.Started)), seconds(j.ran())
	}
	return out
}
