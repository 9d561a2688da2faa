package sagemaker

import (
	"fmt"
	"slices"
	"time"

	"cloister/internal/engine/load"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// recommendJob is the record of one inference recommendations job: a load test for each way to serve a model.
type recommendJob struct {
	jobState
	Request sagemaker.CreateInferenceRecommendationsJobRequest
	// Model is the model as it was when the job was made.
	Model model
	// Tests are by host.
	Tests []loadTest
}

// loadTest is what is tested on one host, and what came of it once it has ended.
type loadTest struct {
	ID string
	// Environment are the variables that are tried, in their order.
	Environment  []choice `json:",omitempty"`
	Begun, Ended *time.Time
	Failure      string
	Best         *load.Window
}

type choice struct{ Name, Value string }

const recommendResource = "inference-recommendations-job"

var (
	recommendJobs = store.NewTable[recommendJob]("sagemaker.inference-recommendations-job")
	recommendKind = kindOf[recommendJob]("recommend", recommendJobs)
)

func (j *recommendJob) name() string { return text(j.Request.JobName) }

// noRecommendJob is what the operations say of a job that is not there.
func noRecommendJob(name string) *fault.Fault {
	return resourceNotFound.New("Could not find inference recommendations job with name: %s", name)
}

func (j *recommendJob) ended(*Service, *store.Tx) error { return nil }

// shown are the statuses of jobs as this kind has them.
var shown = map[string]string{inProgress: "IN_PROGRESS", stopping: "STOPPING", stopped: "STOPPED", completed: "COMPLETED", failed: "FAILED"}

// status is the job's as it is shown.
func (j *recommendJob) status() string {
	if j.Status == inProgress && j.Stage == "" {
		return "PENDING"
	}
	return shown[j.Status]
}

// statusOf is that of a test. One that the job did not come to ends as the job does.
func (j *recommendJob) statusOf(t *loadTest) string {
	switch {
	case t.Ended != nil && t.Failure != "":
		return "FAILED"
	case t.Ended != nil:
		return "COMPLETED"
	case t.Begun == nil && !j.settled() && j.Status != stopping:
		return "PENDING"
	}
	return shown[j.Status]
}

// variables are all choices of one value for each parameter.
func variables(r *sagemaker.EnvironmentParameterRanges) [][]choice {
	all := [][]choice{nil}
	if r == nil {
		return all
	}
	for _, p := range r.CategoricalParameterRanges {
		var next [][]choice
		for _, chosen := range all {
			for _, v := range p.Value {
				next = append(next, append(slices.Clone(chosen), choice{text(p.Name), v}))
			}
		}
		all = next
	}
	return all
}

// addTests gives the job its tests: each on a host of its own.
func (j *recommendJob) addTests() {
	in := j.Request.InputConfig
	configurations := in.EndpointConfigurations
	if text(j.Request.JobType) != advanced {
		for _, t := range in.ContainerConfig.SupportedInstanceTypes {
			configurations = append(configurations, sagemaker.EndpointInputConfiguration{InstanceType: &t})
		}
	}
	for _, c := range configurations {
		for _, chosen := range variables(c.EnvironmentParameterRanges) {
			t := loadTest{ID: j.name() + "/" + newID("r")[len("r-"):][:8], Environment: chosen}
			j.addHost("", text(c.InstanceType))
			h := &j.Hosts[len(j.Hosts)-1]
			h.Name = fmt.Sprintf("sm-epc-%s", h.ID)
			j.Tests = append(j.Tests, t)
		}
	}
}

// traffic is who asks, and when.
func traffic(in *sagemaker.CreateInferenceRecommendationsJobRequest) []load.Phase {
	p := in.InputConfig.TrafficPattern
	switch {
	case p == nil:
		return usualTraffic
	case p.Stairs != nil:
		s := p.Stairs
		return load.Stairs(int(number(s.NumberOfSteps, 1)), int(number(s.UsersPerStep, 1)), seconds(s.DurationInSeconds, usualPhase))
	}
	var out []load.Phase
	for _, ph := range p.Phases {
		out = append(out, load.Phase{Users: int(number(ph.InitialNumberOfUsers, 1)), PerMinute: int(number(ph.SpawnRate, 0)), For: seconds(ph.DurationInSeconds, usualPhase)})
	}
	return out
}

func seconds(n *int32, usual int32) time.Duration {
	return time.Duration(number(n, usual)) * time.Second
}

// usualPhase is how many seconds a phase lasts that does not say; usualTraffic is that of a job that says nothing.
const usualPhase = 120

var usualTraffic = []load.Phase{{Users: 1, PerMinute: 1, For: usualPhase * time.Second}}

// conditions are what ends a test early; percentile is that of the latencies.
func (j *recommendJob) conditions() (c load.Conditions, percentile float64) {
	c, percentile = load.Conditions{Flat: true}, 95
	s := j.Request.StoppingConditions
	if s == nil {
		return c, percentile
	}
	c.PerMinute, c.Flat = int(number(s.MaxInvocations, 0)), text(s.FlatInvocations) != "Continue"
	for _, t := range s.ModelLatencyThresholds {
		c.Latency = time.Duration(number(t.ValueInMilliseconds, 0)) * time.Millisecond
		if text(t.Percentile) == "P99" {
			percentile = 99
		}
	}
	return c, percentile
}
