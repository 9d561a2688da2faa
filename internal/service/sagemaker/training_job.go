package sagemaker

import (
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

// trainingJob is the record of one job: what was asked for, what shows, and how far the controller
// got. All the controller's state is here.
type trainingJob struct {
	Account, ARN string
	Request      sagemaker.CreateTrainingJobRequest
	// SourceIdentity is that of the session which made the job; the job's own sessions carry it.
	SourceIdentity string

	Status, Secondary string
	FailureReason     string
	Transitions       []sagemaker.SecondaryStatusTransition
	Created, Modified time.Time
	Started, Ended    *time.Time // training, not the job

	// ID names everything the job makes on this machine: container, namespace, directory, mark.
	ID string
	// Stage is the stage last begun; Attempts how often it ended in an error that may pass.
	Stage    string
	Attempts int
	// Secret is what the path of the container's credentials ends in.
	Secret string
	// Interface is the ENI, empty while there is none known.
	Interface string
	// Stopping is set once somebody asked the job to stop.
	Stopping bool
	// Result is how the job would end after its container has; Outcome how it does. While there is an
	// Outcome there may be something to undo; a job that has ended and has none is at rest.
	Result, Outcome *outcome
	// Artifacts is set when a model directory was looked for.
	Artifacts string
}

// outcome is how a job ends.
type outcome struct {
	Status, Secondary, Reason string
	// Request is the id of the S3 call that decided, if one did.
	Request string
}

var trainingJobs = store.NewTable[trainingJob]("sagemaker.training-job")

const (
	inProgress = "InProgress"
	stopping   = "Stopping"
	stopped    = "Stopped"
	completed  = "Completed"
	failed     = "Failed"
)

// settled tells whether the job shows its end.
func (j *trainingJob) settled() bool {
	return j.Status == completed || j.Status == failed || j.Status == stopped
}

func (j *trainingJob) name() string { return text(j.Request.TrainingJobName) }

// errand is what the job's role is taken on for.
func (j *trainingJob) errand() errand {
	return errand{j.Account, text(j.Request.RoleArn), j.ARN, j.SourceIdentity}
}

// what names the job in the description of its interface.
func (j *trainingJob) what() string { return "Training Job " + j.ARN }

// show moves the job to a secondary status: a status that it has already gets the new message only.
func (j *trainingJob) show(now time.Time, status, message string) {
	j.Secondary, j.Modified = status, now
	if n := len(j.Transitions); n > 0 {
		last := &j.Transitions[n-1]
		if text(last.Status) == status {
			last.StatusMessage = &message
			return
		}
		last.EndTime = stamp(now)
	}
	j.Transitions = append(j.Transitions, sagemaker.SecondaryStatusTransition{
		Status: &status, StartTime: stamp(now), StatusMessage: &message,
	})
}

// finish makes the outcome the job's state.
func (j *trainingJob) finish(now time.Time) {
	o := j.Outcome
	message := map[string]string{completed: "Training job completed", failed: "Training job failed", stopped: "Training job stopped"}[o.Status]
	if o.Request != "" {
		message += ". S3 request ID: " + o.Request
	}
	j.show(now, o.Secondary, message)
	j.Transitions[len(j.Transitions)-1].EndTime = stamp(now)
	j.Status, j.FailureReason = o.Status, o.Reason
	if j.Ended == nil {
		j.Ended = &now
	}
}

// vpc says whether the job has an interface of its own.
func (j *trainingJob) vpc() bool { return j.Request.VpcConfig != nil }

// isolated says whether the container's namespace is cut off. A job without a VPC has no network of
// its own to be in.
func (j *trainingJob) isolated() bool { return !j.vpc() || flag(j.Request.EnableNetworkIsolation) }

// place is where the platform's traffic for the job leaves from.
func (j *trainingJob) place() string {
	if j.vpc() {
		return j.Interface
	}
	return internet
}
