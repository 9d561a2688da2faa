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
	// Sending is set once an upload began: what a fresh process finds in the bucket may be its predecessor's.
	Sending bool `json:",omitempty"`
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

// outputs are those that the platform uploads.
func (j *processingJob) outputs() []sagemaker.ProcessingOutput {
	var out []sagemaker.ProcessingOutput
	if c := j.Request.ProcessingOutputConfig; c != nil {
		for _, o := range c.Outputs {
			if !flag(o.AppManaged) {
				out = append(out, o)
			}
		}
	}
	return out
}

// The containers see /opt/ml; what they are given and what they give is below its directory "processing".
const (
	mlRoot         = "/opt/ml"
	processingRoot = mlRoot + "/processing/"
)

// below is a path of a container as it is below /opt/ml.
func below(local string) string {
	return strings.TrimPrefix(path.Clean(local), mlRoot+"/")
}
