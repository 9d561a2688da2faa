package sagemaker

import (
	"path"
	"strings"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// processingJob is the record of one processing job.
type processingJob struct {
	jobState
	Request sagemaker.CreateProcessingJobRequest
	// ExitMessage is what its containers left to say.
	ExitMessage string `json:",omitempty"`
}

var (
	processingJobs = store.NewTable[processingJob]("sagemaker.processing-job")
	processingKind = kindOf[processingJob]("processing", processingJobs)
)

func (j *processingJob) name() string { return text(j.Request.ProcessingJobName) }

// noProcessingJob is what the operations say of a job that is not there.
func noProcessingJob(name string) *fault.Fault {
	return validation.New("Could not find requested job with name: %s", name)
}

func (j *processingJob) ended(*Service, *store.Tx) error { return nil }

// network is where the job is, never nil.
func (j *processingJob) network() *sagemaker.NetworkConfig {
	if n := j.Request.NetworkConfig; n != nil {
		return n
	}
	return &sagemaker.NetworkConfig{}
}

// The containers see /opt/ml; what they are given and what they give is below its directory "processing".
const (
	mlRoot         = "/opt/ml"
	processingRoot = mlRoot + "/processing/"
)

// inMl is a path of a container as it is below /opt/ml.
func inMl(local *string) string { return strings.TrimPrefix(path.Clean(text(local)), mlRoot+"/") }
