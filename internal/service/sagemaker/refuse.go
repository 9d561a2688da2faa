package sagemaker

import "cloister/internal/value/shape/sagemaker"

// refusal is a field whose effect does not exist here, and whether a request asks for it.
type refusal struct {
	field string
	asked bool
}

// refuse names the first field that is asked for and has no effect.
func refuse(fields ...refusal) error {
	for _, f := range fields {
		if f.asked {
			return validation.New("%s is not supported by this installation.", f.field)
		}
	}
	return nil
}

// refuseTraining goes through what CreateTrainingJob can ask for.
func refuseTraining(in *sagemaker.CreateTrainingJobRequest) error {
	if err := refuse(
		refusal{"EnableManagedSpotTraining", flag(in.EnableManagedSpotTraining)},
		refusal{"CheckpointConfig", in.CheckpointConfig != nil},
		refusal{"DebugHookConfig", in.DebugHookConfig != nil},
		refusal{"DebugRuleConfigurations", len(in.DebugRuleConfigurations) > 0},
		refusal{"TensorBoardOutputConfig", in.TensorBoardOutputConfig != nil},
		refusal{"ExperimentConfig", in.ExperimentConfig != nil},
		refusal{"ProfilerConfig", in.ProfilerConfig != nil && !flag(in.ProfilerConfig.DisableProfiler)},
		refusal{"ProfilerRuleConfigurations", len(in.ProfilerRuleConfigurations) > 0},
		refusal{"RetryStrategy", in.RetryStrategy != nil},
		refusal{"RemoteDebugConfig", in.RemoteDebugConfig != nil && flag(in.RemoteDebugConfig.EnableRemoteDebug)},
		refusal{"InfraCheckConfig", in.InfraCheckConfig != nil && flag(in.InfraCheckConfig.EnableInfraCheck)},
		refusal{"SessionChainingConfig", in.SessionChainingConfig != nil},
		refusal{"ServerlessJobConfig", in.ServerlessJobConfig != nil},
		refusal{"MlflowConfig", in.MlflowConfig != nil},
		refusal{"ModelPackageConfig", in.ModelPackageConfig != nil},
		refusal{"StoppingCondition.MaxWaitTimeInSeconds", in.StoppingCondition != nil && in.StoppingCondition.MaxWaitTimeInSeconds != nil},
	); err != nil {
		return err
	}
	if err := refuseAlgorithm(in.AlgorithmSpecification); err != nil {
		return err
	}
	if err := refuseResources(in.ResourceConfig, in.OutputDataConfig); err != nil {
		return err
	}
	for i := range in.InputDataConfig {
		if err := refuseChannel(&in.InputDataConfig[i]); err != nil {
			return err
		}
	}
	return nil
}

func refuseAlgorithm(a *sagemaker.AlgorithmSpecification) error {
	if a == nil {
		return validation.New("AlgorithmSpecification is required.")
	}
	config := a.TrainingImageConfig
	if err := refuse(
		refusal{"AlgorithmSpecification.AlgorithmName", a.AlgorithmName != nil},
		refusal{"AlgorithmSpecification.TrainingInputMode " + text(a.TrainingInputMode), text(orText(a.TrainingInputMode, file)) != file},
		refusal{"AlgorithmSpecification.MetricDefinitions", len(a.MetricDefinitions) > 0},
		refusal{"AlgorithmSpecification.EnableSageMakerMetricsTimeSeries", flag(a.EnableSageMakerMetricsTimeSeries)},
		refusal{"AlgorithmSpecification.TrainingImageConfig", config != nil && text(config.TrainingRepositoryAccessMode) != "Platform"},
	); err != nil {
		return err
	}
	if text(a.TrainingImage) == "" {
		return validation.New("AlgorithmSpecification.TrainingImage is required.")
	}
	return nil
}

func refuseResources(r *sagemaker.ResourceConfig, o *sagemaker.OutputDataConfig) error {
	if r == nil || text(r.InstanceType) == "" {
		return validation.New("ResourceConfig.InstanceType is required.")
	}
	return refuse(
		refusal{"ResourceConfig.InstanceCount above 1", number(r.InstanceCount, 1) != 1},
		refusal{"ResourceConfig.VolumeKmsKeyId", text(r.VolumeKmsKeyId) != ""},
		refusal{"ResourceConfig.KeepAlivePeriodInSeconds", number(r.KeepAlivePeriodInSeconds, 0) != 0},
		refusal{"ResourceConfig.InstanceGroups", len(r.InstanceGroups) > 0},
		refusal{"ResourceConfig.TrainingPlanArn", r.TrainingPlanArn != nil},
		refusal{"ResourceConfig.InstancePlacementConfig", r.InstancePlacementConfig != nil},
		refusal{"OutputDataConfig.KmsKeyId", o != nil && text(o.KmsKeyId) != ""},
		refusal{"OutputDataConfig.CompressionType NONE", o != nil && text(o.CompressionType) == "NONE"},
	)
}

const file = "File"

func refuseChannel(c *sagemaker.Channel) error {
	name := "InputDataConfig channel " + text(c.ChannelName) + ": "
	d := c.DataSource
	if d == nil || d.S3DataSource == nil && d.FileSystemDataSource == nil && d.DatasetSource == nil {
		return validation.New("%sDataSource.S3DataSource is required.", name)
	}
	if err := refuse(
		refusal{name + "FileSystemDataSource", d.FileSystemDataSource != nil},
		refusal{name + "DatasetSource", d.DatasetSource != nil},
		refusal{name + "InputMode " + text(c.InputMode), text(orText(c.InputMode, file)) != file},
		refusal{name + "CompressionType Gzip in File mode", text(orText(c.CompressionType, "None")) != "None"},
		refusal{name + "RecordWrapperType RecordIO in File mode", text(orText(c.RecordWrapperType, "None")) != "None"},
		refusal{name + "ShuffleConfig in File mode", c.ShuffleConfig != nil},
	); err != nil {
		return err
	}
	s := d.S3DataSource
	if _, _, ok := splitS3(text(s.S3Uri)); !ok {
		return validation.New("%sS3Uri %q is not an S3 URI.", name, text(s.S3Uri))
	}
	kind := text(s.S3DataType)
	return refuse(
		refusal{name + "S3DataType " + kind, kind != "S3Prefix" && kind != "ManifestFile"},
		refusal{name + "AttributeNames", len(s.AttributeNames) > 0},
		refusal{name + "InstanceGroupNames", len(s.InstanceGroupNames) > 0},
		refusal{name + "ModelAccessConfig", s.ModelAccessConfig != nil},
		refusal{name + "HubAccessConfig", s.HubAccessConfig != nil},
	)
}
