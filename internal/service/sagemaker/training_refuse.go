package sagemaker

import "cloister/internal/value/shape/sagemaker"

// refuseTraining goes through what CreateTrainingJob can ask for.
func refuseTraining(in *sagemaker.CreateTrainingJobRequest) error {
	if err := refuse(
		refusal{"DebugHookConfig", in.DebugHookConfig != nil},
		refusal{"DebugRuleConfigurations", len(in.DebugRuleConfigurations) > 0},
		refusal{"TensorBoardOutputConfig", in.TensorBoardOutputConfig != nil},
		refusal{"ExperimentConfig", in.ExperimentConfig != nil},
		refusal{"ProfilerConfig", in.ProfilerConfig != nil && !flag(in.ProfilerConfig.DisableProfiler)},
		refusal{"ProfilerRuleConfigurations", len(in.ProfilerRuleConfigurations) > 0},
		refusal{"RetryStrategy", in.RetryStrategy != nil},
		refusal{"RemoteDebugConfig", in.RemoteDebugConfig != nil && flag(in.RemoteDebugConfig.EnableRemoteDebug)},
		refusal{"InfraCheckConfig", in.InfraCheckConfig != nil && flag(in.InfraCheckConfig.EnableInfraCheck)},
		refusal{"SessionChainingConfig", in.SessionChainingConfig != nil && flag(in.SessionChainingConfig.EnableSessionTagChaining)},
		refusal{"ServerlessJobConfig", in.ServerlessJobConfig != nil},
		refusal{"MlflowConfig", in.MlflowConfig != nil},
		refusal{"ModelPackageConfig", in.ModelPackageConfig != nil},
	); err != nil {
		return err
	}
	if err := refuseWait(in); err != nil {
		return err
	}
	if err := refusePool(in); err != nil {
		return err
	}
	if err := refuseCheckpoints(in.CheckpointConfig); err != nil {
		return err
	}
	if err := refuseAlgorithm(in.AlgorithmSpecification); err != nil {
		return err
	}
	if err := refuseIsolation(text(in.AlgorithmSpecification.TrainingImage), flag(in.EnableNetworkIsolation)); err != nil {
		return err
	}
	if err := refuseResources(in.ResourceConfig, in.OutputDataConfig); err != nil {
		return err
	}
	for i := range in.InputDataConfig {
		if err := refuseChannel(&in.InputDataConfig[i], in); err != nil {
			return err
		}
	}
	return nil
}

// refuseWait holds the time that a job may run, and may wait for spot instances, against what there is.
func refuseWait(in *sagemaker.CreateTrainingJobRequest) error {
	run, wait := int32(usualRuntime), (*int32)(nil)
	if c := in.StoppingCondition; c != nil {
		run, wait = number(c.MaxRuntimeInSeconds, usualRuntime), c.MaxWaitTimeInSeconds
	}
	switch spot := flag(in.EnableManagedSpotTraining); {
	case run > longestRuntime:
		return validation.New("Invalid MaxRuntimeInSeconds. It must be less than or equal to %d", longestRuntime)
	case !spot && wait != nil:
		return validation.New("Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true")
	case spot && number(wait, 0) < run:
		return validation.New("Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds")
	}
	return nil
}

// refusePool refuses warm pools of instances that cannot be one's.
func refusePool(in *sagemaker.CreateTrainingJobRequest) error {
	r := in.ResourceConfig
	switch {
	case r == nil || number(r.KeepAlivePeriodInSeconds, 0) == 0:
	case flag(in.EnableManagedSpotTraining):
		return validation.New("ResourceConfig.KeepAlivePeriodInSeconds cannot be given together with EnableManagedSpotTraining: managed warm pools cannot be used with spot instances.")
	case len(r.InstanceGroups) > 0:
		return validation.New("ResourceConfig.KeepAlivePeriodInSeconds cannot be given together with InstanceGroups: managed warm pools cannot be used with heterogeneous clusters.")
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
	if r == nil {
		return validation.New("ResourceConfig is required.")
	}
	return refuse(
		refusal{"ResourceConfig.VolumeKmsKeyId", text(r.VolumeKmsKeyId) != ""},
		refusal{"ResourceConfig.TrainingPlanArn", r.TrainingPlanArn != nil},
		refusal{"ResourceConfig.InstancePlacementConfig", r.InstancePlacementConfig != nil},
		refusal{"OutputDataConfig.KmsKeyId", o != nil && text(o.KmsKeyId) != ""},
	)
}
