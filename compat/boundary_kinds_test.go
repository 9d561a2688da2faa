package compat

import (
	"strings"
)

// boundaryKind is a kind of jobs, or of endpoints, that are interrupted between any two of their steps.
type boundaryKind struct {
	name                   string // names of jobs begin with it
	resource               string // what the server calls such a job, before its name
	operation              string // that makes one
	points                 []string
	list, rows, row, state string // what gives all of a kind, and where their names and states stand in it
	request                func(v *vpc, name string) map[string]any
	// makes are the objects that a job leaves in S3, each with what is in it.
	makes func(name string) map[string]string
}

// steps are the points before and after each stage, and what all kinds of jobs pass beside them.
func steps(stages string, more ...string) []string {
	out := append([]string{"taken", "started"}, more...)
	for _, s := range strings.Fields(stages) {
		out = append(out, s+" begun", s+" done")
	}
	return append(out, "judged", "undone", "ended")
}

const trainingStages = "Starting LaunchingMLInstances DownloadingTrainingImage Downloading Training Uploading"

// boundaryKinds are all of them.
func boundaryKinds() []boundaryKind {
	training := boundaryKind{resource: "training-job", operation: "CreateTrainingJob", list: "ListTrainingJobs", rows: "TrainingJobSummaries", row: "TrainingJobName", state: "TrainingJobStatus"}
	home, pair, apart, spot := training, training, training, training
	seal, warm, loose := training, training, training
	home.name, home.request, home.makes = "home", homeTraining, trained("algo-1", "a b")
	home.points = steps(trainingStages, "put output.tar.gz", "put model.tar.gz")
	pair.name, pair.request, pair.makes = "pair", pairTraining, trained("algo-1 algo-2", "a b a b stream_0")
	pair.points = steps(trainingStages, "attached", "put model.tar.gz")
	apart.name, apart.request, apart.makes = "apart", apartTraining, trained("algo-1 algo-2", "a b")
	apart.points = []string{"LaunchingMLInstances begun", "LaunchingMLInstances done", "started", "Training done", "judged", "undone"}
	spot.name, spot.request, spot.makes = "spot", spotTraining, trained("algo-1", "a b")
	spot.points = []string{"saved", "unwound", "renewed"}
	seal.name, seal.request, seal.makes = "seal", sealedTraining, trained("algo-1 algo-2", "a b")
	seal.points = []string{"LaunchingMLInstances begun", "LaunchingMLInstances done", "started", "Training done", "judged", "undone"}
	warm.name, warm.request, warm.makes = "warm", warmTraining, trained("algo-1", "a b")
	warm.points = []string{"LaunchingMLInstances done", "Training done", "judged", "undone", "ended"}
	loose.name, loose.request, loose.makes = "loose", looseTraining, left
	loose.points = []string{"parts of large", "put large"}
	return []boundaryKind{home, pair, apart, spot, seal, warm, loose,
		{name: "proc", resource: "processing-job", operation: "CreateProcessingJob", list: "ListProcessingJobs", rows: "ProcessingJobSummaries", row: "ProcessingJobName", state: "ProcessingJobStatus",
			points:  steps("Starting LaunchingMLInstances DownloadingImage Downloading Processing Uploading", "attached", "put algo-1", "put algo-2"),
			request: processing, makes: processed},
		{name: "batch", resource: "transform-job", operation: "CreateTransformJob", list: "ListTransformJobs", rows: "TransformJobSummaries", row: "TransformJobName", state: "TransformJobStatus",
			points:  steps("Starting LaunchingMLInstances DownloadingImage Downloading Transforming", "attached", "put a.out", "put b.out"),
			request: transform, makes: transformed},
		{name: "comp", resource: "compilation-job", operation: "CreateCompilationJob", list: "ListCompilationJobs", rows: "CompilationJobSummaries", row: "CompilationJobName", state: "CompilationJobStatus",
			points:  steps("Starting LaunchingMLInstances DownloadingImage Downloading Compiling Uploading", "attached", "put caps-ml_c5.tar.gz"),
			request: compilation, makes: compiled},
		{name: "reco", resource: "inference-recommendations-job", operation: "CreateInferenceRecommendationsJob", list: "ListInferenceRecommendationsJobs", rows: "InferenceRecommendationsJobs", row: "JobName", state: "Status",
			points:  steps("Starting LaunchingMLInstances DownloadingImage Downloading Testing", "attached", "tested 1"),
			request: recommendation, makes: nothing},
		{name: "tune", resource: "hyper-parameter-tuning-job", operation: "CreateHyperParameterTuningJob", list: "ListHyperParameterTuningJobs", rows: "HyperParameterTuningJobSummaries", row: "HyperParameterTuningJobName", state: "HyperParameterTuningJobStatus",
			points: []string{"1 of 1 trials run", "1 of 2 trials run", "0 of 2 trials run"}, request: tuning, makes: nothing},
		{name: "host", resource: "endpoint", operation: "CreateEndpoint", list: "ListEndpoints", rows: "Endpoints", row: "EndpointName", state: "EndpointStatus",
			points:  []string{"Launching begun", "Launching done", "Pulling begun", "Pulling done", "Downloading begun", "Downloading done", "started", "healthy", "stopped", "gone"},
			request: hosting, makes: nothing},
	}
}
