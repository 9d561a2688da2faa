package sagemaker

import (
	"cmp"
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/executor"
	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel"
	"cloister/internal/value/shape/sagemaker"
)

// jobState is the part of a job's record that the runner keeps; the record of every kind embeds one.
// All the controller's state is here.
type jobState struct {
	Account, ARN string
	// SourceIdentity is that of the session which made the job; the job's own sessions carry it.
	SourceIdentity string

	Status, Secondary string
	FailureReason     string
	Transitions       []sagemaker.SecondaryStatusTransition // training jobs show them
	Created, Modified time.Time
	Started, Ended    *time.Time // the containers' time, not the job's

	// ID is what everything that the job makes on this machine is named after.
	ID string
	// Stage is the stage last begun; Attempts how often it ended in an error that may pass.
	Stage    string
	Attempts int
	// Image is the digest of the image that was found: a fresh process goes on with that.
	Image string `json:",omitempty"`
	// Stopping is set once somebody asked the job to stop.
	Stopping bool
	// StopAt is when the containers were told to end: their grace is counted from here, by a fresh
	// process too.
	StopAt *time.Time
	// Abrupt is set where they are not told but killed.
	Abrupt bool `json:",omitempty"`
	spotState
	// Warm is what is known of the warm pool of a training job that asks for one, or has another's.
	Warm *warmPool `json:",omitempty"`
	// Result is how the job would end after its containers have; Outcome how it does. While there is an
	// Outcome there may be something to undo; a job that has ended and has none is at rest.
	Result, Outcome *outcome
	// Hosts are written when the job is made: their number and names never change, their IDs only when the job
	// begins again after an interruption.
	Hosts []jobHost
	// Uploaded are the keys that need no second upload.
	Uploaded map[string]string `json:",omitempty"`
}

// jobHost is one instance of a job: a container, and where the job has a VPC an interface.
type jobHost struct {
	Name, Group, Type string // algo-1, homogeneousCluster, ml.m5.large
	// ID names what is made for the host: container, isolated namespace, directory, mark of the interface.
	ID string
	// Interface is the ENI, empty while none is known; Secret what the path of the container's credentials ends in.
	Interface, Secret string
	// Address is where its peers find the host; Encrypted the same through the tunnel, if there is one, whose private
	// key is Key.
	Address, Encrypted netip.Addr
	Key                tunnel.Key `json:",omitzero"`
	// Exit is how the container ended, if it ended by itself.
	Exit *executor.Exit
}

// outcome is how a job ends.
type outcome struct {
	Status, Secondary, Reason string
	// Request is the id of the S3 call that decided, if one did.
	Request string
}

const (
	inProgress = "InProgress"
	stopping   = "Stopping"
	stopped    = "Stopped"
	completed  = "Completed"
	failed     = "Failed"
)

// jobPlan is what the runner has to know of a job: a pure function of its record.
type jobPlan struct {
	What    string // names the job in the descriptions of its interfaces: "Training Job arn:…"
	Noun    string // in messages: "training job"
	Usage   string // what the quotas of its instances are called after, where that is not Noun
	Role    string
	Image   string
	NoImage string // why the job fails without its image; {image} and {role} are replaced
	// VPC is where its interfaces are; a job without one has none.
	VPC *sagemaker.VpcConfig
	// Isolated containers reach their peers and nothing else; Encrypted ones reach those through a tunnel.
	Isolated, Encrypted bool
	// Endpoints says that each host is an endpoint of its own: it has no peers, needs what endpoints need of a VPC,
	// and counts as one; and that it ends before Drive does is for Drive.
	Endpoints bool
	// Grace is what a container has between SIGTERM and SIGKILL, MaxRuntime what all have from the
	// first start; zero is no bound.
	Grace, MaxRuntime time.Duration
	// LeavesNothing says that nothing is kept of a job that was stopped.
	LeavesNothing bool
	// Volume is the size in GB of a host's disk, 0 where nothing is said.
	Volume int32
	// LogName is what the names of the log streams begin with, LogGroup where they are.
	LogGroup, LogName string
	Stages            []jobStage
	// MaxWait is what the job may take from its creation on; Save keeps what an interruption must not lose.
	MaxWait time.Duration
	Save    func(*jobRun, context.Context) error
	// Drive works with containers that serve: its end is theirs, and that one of them ends before is for
	// judge. Without it the containers' end is the job's.
	Drive func(*jobRun, context.Context) error
}

// usage is what the quotas of the job's instances are called after.
func (p *jobPlan) usage() string {
	if p.Endpoints {
		return "endpoint"
	}
	return cmp.Or(p.Usage, p.Noun)
}

// jobStage is one step of a job. do may run twice, and is run again after a crash in it or right after
// it; what it makes bears the job's ID, so that undo needs nothing but the record.
type jobStage struct {
	name            string
	status, message string // what the job shows meanwhile
	early           bool   // a stop cuts it short
	do, undo        func(*jobRun, context.Context) error
}

// job is the record of one job of any kind.
type job interface {
	state() *jobState
	plan(*Service) jobPlan
	// container gives what is the kind's own of a host's container: image, command, environment, mounts.
	container(r *jobRun, host int) (executor.Spec, error)
	// judge says what it means that all containers have ended and nobody asked for it. The exit of one
	// that was stopped because another failed is zero.
	judge(*jobRun, []executor.Exit) *outcome
	// ended runs in the transaction in which the job begins to show its end.
	ended(*Service, *store.Tx) error
}

func (j *jobState) state() *jobState { return j }

// types are the instance types of its hosts.
func (j *jobState) types() (out []string) {
	for _, h := range j.Hosts {
		out = append(out, h.Type)
	}
	return out
}

// settled tells whether the job shows its end.
func (j *jobState) settled() bool {
	return j.Status == completed || j.Status == failed || j.Status == stopped
}

// show moves the job to a secondary status: a status that it has already gets the new message only.
func (j *jobState) show(now time.Time, status, message string) {
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
func (j *jobState) finish(now time.Time, noun string) {
	o := j.Outcome
	message := strings.ToUpper(noun[:1]) + noun[1:] + " " + lower(o.Status)
	if o.Request != "" {
		message += ". S3 request ID: " + o.Request
	}
	j.show(now, o.Secondary, message)
	j.Transitions[len(j.Transitions)-1].EndTime = stamp(now)
	j.Status, j.FailureReason = o.Status, o.Reason
	if j.Ended == nil {
		j.Ended = &now
	}
	if j.Warm != nil && !j.Warm.Kept {
		j.Warm.Status = terminated
	}
}

// newJob is the state of a job that a caller asks for; kind begins its ID.
func newJob(c *api.Call, kind, arn string) jobState {
	return jobState{Account: c.Account(), ARN: arn, ID: newID(kind), SourceIdentity: c.Caller.Identity.SourceIdentity}
}

// addHosts gives a job its hosts: algo-1 to algo-n, all of one type.
func (j *jobState) addHosts(n int, instanceType string) {
	for range n {
		j.addHost(homogeneous, instanceType)
	}
}

// addHost adds one.
func (j *jobState) addHost(group, instanceType string) {
	n := strconv.Itoa(len(j.Hosts) + 1)
	j.Hosts = append(j.Hosts, jobHost{Name: "algo-" + n, Group: group, Type: instanceType, ID: j.ID + "-" + n, Secret: newSecret()})
}
