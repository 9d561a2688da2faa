package sagemaker

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"

	"cloister/internal/machine/executor"
	"cloister/internal/machine/store"
)

const transforming = "Transforming"

// plan is that of a model's containers which serve until the work is done.
func (j *transformJob) plan(*Service) jobPlan {
	m := &j.Model.Request
	c := j.Model.container()
	return jobPlan{
		What: "Transform Job " + j.ARN, Noun: "transform job", Role: text(m.ExecutionRoleArn), Image: text(c.Image),
		NoImage: "ClientError: The image '{image}' does not exist, or the role {role} may not pull it.",
		VPC:     m.VpcConfig, Isolated: flag(m.EnableNetworkIsolation), Grace: farewell,
		LogGroup: "/aws/sagemaker/TransformJobs", LogName: j.name(),
		Stages: []jobStage{
			{name: "Starting", status: "Starting", message: "Starting the transform job", early: true, do: (*jobRun).start},
			{name: "LaunchingMLInstances", status: "Starting", message: "Launching requested ML instances", early: true, do: (*jobRun).launch},
			{name: "DownloadingImage", status: "Starting", message: "Preparing the instances", early: true, do: (*jobRun).pull},
			{name: downloading, status: "Downloading", message: "Downloading the model", early: true, do: func(r *jobRun, ctx context.Context) error { return r.bringModels(ctx, &j.Model) }},
			{name: transforming, status: transforming, message: "Transforming", do: (*jobRun).run, undo: (*jobRun).forgetOutputs},
		},
		Drive: func(r *jobRun, ctx context.Context) error { return newTransform(r).drive(ctx) },
	}
}

// container is the model's, as it serves, told that it serves a batch.
func (j *transformJob) container(r *jobRun, host int) (executor.Spec, error) {
	own := map[string]string{"AWS_REGION": r.Region, "SAGEMAKER_BATCH": "true"}
	if n := j.Request.MaxPayloadInMB; n != nil {
		own["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = strconv.Itoa(int(*n))
	}
	if n := j.Request.MaxConcurrentTransforms; n != nil {
		own["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = strconv.Itoa(int(*n))
	}
	if s := j.Request.BatchStrategy; s != nil {
		own["SAGEMAKER_BATCH_STRATEGY"] = strategies[*s]
	}
	return r.serving(host, &j.Model, j.Request.Environment, own), nil
}

// strategies are the batch strategies as containers are told them.
var strategies = map[string]string{"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}

// judge is for a container that ended though nobody asked it to: one that serves does not.
func (j *transformJob) judge(r *jobRun, exits []executor.Exit) *outcome {
	for _, exit := range exits {
		if exit.OutOfMemory {
			return &outcome{Status: failed, Secondary: failed, Reason: outOfMemory}
		}
	}
	return &outcome{Status: failed, Secondary: failed, Reason: "AlgorithmError: See job logs for more information"}
}

func (j *transformJob) ended(*Service, *store.Tx) error { return nil }

// forgetOutputs deletes what a job that was stopped has written: it keeps no output.
func (r *jobRun) forgetOutputs(ctx context.Context) error {
	if o := r.st().Outcome; o == nil || o.Status != stopped {
		return nil
	}
	j := r.job().(*transformJob)
	bucket, _, _ := splitS3(text(j.Request.TransformOutput.S3OutputPath))
	s3 := r.s3(0)
	defer s3.close()
	written := map[string]string{}
	maps.Copy(written, j.Uploaded)
	for i := range j.Hosts {
		key, err := r.unrecorded(ctx, s3, i, bucket)
		if err != nil {
			r.Log.Warn("an output of a stopped job may be left", "job", j.ARN, "key", key, "error", err)
		} else if key != "" {
			written[key] = ""
		}
	}
	for key := range written {
		if err := s3.remove(ctx, bucket, key); err != nil {
			// Its role may be allowed to write and not to delete: the job is stopped all the same.
			r.Log.Warn("an output of a stopped job is left", "job", j.ARN, "key", key, "error", err)
		}
	}
	return nil
}

// unrecorded is the key of an output that a host has put, or was about to, when it was cut off, if S3 has it: what was
// there before the job is not its own.
func (r *jobRun) unrecorded(ctx context.Context, s3 *s3, host int, bucket string) (key string, err error) {
	f, err := os.Open(filepath.Join(r.dir(host), "output"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	l, err := openLedger(filepath.Join(r.dir(host), ledgers))
	if err != nil {
		return "", err
	}
	defer l.close()
	if key = l.keyOf(print(info)); key == "" {
		return "", nil
	}
	tag, err := s3.tagOf(ctx, f, info.Size())
	if err != nil {
		return key, err
	}
	if there, err := s3.has(ctx, bucket, key, tag); err != nil || !there {
		return "", err
	}
	return key, nil
}
