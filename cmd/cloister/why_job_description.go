package main

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// jobDescription has of the answers of all Describe operations what says how a job stands and where it runs.
type jobDescription struct {
	TrainingJobStatus, ProcessingJobStatus, TransformJobStatus, CompilationJobStatus, HyperParameterTuningJobStatus, Status string

	CreationTime  seconds
	FailureReason string
	placed
	NetworkConfig          placed
	TrainingJobDefinition  placed
	TrainingJobDefinitions []placed // in the other form of a tuning job: one alone
	ModelName              string
	InputConfig            struct {
		ModelName string
		VpcConfig *vpcConfig
	}
	TrainingJobStatusCounters struct{ NonRetryableError int }
}

// placed says in which network something is, and whether what its hosts send each other there is encrypted.
type placed struct {
	VpcConfig                             *vpcConfig
	EnableInterContainerTrafficEncryption bool
}

// seconds are how JSON has a time.
type seconds float64

func (s seconds) time() time.Time { return time.UnixMilli(int64(math.Round(float64(s) * 1000))).UTC() }

// told is what the description alone has to say.
func (d *jobDescription) told(k jobKind, name string) *toldJob {
	j := &toldJob{Kind: k.operation, Name: name, Created: d.CreationTime.time(), FailureReason: d.FailureReason,
		Status: cmp.Or(d.TrainingJobStatus, d.ProcessingJobStatus, d.TransformJobStatus, d.CompilationJobStatus, d.HyperParameterTuningJobStatus, d.Status)}
	for _, p := range d.places() {
		j.Encrypted = j.Encrypted || p.EnableInterContainerTrafficEncryption
	}
	return j
}

func (d *jobDescription) places() []placed {
	return append([]placed{d.placed, d.NetworkConfig, d.TrainingJobDefinition}, d.TrainingJobDefinitions...)
}

// network is where the job runs: where it says itself, or else where its model does, which only those of transform
// and of Inference Recommender jobs say. It is nil for a job that is in none of the account's.
func (d *jobDescription) network(api *client) (*vpcConfig, error) {
	v := d.InputConfig.VpcConfig
	for _, p := range d.places() {
		v = cmp.Or(v, p.VpcConfig)
	}
	name := cmp.Or(d.ModelName, d.InputConfig.ModelName)
	if v != nil || name == "" {
		return v, nil
	}
	var model struct {
		VpcConfig    *vpcConfig
		CreationTime seconds
	}
	if err := api.sagemaker("DescribeModel", map[string]any{"ModelName": name}, &model); err != nil {
		return nil, fmt.Errorf("the model %s, whose network the job has: %w", name, err)
	}
	if model.CreationTime > d.CreationTime {
		return nil, fmt.Errorf("the model %s is newer than the job: the one whose network the job had is gone", name)
	}
	return model.VpcConfig, nil
}
