package sagemaker

// told is one row of the table: which condition key requests of which actions carry, and where in a
// request it stands. A "*" is any member; "[]" each element of a list. A mark after "|" says how the value
// is made from what stands there.
type told struct{ key, actions, paths string }

// The actions that AWS's reference lists together.
const (
	definitions = "CreateDataQualityJobDefinition CreateModelBiasJobDefinition CreateModelExplainabilityJobDefinition CreateModelQualityJobDefinition"
	schedules   = "CreateMonitoringSchedule UpdateMonitoringSchedule"
	schedule    = "MonitoringScheduleConfig.MonitoringJobDefinition."
	domains     = "CreateDomain UpdateDomain"
	profiles    = "CreateUserProfile UpdateUserProfile"
	spaces      = "CreateSpace UpdateSpace"
	notebooks   = "CreateNotebookInstance UpdateNotebookInstance"
	clusters    = "CreateCluster UpdateCluster"
	tuning      = "CreateHyperParameterTuningJob"
	deep, flat  = "TrainingJobDefinitions[].", "TrainingJobDefinition."
)

// keyTable is the whole of it, also for operations that are not served yet: whoever defines one asks by
// telling. A member that is absent leaves its key absent, as on AWS. Keys that tell of
// records and not of requests (OwnerUserProfileArn, CurrentModelLifeCycleStage, WorkteamType and the like)
// come with their operations.
var keyTable = []told{
	{"VpcSubnets", "CreateTrainingJob CreateModel CreateEndpointConfig", "VpcConfig.Subnets"},
	{"VpcSubnets", "CreateProcessingJob " + definitions, "NetworkConfig.VpcConfig.Subnets"},
	{"VpcSubnets", tuning, flat + "VpcConfig.Subnets " + deep + "VpcConfig.Subnets"},
	{"VpcSubnets", "CreateAutoMLJob", "AutoMLJobConfig.SecurityConfig.VpcConfig.Subnets"},
	{"VpcSubnets", "CreateAutoMLJobV2", "SecurityConfig.VpcConfig.Subnets"},
	{"VpcSubnets", schedules, schedule + "NetworkConfig.VpcConfig.Subnets"},
	{"VpcSubnets", domains, "SubnetIds"},
	{"VpcSubnets", "CreateCluster", "VpcConfig.Subnets"},
	{"VpcSubnets", clusters, "InstanceGroups[].OverrideVpcConfig.Subnets RestrictedInstanceGroups[].OverrideVpcConfig.Subnets"},
	{"VpcSubnets", "CreateNotebookInstance", "SubnetId"},

	{"VpcSecurityGroupIds", "CreateTrainingJob CreateModel CreateEndpointConfig", "VpcConfig.SecurityGroupIds"},
	{"VpcSecurityGroupIds", "CreateProcessingJob " + definitions, "NetworkConfig.VpcConfig.SecurityGroupIds"},
	{"VpcSecurityGroupIds", tuning, flat + "VpcConfig.SecurityGroupIds " + deep + "VpcConfig.SecurityGroupIds"},
	{"VpcSecurityGroupIds", "CreateAutoMLJob", "AutoMLJobConfig.SecurityConfig.VpcConfig.SecurityGroupIds"},
	{"VpcSecurityGroupIds", "CreateAutoMLJobV2", "SecurityConfig.VpcConfig.SecurityGroupIds"},
	{"VpcSecurityGroupIds", schedules, schedule + "NetworkConfig.VpcConfig.SecurityGroupIds"},
	{"VpcSecurityGroupIds", domains, "DefaultUserSettings.SecurityGroups"},
	{"VpcSecurityGroupIds", "CreateCluster", "VpcConfig.SecurityGroupIds"},
	{"VpcSecurityGroupIds", clusters, "InstanceGroups[].OverrideVpcConfig.SecurityGroupIds RestrictedInstanceGroups[].OverrideVpcConfig.SecurityGroupIds"},
	{"VpcSecurityGroupIds", "CreateNotebookInstance", "SecurityGroupIds"},
	{"VpcSecurityGroupIds", profiles, "UserSettings.SecurityGroups"},

	{"NetworkIsolation", "CreateTrainingJob CreateModel CreateEndpointConfig", "EnableNetworkIsolation"},
	{"NetworkIsolation", "CreateProcessingJob " + definitions, "NetworkConfig.EnableNetworkIsolation"},
	{"NetworkIsolation", tuning, flat + "EnableNetworkIsolation " + deep + "EnableNetworkIsolation"},
	{"NetworkIsolation", schedules, schedule + "NetworkConfig.EnableNetworkIsolation"},

	{"InterContainerTrafficEncryption", "CreateTrainingJob", "EnableInterContainerTrafficEncryption"},
	{"InterContainerTrafficEncryption", "CreateProcessingJob " + definitions, "NetworkConfig.EnableInterContainerTrafficEncryption"},
	{"InterContainerTrafficEncryption", tuning, flat + "EnableInterContainerTrafficEncryption " + deep + "EnableInterContainerTrafficEncryption"},
	{"InterContainerTrafficEncryption", "CreateAutoMLJob", "AutoMLJobConfig.SecurityConfig.EnableInterContainerTrafficEncryption"},
	{"InterContainerTrafficEncryption", "CreateAutoMLJobV2", "SecurityConfig.EnableInterContainerTrafficEncryption"},
	{"InterContainerTrafficEncryption", schedules, schedule + "NetworkConfig.EnableInterContainerTrafficEncryption"},

	{"InstanceTypes", "CreateTrainingJob", "ResourceConfig.InstanceType ResourceConfig.InstanceGroups[].InstanceType " +
		"DebugRuleConfigurations[].InstanceType ProfilerRuleConfigurations[].InstanceType"},
	{"InstanceTypes", "UpdateTrainingJob", "ProfilerRuleConfigurations[].InstanceType"},
	{"InstanceTypes", "CreateProcessingJob", "ProcessingResources.ClusterConfig.InstanceType"},
	{"InstanceTypes", tuning, flat + "ResourceConfig.InstanceType " + flat + "ResourceConfig.InstanceGroups[].InstanceType " +
		flat + "HyperParameterTuningResourceConfig.InstanceType " + flat + "HyperParameterTuningResourceConfig.InstanceConfigs[].InstanceType " +
		deep + "ResourceConfig.InstanceType " + deep + "ResourceConfig.InstanceGroups[].InstanceType " +
		deep + "HyperParameterTuningResourceConfig.InstanceType " + deep + "HyperParameterTuningResourceConfig.InstanceConfigs[].InstanceType"},
	{"InstanceTypes", "CreateEndpointConfig", "ProductionVariants[].InstanceType ProductionVariants[].InstancePools[].InstanceType " +
		"ShadowProductionVariants[].InstanceType ShadowProductionVariants[].InstancePools[].InstanceType"},
	{"InstanceTypes", definitions, "JobResources.ClusterConfig.InstanceType"},
	{"InstanceTypes", schedules, schedule + "MonitoringResources.ClusterConfig.InstanceType"},
	{"InstanceTypes", notebooks, "InstanceType"},
	{"InstanceTypes", "CreateTransformJob", "TransformResources.InstanceType"},
	{"InstanceTypes", clusters, "InstanceGroups[].InstanceType InstanceGroups[].InstanceRequirements.InstanceTypes RestrictedInstanceGroups[].InstanceType"},
	{"InstanceTypes", "CreateApp", "ResourceSpec.InstanceType"},
	{"InstanceTypes", domains, "DefaultUserSettings.*.DefaultResourceSpec.InstanceType"},
	{"InstanceTypes", profiles, "UserSettings.*.DefaultResourceSpec.InstanceType"},
	{"InstanceTypes", spaces, "SpaceSettings.*.DefaultResourceSpec.InstanceType"},

	{"MaxRuntimeInSeconds", "CreateTrainingJob CreateProcessingJob " + definitions, "StoppingCondition.MaxRuntimeInSeconds"},
	{"MaxRuntimeInSeconds", tuning, flat + "StoppingCondition.MaxRuntimeInSeconds " + deep + "StoppingCondition.MaxRuntimeInSeconds"},
	{"MaxRuntimeInSeconds", schedules, schedule + "StoppingCondition.MaxRuntimeInSeconds"},
	{"KeepAlivePeriod", "CreateTrainingJob UpdateTrainingJob", "ResourceConfig.KeepAlivePeriodInSeconds"},
	{"EnableRemoteDebug", "CreateTrainingJob UpdateTrainingJob", "RemoteDebugConfig.EnableRemoteDebug"},

	{"VolumeKmsKey", "CreateTrainingJob", "ResourceConfig.VolumeKmsKeyId"},
	{"VolumeKmsKey", "CreateProcessingJob", "ProcessingResources.ClusterConfig.VolumeKmsKeyId"},
	{"VolumeKmsKey", tuning, flat + "ResourceConfig.VolumeKmsKeyId " + deep + "ResourceConfig.VolumeKmsKeyId"},
	{"VolumeKmsKey", "CreateAutoMLJob", "AutoMLJobConfig.SecurityConfig.VolumeKmsKeyId"},
	{"VolumeKmsKey", "CreateAutoMLJobV2", "SecurityConfig.VolumeKmsKeyId"},
	{"VolumeKmsKey", "CreateEndpointConfig CreateNotebookInstance CreateDomain", "KmsKeyId"},
	{"VolumeKmsKey", definitions, "JobResources.ClusterConfig.VolumeKmsKeyId"},
	{"VolumeKmsKey", schedules, schedule + "MonitoringResources.ClusterConfig.VolumeKmsKeyId"},
	{"VolumeKmsKey", "CreateTransformJob", "TransformResources.VolumeKmsKeyId"},
	{"VolumeKmsKey", "CreateLabelingJob", "LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VolumeKmsKeyId"},

	{"OutputKmsKey", "CreateTrainingJob CreateAutoMLJob CreateAutoMLJobV2", "OutputDataConfig.KmsKeyId"},
	{"OutputKmsKey", "CreateProcessingJob", "ProcessingOutputConfig.KmsKeyId"},
	{"OutputKmsKey", tuning, flat + "OutputDataConfig.KmsKeyId " + deep + "OutputDataConfig.KmsKeyId"},
	{"OutputKmsKey", definitions, "*.KmsKeyId"},
	{"OutputKmsKey", schedules, schedule + "MonitoringOutputConfig.KmsKeyId"},
	{"OutputKmsKey", "CreateTransformJob", "TransformOutput.KmsKeyId"},
	{"OutputKmsKey", "CreateLabelingJob", "OutputConfig.KmsKeyId"},

	{"DirectInternetAccess", "CreateNotebookInstance", "DirectInternetAccess"},
	{"RootAccess", notebooks, "RootAccess"},
	{"MinimumInstanceMetadataServiceVersion", notebooks, "InstanceMetadataServiceConfiguration.MinimumInstanceMetadataServiceVersion"},
	{"NotebookInstanceLifecycleConfigArns", notebooks, "LifecycleConfigName|notebook-instance-lifecycle-config"},
	{"AppNetworkAccessType", domains, "AppNetworkAccessType"},
	{"DomainSharingOutputKmsKey", domains, "DefaultUserSettings.SharingSettings.S3KmsKeyId"},
	{"DomainSharingOutputKmsKey", profiles, "UserSettings.SharingSettings.S3KmsKeyId"},

	{"ImageArns", "CreateApp", "ResourceSpec.SageMakerImageArn"},
	{"ImageArns", domains, "DefaultUserSettings.*.DefaultResourceSpec.SageMakerImageArn"},
	{"ImageArns", profiles, "UserSettings.*.DefaultResourceSpec.SageMakerImageArn"},
	{"ImageArns", spaces, "SpaceSettings.*.DefaultResourceSpec.SageMakerImageArn"},
	{"ImageVersionArns", "CreateApp", "ResourceSpec.SageMakerImageVersionArn"},
	{"ImageVersionArns", domains, "DefaultUserSettings.*.DefaultResourceSpec.SageMakerImageVersionArn"},
	{"ImageVersionArns", profiles, "UserSettings.*.DefaultResourceSpec.SageMakerImageVersionArn"},
	{"ImageVersionArns", spaces, "SpaceSettings.*.DefaultResourceSpec.SageMakerImageVersionArn"},
	{"StudioLifecycleConfigArns", "CreateApp", "ResourceSpec.LifecycleConfigArn"},
	{"StudioLifecycleConfigArns", domains, "DefaultUserSettings.*.LifecycleConfigArns DefaultUserSettings.*.DefaultResourceSpec.LifecycleConfigArn"},
	{"StudioLifecycleConfigArns", profiles, "UserSettings.*.LifecycleConfigArns UserSettings.*.DefaultResourceSpec.LifecycleConfigArn"},
	{"StudioLifecycleConfigArns", spaces, "SpaceSettings.*.LifecycleConfigArns SpaceSettings.*.DefaultResourceSpec.LifecycleConfigArn"},
	{"SpaceSharingType", "CreateSpace", "SpaceSharingSettings.SharingType"},
	{"RemoteAccess", spaces, "SpaceSettings.RemoteAccess"},

	{"AcceleratorTypes", "CreateEndpointConfig", "ProductionVariants[].AcceleratorType ShadowProductionVariants[].AcceleratorType"},
	{"AcceleratorTypes", notebooks, "AcceleratorTypes"},
	{"ModelArn", "CreateEndpointConfig", "ProductionVariants[].ModelName|model ProductionVariants[].InstancePools[].ModelNameOverride|model " +
		"ShadowProductionVariants[].ModelName|model ShadowProductionVariants[].InstancePools[].ModelNameOverride|model"},
	{"ModelArn", "CreateInferenceComponent", "Specification.ModelName|model Specifications[].ModelName|model"},
	{"ModelArn", "CreateTransformJob", "ModelName|model"},
	{"ServerlessMaxConcurrency", "CreateEndpointConfig", "ProductionVariants[].ServerlessConfig.MaxConcurrency ShadowProductionVariants[].ServerlessConfig.MaxConcurrency"},
	{"ServerlessMemorySize", "CreateEndpointConfig", "ProductionVariants[].ServerlessConfig.MemorySizeInMB ShadowProductionVariants[].ServerlessConfig.MemorySizeInMB"},
	{"DirectGatedModelAccess", "CreateTrainingJob", "InputDataConfig[].DataSource.S3DataSource|gated"},
	{"DirectGatedModelAccess", "CreateModel", "PrimaryContainer.ModelDataSource.S3DataSource|gated PrimaryContainer.AdditionalModelDataSources[].S3DataSource|gated " +
		"Containers[].ModelDataSource.S3DataSource|gated Containers[].AdditionalModelDataSources[].S3DataSource|gated"},
	{"FileSystemAccessMode", "CreateTrainingJob", fileSystem + "FileSystemAccessMode"},
	{"FileSystemAccessMode", tuning, flat + fileSystem + "FileSystemAccessMode " + deep + fileSystem + "FileSystemAccessMode"},
	{"FileSystemDirectoryPath", "CreateTrainingJob", fileSystem + "DirectoryPath"},
	{"FileSystemDirectoryPath", tuning, flat + fileSystem + "DirectoryPath " + deep + fileSystem + "DirectoryPath"},
	{"FileSystemId", "CreateTrainingJob", fileSystem + "FileSystemId"},
	{"FileSystemId", tuning, flat + fileSystem + "FileSystemId " + deep + fileSystem + "FileSystemId"},
	{"FileSystemType", "CreateTrainingJob", fileSystem + "FileSystemType"},
	{"FileSystemType", tuning, flat + fileSystem + "FileSystemType " + deep + fileSystem + "FileSystemType"},

	{"FeatureGroupDisableGlueTableCreation", "CreateFeatureGroup", "OfflineStoreConfig.DisableGlueTableCreation"},
	{"FeatureGroupEnableOnlineStore", "CreateFeatureGroup", "OnlineStoreConfig.EnableOnlineStore"},
	{"FeatureGroupOfflineStoreConfig", "CreateFeatureGroup", "OfflineStoreConfig|present"},
	{"FeatureGroupOfflineStoreKmsKey", "CreateFeatureGroup", "OfflineStoreConfig.S3StorageConfig.KmsKeyId"},
	{"FeatureGroupOnlineStoreKmsKey", "CreateFeatureGroup", "OnlineStoreConfig.SecurityConfig.KmsKeyId"},
	{"FeatureGroupOfflineStoreS3Uri", "CreateFeatureGroup", "OfflineStoreConfig.S3StorageConfig.S3Uri"},
	{"CustomerMetadataProperties/", "CreateModelPackage UpdateModelPackage", "CustomerMetadataProperties"},
	{"CustomerMetadataPropertiesToRemove", "UpdateModelPackage", "CustomerMetadataPropertiesToRemove"},
	{"ModelApprovalStatus", "CreateModelPackage UpdateModelPackage", "ModelApprovalStatus"},
	{"ModelLifeCycle:Stage", "CreateModelPackage UpdateModelPackage", "ModelLifeCycle.Stage"},
	{"ModelLifeCycle:StageStatus", "CreateModelPackage UpdateModelPackage", "ModelLifeCycle.StageStatus"},
	{"PipelineVersionId", "DescribePipeline StartPipelineExecution UpdatePipelineVersion", "PipelineVersionId"},
	{"WorkteamArn", "CreateFlowDefinition", "HumanLoopConfig.WorkteamArn"},
	{"WorkteamArn", "CreateLabelingJob", "HumanTaskConfig.WorkteamArn"},
}

// fileSystem leads to a file system in a training job's request.
const fileSystem = "InputDataConfig[].DataSource.FileSystemDataSource."
