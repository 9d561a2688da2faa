package sagemaker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/disk"
	"cloister/internal/machine/executor"
)

// plan is that of containers which get their inputs, work and end.
func (j *processingJob) plan(*Service) jobPlan {
	in, n := &j.Request, j.network()
	return jobPlan{
		What: "Processing Job " + j.ARN, Noun: "processing job", Role: text(in.RoleArn), Image: text(in.AppSpecification.ImageUri),
		NoImage: "ClientError: Cannot find the image {image}. Please check that the image exists and that the role {role} may pull it.",
		VPC:     n.VpcConfig, Isolated: flag(n.EnableNetworkIsolation), Encrypted: flag(n.EnableInterContainerTrafficEncryption),
		Volume: number(in.ProcessingResources.ClusterConfig.VolumeSizeInGB, 0), Grace: grace, MaxRuntime: time.Duration(*in.StoppingCondition.MaxRuntimeInSeconds) * time.Second,
		LogGroup: "/aws/sagemaker/ProcessingJobs", LogName: j.name(),
		Stages: []jobStage{
			{name: "Starting", status: "Starting", message: "Starting the processing job", early: true, do: (*jobRun).start},
			{name: "LaunchingMLInstances", status: "Starting", message: "Launching requested ML instances", early: true, do: (*jobRun).launch},
			{name: "DownloadingImage", status: "Starting", message: "Preparing the instances", early: true, do: (*jobRun).pull},
			{name: downloading, status: "Downloading", message: "Downloading input data", early: true, do: (*jobRun).bringInputs, undo: (*jobRun).dropAllPipes},
			{name: "Processing", status: "Processing", message: "Processing", do: (*jobRun).process},
			{name: uploading, status: uploading, message: "Uploading outputs", do: (*jobRun).takeOutputs},
		},
	}
}

// processing is the job as one of processing.
func (r *jobRun) processing() *processingJob { return r.job().(*processingJob) }

// bringInputs lays out /opt/ml of every host: configuration, inputs and a place for each output.
func (r *jobRun) bringInputs(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(hostsAtOnce)
	for i := range r.st().Hosts {
		g.Go(func() error { return r.layProcessing(ctx, i) })
	}
	return g.Wait()
}

func (r *jobRun) layProcessing(ctx context.Context, host int) error {
	j, ml := r.processing(), r.ml(host)
	if err := r.dropPipes(ctx, host); err != nil {
		return err
	}
	if err := disk.Remove(ml); err != nil {
		return err
	}
	if err := os.MkdirAll(r.dir(host), 0o700); err != nil {
		return err
	}
	for _, d := range []string{"", "config", "output", "processing"} {
		if err := openDirectory(ml, d); err != nil {
			return err
		}
	}
	for _, o := range j.outputs("") {
		if err := openDirectory(ml, inMl(o.LocalPath)); err != nil {
			return err
		}
	}
	if err := j.configure(filepath.Join(ml, "config"), host); err != nil {
		return err
	}
	return r.bringAll(ctx, host)
}

// openDirectory makes a directory below base, and what is above it, in which anybody may write: an image chooses
// its user.
func openDirectory(base, dir string) error {
	at := base
	for _, part := range append([]string{""}, strings.Split(dir, "/")...) {
		at = filepath.Join(at, part)
		if err := os.Mkdir(at, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if err := os.Chmod(at, 0o777); err != nil {
			return err
		}
	}
	return nil
}

// container is what a host of the job runs. No verb is added to the command, as one is for training.
func (j *processingJob) container(r *jobRun, host int) (executor.Spec, error) {
	in, img := &j.Request, r.image
	args := processingArgs(img, in.AppSpecification.ContainerEntrypoint, in.AppSpecification.ContainerArguments)
	if len(args) == 0 {
		return executor.Spec{}, fails("ClientError: The image %s has no entrypoint and no command, and the request gives none.", r.plan.Image)
	}
	own := map[string]string{"PROCESSING_JOB_NAME": j.name(), "PROCESSING_JOB_ARN": j.ARN, "AWS_REGION": r.Region}
	return executor.Spec{
		Root: img.Root, Args: args, Env: environment(img.Env, in.Environment, own), Directory: img.WorkingDir, UID: img.UID, GID: img.GID,
		Mounts: []executor.Mount{{Source: r.ml(host), Target: mlRoot}},
	}, nil
}

// processingArgs is the command line: as of docker run, with --entrypoint and arguments where there are some.
func processingArgs(img *Image, entrypoint, args []string) []string {
	switch {
	case len(entrypoint) > 0:
		return slices.Concat(entrypoint, args)
	case len(args) > 0:
		return slices.Concat(img.Entrypoint, args)
	}
	return slices.Concat(img.Entrypoint, img.Cmd)
}

// judge says what it means that the containers have ended by themselves: the first that failed is why the
// job did. An image that finds the customer to blame says so in its failure file, as Clarify's does.
func (j *processingJob) judge(r *jobRun, exits []executor.Exit) *outcome {
	for i, exit := range exits {
		said := strings.TrimRight(strings.ToValidUTF8(string(r.left(r.ml(i), "output/failure")), ""), "\n")
		reason := r.blame(exit, func() string { return said })
		if strings.HasPrefix(reason, "AlgorithmError: "+theirs) {
			reason = said
		}
		if reason != "" {
			return &outcome{Status: failed, Secondary: failed, Reason: reason}
		}
	}
	return &outcome{Status: completed, Secondary: completed}
}

// theirs begins the reasons for which the customer is to blame.
const theirs = "ClientError: "

// takeOutputs keeps what the containers said and uploads what they made, however they ended. That a failed
// job's outputs cannot be brought changes nothing about its end.
func (r *jobRun) takeOutputs(ctx context.Context) error {
	said := r.exitMessage()
	if err := r.update(ctx, func(_ time.Time, j job) {
		if utf8.ValidString(said) {
			j.(*processingJob).ExitMessage = said
		} else if s := j.state(); s.Result.Status == completed {
			s.Result = &outcome{Status: failed, Secondary: failed, Reason: "ClientError: The exit message in /opt/ml/output/message is not valid UTF-8."}
		}
	}); err != nil {
		return err
	}
	err := r.bringOutAll(ctx)
	if err != nil && r.st().Result.Status == failed && ctx.Err() == nil {
		r.Log.Warn("outputs of a failed job were not uploaded", "job", r.st().ARN, "error", err)
		return nil
	}
	return err
}

// longestMessage is how much of that a job shows, in bytes.
const longestMessage = 1 << 10

// exitMessage is what all containers left to say, as much of it as a job shows.
func (r *jobRun) exitMessage() string {
	var all strings.Builder
	for i := range r.st().Hosts {
		all.Write(r.left(r.ml(i), "output/message"))
	}
	return firstBytes(all.String(), longestMessage)
}
