package sagemaker

import (
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

// trainingJob is the record of one training job.
type trainingJob struct {
	jobState
	Request sagemaker.CreateTrainingJobRequest
	// Artifacts is set when a model directory was looked for.
	Artifacts string
	// Interface and Secret are those of the only host, in records that have no Hosts.
	Interface, Secret string `json:",omitempty"`
}

var (
	trainingJobs = store.NewTable[trainingJob]("sagemaker.training-job")
	trainingKind = kindOf[trainingJob]("training", trainingJobs)
)

func (j *trainingJob) name() string { return text(j.Request.TrainingJobName) }

// errand is what the job's role is taken on for.
func (j *trainingJob) errand() errand {
	return errand{j.Account, text(j.Request.RoleArn), j.ARN, j.SourceIdentity}
}

// upgrade gives a record of the time when jobs had one host that host.
func (j *trainingJob) upgrade() {
	if len(j.Hosts) == 0 && j.ID != "" {
		j.addHosts(1, text(j.Request.ResourceConfig.InstanceType))
		j.Hosts[0].ID, j.Hosts[0].Interface, j.Hosts[0].Secret = j.ID, j.Interface, j.Secret
	}
	j.Interface, j.Secret = "", ""
}

// ended has nothing to do.
func (j *trainingJob) ended(*Service, *store.Tx) error { return nil }
