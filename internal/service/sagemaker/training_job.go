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
	// Metrics are what the log has told so far, Metered the next line of each host.
	Metrics []metricValue    `json:",omitempty"`
	Metered map[string]int64 `json:",omitempty"`
	// Tuning is the key of the tuning job whose trial this is.
	Tuning string `json:",omitempty"`
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

// ended tells the tuning job.
func (j *trainingJob) ended(s *Service, tx *store.Tx) error {
	if j.Tuning != "" {
		tx.After(func() { s.tunings.Add(j.Tuning) })
	}
	return nil
}
