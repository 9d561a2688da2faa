package sagemaker

import "time"

const (
	training  = "Training"
	uploading = "Uploading"
	starting  = "Starting"
	launching = "LaunchingMLInstances"
)

// plan says how the job is run. The names of the stages are SageMaker's own; LaunchingMLInstances and
// DownloadingTrainingImage no longer show as statuses of their own on AWS, so they show as Starting.
func (j *trainingJob) plan(*Service) jobPlan {
	in, usage := &j.Request, ""
	if flag(in.EnableManagedSpotTraining) {
		usage = "spot training job"
	}
	return jobPlan{
		What: "Training Job " + j.ARN, Noun: "training job", Usage: usage, Role: text(in.RoleArn),
		Image:   text(in.AlgorithmSpecification.TrainingImage),
		NoImage: "ClientError: Cannot find the training image {image}. Please check that the image exists and that the role {role} may pull it.",
		VPC:     in.VpcConfig, Isolated: flag(in.EnableNetworkIsolation), Encrypted: flag(in.EnableInterContainerTrafficEncryption),
		Volume: number(in.ResourceConfig.VolumeSizeInGB, 0), Grace: grace, MaxRuntime: time.Duration(*in.StoppingCondition.MaxRuntimeInSeconds) * time.Second,
		MaxWait: time.Duration(number(in.StoppingCondition.MaxWaitTimeInSeconds, 0)) * time.Second, Save: (*jobRun).lastCheckpoints,
		LogGroup: "/aws/sagemaker/TrainingJobs", LogName: j.name(),
		Stages: []jobStage{
			{starting, starting, "Starting the training job", true, (*jobRun).start, nil},
			{launching, starting, "Launching requested ML instances", true, (*jobRun).launch, nil},
			{"DownloadingTrainingImage", starting, "Preparing the instances for training", true, (*jobRun).pull, nil},
			{downloading, "Downloading", "Downloading input data", true, (*jobRun).download, (*jobRun).dropAllPipes},
			{training, training, "Training image download completed. Training in progress.", false, (*jobRun).train, nil},
			{uploading, uploading, "Uploading generated training model", false, (*jobRun).upload, nil},
		},
	}
}

// training is the job as one of training.
func (r *jobRun) training() *trainingJob { return r.job().(*trainingJob) }
