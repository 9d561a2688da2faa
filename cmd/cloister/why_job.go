package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloister/internal/machine/tunnel/mesh"
	"cloister/internal/service/ec2"
)

// jobKind is a kind of job: as people name it, and as the API does in its operations and in their members.
type jobKind struct{ noun, operation, member string }

// jobKinds are those that have a name that jobs of other kinds may have too.
var jobKinds = []jobKind{
	{"training job", "TrainingJob", "TrainingJob"},
	{"processing job", "ProcessingJob", "ProcessingJob"},
	{"transform job", "TransformJob", "TransformJob"},
	{"compilation job", "CompilationJob", "CompilationJob"},
	{"tuning job", "HyperParameterTuningJob", "HyperParameterTuningJob"},
	{"Inference Recommender job", "InferenceRecommendationsJob", "Job"},
}

// jobStory is what there is to say of the jobs of one name: of all kinds that have one.
type jobStory struct {
	Jobs []*toldJob
	// Unasked are the kinds of which the caller may not know whether they have one.
	Unasked []unasked `json:",omitempty"`
}

type unasked struct{ Kind, Why string }

// toldJob is one of them.
type toldJob struct {
	Kind, Name, Status string
	Created            time.Time
	FailureReason      string        `json:",omitempty"`
	FailedTrials       []failedTrial `json:",omitempty"` // the first of them
	MoreFailedTrials   int           `json:",omitempty"`
	VpcConfig          *vpcConfig    // nil: in no network of the account's, or, with a Note, in one that is not known
	Encrypted          bool          `json:",omitempty"` // what its hosts send each other
	Note               string        `json:",omitempty"`
	Connections        []connection  `json:",omitempty"`
}

type failedTrial struct{ TrainingJobName, FailureReason string }

type vpcConfig struct{ Subnets, SecurityGroupIds []string }

// connection is one that the hosts of a job have or would have; Peer says what is at the other end, if that is a host too.
type connection struct {
	Peer string `json:",omitempty"`
	*ec2.Explanation
}

// ofJob tells why jobs failed, and what their network allows. What was found out is told also where not all could be.
func (w *whyCommand) ofJob(api *client) error {
	if w.To != "" && !strings.HasPrefix(w.To, ":") {
		return fmt.Errorf("--to %s: with --job it is a port, as :8080", w.To)
	}
	s, err := w.jobs(api)
	if s == nil {
		return err
	}
	return errors.Join(w.print(s, s.tell), err)
}

// jobs finds those of the name and what there is to say of each.
func (w *whyCommand) jobs(api *client) (*jobStory, error) {
	s := &jobStory{}
	var found []*jobDescription
	for _, k := range jobKinds {
		d := &jobDescription{}
		err := api.sagemaker("Describe"+k.operation, map[string]any{k.member + "Name": w.Job}, d)
		switch code := refusal(err); {
		case err == nil:
			found = append(found, d)
			s.Jobs = append(s.Jobs, d.told(k, w.Job))
		case code == "AccessDeniedException":
			s.Unasked = append(s.Unasked, unasked{k.operation, err.Error()})
		case code != "ValidationException" && code != "ResourceNotFound": // which say that there is none, or can be none: names may be longer for some kinds
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, s.none(w.Job, api.Region)
	}
	var wrong []error
	silent := true
	for i, j := range s.Jobs {
		err := w.complete(api, j, found[i])
		silent = silent && err == nil && j.FailureReason == "" && j.FailedTrials == nil && j.VpcConfig == nil
		wrong = append(wrong, err)
	}
	if silent {
		return s, fmt.Errorf("%s has not failed, and is in no network of the account's: there is nothing to explain", w.Job)
	}
	return s, errors.Join(wrong...)
}

// none is what is wrong when no job was found.
func (s *jobStory) none(name, region string) error {
	if s.Unasked == nil {
		return fmt.Errorf("there is no job %s in %s", name, region)
	}
	return fmt.Errorf("no job %s was found in %s, but the caller may not look for jobs of every kind:%s", name, region, s.unasked())
}

// complete adds the trials that failed, and what the network allows.
func (w *whyCommand) complete(api *client, j *toldJob, d *jobDescription) error {
	trials := j.addTrials(api, d.TrainingJobStatusCounters.NonRetryableError)
	var err error
	switch j.VpcConfig, err = d.network(api); {
	case err != nil:
		j.Note = "Its network is not known."
	case j.VpcConfig == nil:
		j.Note = "It has no VpcConfig: it is in no network of the account's."
	default:
		err = w.connect(api, j)
	}
	return errors.Join(trials, err)
}

// mostTrials are how many trials that failed are told of.
const mostTrials = 10

// addTrials adds those that failed first, of so many.
func (j *toldJob) addTrials(api *client, failed int) error {
	if failed == 0 {
		return nil
	}
	var out struct{ TrainingJobSummaries []failedTrial }
	if err := api.sagemaker("ListTrainingJobsForHyperParameterTuningJob", map[string]any{"HyperParameterTuningJobName": j.Name,
		"StatusEquals": "Failed", "SortBy": "CreationTime", "SortOrder": "Ascending", "MaxResults": mostTrials}, &out); err != nil {
		j.MoreFailedTrials = failed
		return fmt.Errorf("which trials failed: %w", err)
	}
	j.FailedTrials, j.MoreFailedTrials = out.TrainingJobSummaries, max(0, failed-len(out.TrainingJobSummaries))
	return nil
}

// connect asks what the hosts of a job reach, or would: its interfaces may be gone by now, so it is asked about
// new ones in its subnets, with its groups.
func (w *whyCommand) connect(api *client, j *toldJob) error {
	port, protocol := cmp.Or(w.To, ":49152"), w.Protocol
	if j.Encrypted {
		port, protocol = fmt.Sprint(":", mesh.Port), "udp"
	}
	for _, subnet := range j.VpcConfig.Subnets {
		ask := func(peer, to string, more ...string) error {
			in := map[string]any{"SubnetId": subnet, "SecurityGroupIds": j.VpcConfig.SecurityGroupIds, "To": to}
			if peer != "" {
				in["PeerSubnetId"], in["Protocol"] = peer, protocol
			}
			e, err := explain(api, in)
			if err == nil {
				j.Connections = append(j.Connections, connection{peer, e})
			}
			return err
		}
		if err := ask("", "s3."+api.Region+".amazonaws.com:443"); err != nil {
			return err
		}
		for _, peer := range j.VpcConfig.Subnets {
			if err := ask(peer, port); err != nil {
				return err
			}
		}
	}
	return nil
}
