package sagemaker

import (
	"path"
	"strings"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// compilationJob is the record of one compilation of a model.
type compilationJob struct {
	jobState
	Request sagemaker.CreateCompilationJobRequest
}

var (
	compilationJobs = store.NewTable[compilationJob]("sagemaker.compilation-job")
	compilationKind = kindOf[compilationJob]("compilation", compilationJobs)
)

func (j *compilationJob) name() string { return text(j.Request.CompilationJobName) }

// noCompilationJob is what the operations say of a job that is not there.
func noCompilationJob(name string) *fault.Fault {
	return resourceNotFound.New("Could not find requested job with name: %s", name)
}

func (j *compilationJob) ended(*Service, *store.Tx) error { return nil }

// status is the job's as this family spells it: in capitals, and with the start apart.
func (j *compilationJob) status() string {
	if j.Status == inProgress && (j.Stage == "" || j.Stage == "Starting" || j.Stage == "LaunchingMLInstances") {
		return "STARTING"
	}
	return strings.ToUpper(j.Status)
}

// vpc is where the job is, nil where its request does not say.
func (j *compilationJob) vpc() *sagemaker.VpcConfig {
	if v := j.Request.VpcConfig; v != nil {
		return &sagemaker.VpcConfig{Subnets: v.Subnets, SecurityGroupIds: v.SecurityGroupIds}
	}
	return nil
}

// target is what the model is compiled for, as it stands in the name of the result.
func (j *compilationJob) target() string {
	o := j.Request.OutputConfig
	if o.TargetPlatform == nil {
		return text(o.TargetDevice)
	}
	name := text(o.TargetPlatform.Os) + "_" + text(o.TargetPlatform.Arch)
	if a := text(o.TargetPlatform.Accelerator); a != "" {
		name += "_" + a
	}
	return name
}

const archived = ".tar.gz"

// result is where the compiled model goes.
func (j *compilationJob) result() (bucket, prefix, name string) {
	bucket, prefix, _ = splitS3(text(j.Request.OutputConfig.S3OutputLocation))
	_, key, _ := splitS3(text(j.Request.InputConfig.S3Uri))
	return bucket, withSlash(prefix), strings.TrimSuffix(path.Base(key), archived) + "-" + j.target() + archived
}
