package sagemaker

import (
	"cloister/internal/engine/batch"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// transformJob is the record of one batch transform.
type transformJob struct {
	jobState
	Request sagemaker.CreateTransformJobRequest
	// Model is the model as it was when the job was made: whoever deletes or replaces it changes no job.
	Model model
	// Failed counts the objects that could not be transformed, Internal those for which the model is to blame.
	Failed, Blamed int
}

var transformJobs = store.NewTable[transformJob]("sagemaker.transform-job")

var transformKind = kindOf("transform", transformJobs)

func (j *transformJob) name() string { return text(j.Request.TransformJobName) }

// noTransformJob is what Describe says of a job that is not there.
func noTransformJob(name string) *fault.Fault {
	return validation.New("Could not find requested job with name: %s", name)
}

// process is what happens to the records of the job.
func (j *transformJob) process() (*batch.Process, error) { return processing(&j.Request) }

// processing reads DataProcessing.
func processing(in *sagemaker.CreateTransformJobRequest) (*batch.Process, error) {
	p := &batch.Process{Input: new(batch.Path), Output: new(batch.Path)}
	d := in.DataProcessing
	if d == nil {
		return p, nil
	}
	var err error
	if p.Input, err = batch.ParsePath(text(d.InputFilter)); err != nil {
		return nil, validation.New("DataProcessing.InputFilter %q is not a valid JSONPath expression: %s.", text(d.InputFilter), err)
	}
	if p.Output, err = batch.ParsePath(text(d.OutputFilter)); err != nil {
		return nil, validation.New("DataProcessing.OutputFilter %q is not a valid JSONPath expression: %s.", text(d.OutputFilter), err)
	}
	p.Join = text(d.JoinSource) == "Input"
	p.Kind = batch.Kind(media(text(in.TransformInput.ContentType)))
	return p, nil
}
