package sagemaker

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloister/internal/machine/disk"
	"cloister/internal/machine/executor"
	"cloister/internal/value/shape/sagemaker"
)

// compilerType is the instance that compiles: nobody can choose it.
const compilerType = "ml.c5.4xlarge"

// plan is that of one container, of the image that the operator has chosen, which is given a model and gives one.
func (j *compilationJob) plan(s *Service) jobPlan {
	return jobPlan{
		What: "Compilation Job " + j.ARN, Noun: "compilation job", Role: text(j.Request.RoleArn), Image: s.Compiler,
		NoImage: "InternalServerError: The image {image}, which compiles models in this installation, cannot be had.",
		VPC:     j.vpc(), Grace: grace, LeavesNothing: true, MaxRuntime: time.Duration(*j.Request.StoppingCondition.MaxRuntimeInSeconds) * time.Second,
		LogGroup: "/aws/sagemaker/CompilationJobs", LogName: j.name(),
		Stages: []jobStage{
			{name: "Starting", status: "Starting", message: "Starting the compilation job", early: true, do: (*jobRun).startCompilation},
			{name: "LaunchingMLInstances", status: "Starting", message: "Launching the compiler", early: true, do: (*jobRun).launch},
			{name: "DownloadingImage", status: "Downloading", message: "Preparing the compiler", early: true, do: (*jobRun).pull},
			{name: downloading, status: "Downloading", message: "Downloading the model", early: true, do: (*jobRun).bringUncompiled},
			{name: "Compiling", status: "Compiling", message: "Compiling the model", do: (*jobRun).run},
			{name: uploading, status: uploading, message: "Uploading the compiled model", do: (*jobRun).takeCompiled},
		},
	}
}

// startCompilation asks for what there must be before anything is made.
func (r *jobRun) startCompilation(ctx context.Context) error {
	if r.plan.Image == "" {
		return fails("ClientError: Models cannot be compiled: the operator of this installation has named no image that compiles (compiler_image).")
	}
	return r.start(ctx)
}

// bringUncompiled brings the model, unpacked, and says what it is to be compiled for.
func (r *jobRun) bringUncompiled(ctx context.Context) error {
	j := r.job().(*compilationJob)
	ml := r.ml(0)
	if err := errors.Join(disk.Remove(ml), os.MkdirAll(r.dir(0), 0o700)); err != nil {
		return err
	}
	for _, d := range []string{"input/config", "input/data/model", "model", "output"} {
		if err := openDirectory(ml, d); err != nil {
			return err
		}
	}
	b, err := json.Marshal(map[string]any{"CompilationJobName": j.name(), "CompilationJobArn": j.ARN, "InputConfig": j.Request.InputConfig, "OutputConfig": j.Request.OutputConfig})
	if err == nil {
		err = os.WriteFile(filepath.Join(ml, "input/config/compilationjobconfig.json"), b, 0o644)
	}
	if err != nil {
		return err
	}
	client := r.s3(0)
	defer client.close()
	err = fetchModel(ctx, client, sagemaker.ContainerDefinition{ModelDataUrl: j.Request.InputConfig.S3Uri}, filepath.Join(ml, "input/data/model"), r.dir(0))
	var no *failure
	if errors.As(err, &no) {
		return &failure{"ClientError: InputConfiguration: " + strings.Replace(no.reason, ` for container "container_1"`, "", 1), no.request}
	}
	return err
}

// container is the compiler.
func (j *compilationJob) container(r *jobRun, host int) (executor.Spec, error) {
	img := r.image
	own := map[string]string{"COMPILATION_JOB_NAME": j.name(), "COMPILATION_JOB_ARN": j.ARN, "AWS_REGION": r.Region}
	return executor.Spec{
		Root: img.Root, Args: slices.Concat(img.Entrypoint, img.Cmd), Env: environment(img.Env, own), Directory: img.WorkingDir, UID: img.UID, GID: img.GID,
		Mounts: []executor.Mount{{Source: r.ml(host), Target: mlRoot}},
	}, nil
}

// judge says what the compiler's end means. What it writes to its failure file is for whoever gave it the model.
func (j *compilationJob) judge(r *jobRun, exits []executor.Exit) *outcome {
	said := strings.TrimRight(strings.ToValidUTF8(string(r.left(r.ml(0), "output/failure")), ""), "\n")
	switch reason := r.blame(exits[0], func() string { return said }); {
	case reason == "":
		return &outcome{Status: completed, Secondary: completed}
	case said != "" && !exits[0].OutOfMemory:
		return &outcome{Status: failed, Secondary: failed, Reason: clip("ClientError: " + said)}
	default:
		return &outcome{Status: failed, Secondary: failed, Reason: reason}
	}
}

// takeCompiled uploads what the compiler made, if it came to an end in its time.
func (r *jobRun) takeCompiled(ctx context.Context) error {
	j := r.job().(*compilationJob)
	if j.Result.Secondary == "MaxRuntimeExceeded" {
		return fails("ClientError: TimeOut: The model was not compiled within %d seconds.", *j.Request.StoppingCondition.MaxRuntimeInSeconds)
	}
	if j.Result.Status != completed {
		return nil
	}
	bucket, prefix, name := j.result()
	if err := transferred(upload, r.archive(ctx, "model", bucket, prefix, name)); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(r.dir(0), name)); errors.Is(err, fs.ErrNotExist) {
		return fails("ClientError: The compiler made no model.")
	}
	return nil
}
