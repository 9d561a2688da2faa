package sagemaker

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateTrainingJob", createTrainingJobChecks, (*Service).createTrainingJob)

func createTrainingJobChecks(c *api.Call, in *sagemaker.CreateTrainingJobRequest) []api.Check {
	checks := telling(c, "CreateTrainingJob", "training-job", text(in.TrainingJobName), in)
	return tagging(passing(c, checks, in.RoleArn), in.Tags)
}

func (s *Service) createTrainingJob(ctx context.Context, c *api.Call, in *sagemaker.CreateTrainingJobRequest) (*sagemaker.CreateTrainingJobResponse, error) {
	if err := s.validTraining(c, in); err != nil {
		return nil, err
	}
	key := store.Key(c.Account(), lower(text(in.TrainingJobName)))
	// Asked before the role is: a second request with the name must not depend on the role.
	if err := s.DB.View(ctx, func(tx *store.Tx) error { return freeJobName(tx, key) }); err != nil {
		return nil, err
	}
	job := &trainingJob{
		jobState: newJob(c, "tj", resource(c, "training-job", text(in.TrainingJobName))), Request: completeTraining(in),
	}
	for _, g := range groupsOf(in.ResourceConfig) {
		for range *g.InstanceCount {
			job.addHost(text(g.InstanceGroupName), text(g.InstanceType))
		}
	}
	x, err := s.takeRole(ctx, job.errand(), noTrainingRole)
	if err == nil {
		err = s.findData(ctx, x, text(in.RoleArn), in.VpcConfig, in.InputDataConfig)
	}
	if err != nil {
		return nil, err
	}
	err = s.DB.UpdateShared(ctx, func(tx *store.Tx) error {
		if err := freeJobName(tx, key); err != nil {
			return err
		}
		if err := putTags(tx, job.ARN, in.Tags); err != nil {
			return err
		}
		if err := s.reuse(tx, job); err != nil {
			return err
		}
		return s.begin(tx, trainingKind, key, job)
	})
	if err != nil {
		return nil, err
	}
	return &sagemaker.CreateTrainingJobResponse{TrainingJobArn: &job.ARN}, nil
}

func (s *Service) validTraining(c *api.Call, in *sagemaker.CreateTrainingJobRequest) error {
	if err := refuseTraining(in); err != nil {
		return err
	}
	if err := ownRole(c.Account(), text(in.RoleArn)); err != nil {
		return err
	}
	if err := s.validGroups(in); err != nil {
		return err
	}
	if _, err := metricRules(in.AlgorithmSpecification.MetricDefinitions); err != nil {
		return err
	}
	if in.OutputDataConfig == nil {
		return validation.New("OutputDataConfig is required.")
	}
	if _, _, ok := splitS3(text(in.OutputDataConfig.S3OutputPath)); !ok {
		return validation.New("OutputDataConfig.S3OutputPath %q is not an S3 URI.", text(in.OutputDataConfig.S3OutputPath))
	}
	seen := map[string]bool{}
	for _, ch := range in.InputDataConfig {
		name := text(ch.ChannelName)
		if seen[name] {
			return validation.New("Channel names must be unique: %s appears more than once.", name)
		}
		if name == "" || name == "." || name == ".." {
			return validation.New("%q is not a channel name.", name)
		}
		seen[name] = true
	}
	return nil
}

func freeJobName(tx *store.Tx, key string) error {
	old, err := trainingJobs.Get(tx, key)
	if err != nil || old == nil {
		return err
	}
	return resourceInUse.New("Training job names must be unique within an AWS account and region, and a training job with this name already exists (%s)", old.ARN)
}

// usualRuntime is how many seconds a job may run if the request does not say, longestRuntime how many it may say: 28 days.
const (
	usualRuntime   = 86400
	longestRuntime = 28 * 86400
)

// completeTraining is the request with what AWS fills in.
func completeTraining(in *sagemaker.CreateTrainingJobRequest) sagemaker.CreateTrainingJobRequest {
	r := *in
	r.Tags = nil // they have a record of their own
	r.StoppingCondition = completeStopping(in.StoppingCondition)
	out := *in.OutputDataConfig
	out.KmsKeyId = new(text(out.KmsKeyId))
	r.OutputDataConfig = &out
	res := *in.ResourceConfig
	if len(res.InstanceGroups) == 0 {
		res.InstanceCount = new(number(res.InstanceCount, 1))
	}
	r.ResourceConfig = &res
	r.EnableNetworkIsolation = new(flag(in.EnableNetworkIsolation))
	r.EnableInterContainerTrafficEncryption = new(flag(in.EnableInterContainerTrafficEncryption))
	r.EnableManagedSpotTraining = new(flag(in.EnableManagedSpotTraining))
	if in.CheckpointConfig != nil {
		r.CheckpointConfig = &sagemaker.CheckpointConfig{S3Uri: in.CheckpointConfig.S3Uri, LocalPath: orText(in.CheckpointConfig.LocalPath, checkpointPath)}
	}
	r.InputDataConfig = completeChannels(in.InputDataConfig)
	return r
}

func completeStopping(in *sagemaker.StoppingCondition) *sagemaker.StoppingCondition {
	stop := sagemaker.StoppingCondition{}
	if in != nil {
		stop = *in
	}
	stop.MaxRuntimeInSeconds = new(number(stop.MaxRuntimeInSeconds, usualRuntime))
	return &stop
}

func completeChannels(in []sagemaker.Channel) (out []sagemaker.Channel) {
	for _, ch := range in {
		ch.CompressionType, ch.RecordWrapperType = orText(ch.CompressionType, "None"), orText(ch.RecordWrapperType, "None")
		source := *ch.DataSource.S3DataSource
		source.S3DataDistributionType = orText(source.S3DataDistributionType, "FullyReplicated")
		ch.DataSource = &sagemaker.DataSource{S3DataSource: &source}
		out = append(out, ch)
	}
	return out
}

// newID makes the name of a job or instance on this machine.
func newID(kind string) string {
	var b [8]byte
	rand.Read(b[:])
	return kind + "-" + hex.EncodeToString(b[:])
}
