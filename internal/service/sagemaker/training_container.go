package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/executor"
)

// grace is what a container has between SIGTERM and SIGKILL.
const grace = 120 * time.Second

// train runs the container, or finds it running, and decides what its end means.
func (r *trainingRun) train(ctx context.Context) error {
	if r.job.Result != nil {
		return nil
	}
	spec, err := r.container(ctx)
	if err != nil {
		return err
	}
	if err := r.Executor.Start(ctx, spec); err != nil {
		return fmt.Errorf("start container: %w", err)
	}
	deadline := r.job.Started.Add(time.Duration(*r.job.Request.StoppingCondition.MaxRuntimeInSeconds) * time.Second)
	exit, overdue, err := r.watch(ctx, deadline)
	if err != nil {
		return err
	}
	result := r.judge(exit)
	return r.update(ctx, func(now time.Time, j *trainingJob) {
		switch {
		case j.Stopping:
			result = &outcome{Status: stopped, Secondary: stopped}
		case overdue || !exit.Ended.IsZero() && !exit.Ended.Before(deadline):
			result = &outcome{Status: stopped, Secondary: "MaxRuntimeExceeded"}
		}
		j.Result = result
	})
}

// watch waits for the container's end, carries its log and ends it when it is asked to or overdue.
func (r *trainingRun) watch(ctx context.Context, deadline time.Time) (exit executor.Exit, overdue bool, err error) {
	logged, cut := context.WithCancel(ctx)
	defer cut()
	ended := make(chan struct{})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer cut(); return r.log(logged) })
	g.Go(func() (err error) {
		defer close(ended)
		exit, err = r.Executor.Wait(ctx, r.job.ID)
		return err
	})
	g.Go(func() error {
		late := time.NewTimer(deadline.Sub(r.Clock()))
		defer late.Stop()
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.stop:
			return r.Executor.Stop(ctx, r.job.ID, grace)
		case <-late.C:
			overdue = true
			return r.Executor.Stop(ctx, r.job.ID, grace)
		}
		return nil
	})
	g.Go(func() error { // a log that hangs must not hold the job
		select {
		case <-ended:
		case <-ctx.Done():
			return nil
		}
		select {
		case <-time.After(lastLines):
			cut()
		case <-logged.Done():
		}
		return nil
	})
	err = g.Wait()
	return exit, overdue, err
}

// log carries the container's output; it gives no error but the end of the process.
func (r *trainingRun) log(ctx context.Context) error {
	err := r.follow(ctx, stream{"/aws/sagemaker/TrainingJobs", r.job.name() + "/algo-1-", r.job.ID, r.role})
	if err != nil && ctx.Err() == nil {
		r.Service.Log.Warn("log of a training job is incomplete", "job", r.job.ARN, "error", err)
	}
	return nil
}

// container is what the job runs.
func (r *trainingRun) container(ctx context.Context) (executor.Spec, error) {
	img, err := r.image(ctx)
	if err != nil {
		return executor.Spec{}, err
	}
	namespace, err := r.namespace(ctx, r.network())
	if err != nil {
		return executor.Spec{}, err
	}
	in := &r.job.Request
	own := map[string]string{"TRAINING_JOB_NAME": r.job.name(), "TRAINING_JOB_ARN": r.job.ARN, "AWS_REGION": r.Region, "CURRENT_HOST": host}
	if !r.job.isolated() && r.job.Secret != "" {
		variable, path, err := r.lend(ctx, r.job.Account, r.job.Interface, r.job.Secret, r.job.errand())
		if err != nil {
			return executor.Spec{}, err
		}
		own[variable] = path
	}
	limits, _ := r.limits(text(in.ResourceConfig.InstanceType))
	spec := executor.Spec{
		ID: r.job.ID, Root: img.Root, Args: trainingArgs(img, in.AlgorithmSpecification.ContainerEntrypoint, in.AlgorithmSpecification.ContainerArguments),
		Env:       environment(img.Env, in.Environment, own),
		Directory: img.WorkingDir, UID: img.UID, GID: img.GID, Hostname: host, Namespace: namespace,
		Mounts: []executor.Mount{{Source: r.ml(), Target: "/opt/ml"}}, Limits: limits, Hosts: []string{"127.0.0.1 localhost " + host},
	}
	spec.Resolver = r.Network.Resolver(r.network()).Conf()
	return spec, nil
}

// host is what the only host of a job is called.
const host = "algo-1"

// trainingArgs is the command line: the word "train" replaces the image's CMD unless the customer
// gave an entrypoint or arguments.
func trainingArgs(img *Image, entrypoint, args []string) []string {
	switch {
	case len(entrypoint) > 0:
		return slices.Concat(entrypoint, args)
	case len(args) > 0:
		return slices.Concat(img.Entrypoint, args)
	}
	return slices.Concat(img.Entrypoint, []string{"train"})
}

// environment puts the maps over what the image has, later ones over earlier, in a stable order.
func environment(image []string, over ...map[string]string) []string {
	all := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, e := range image {
		if k, v, ok := strings.Cut(e, "="); ok {
			all[k] = v
		}
	}
	for _, m := range over {
		for k, v := range m {
			all[k] = v
		}
	}
	var out []string
	for k, v := range all {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

// judge says what the end of a container that nobody ended means.
func (r *trainingRun) judge(exit executor.Exit) *outcome {
	if exit.Error != "" {
		r.Service.Log.Warn("container could not be started", "job", r.job.ARN, "error", exit.Error)
	}
	reason := ""
	switch {
	case exit.OutOfMemory:
		reason = outOfMemory
	case exit.Code == 0:
		return &outcome{Status: completed, Secondary: completed}
	case exit.Error != "":
		reason = fmt.Sprintf("AlgorithmError: The container could not be started%s, exit code: %d", cause(exit.Error), exit.Code)
	default:
		said := r.failureFile()
		tail := fmt.Sprintf(", exit code: %d", exit.Code)
		const head = "AlgorithmError: "
		said = clip(said)
		if n := longestReason - len(head) - len(tail); len(said) > n {
			said = strings.ToValidUTF8(said[:n], "")
		}
		reason = head + said + tail
	}
	return &outcome{Status: failed, Secondary: failed, Reason: clip(reason)}
}

// cause is the part of a runtime's complaint that speaks of the image and not of this machine.
func cause(complaint string) string {
	if i := strings.LastIndex(complaint, "exec: "); i >= 0 && !strings.Contains(complaint[i:], "\n") {
		return ": " + complaint[i+len("exec: "):]
	}
	return ""
}

// failureFile is what the container left in /opt/ml/output/failure. The container chose what lies
// there, so only a regular file inside its own directory is read.
func (r *trainingRun) failureFile() string {
	root, err := os.OpenRoot(r.ml())
	if err != nil {
		return ""
	}
	defer root.Close()
	const name = "output/failure"
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			r.Service.Log.Warn("failure file cannot be read", "job", r.job.ARN, "error", err)
		}
		return ""
	}
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longestReason))
	if err != nil {
		return ""
	}
	return strings.TrimRight(strings.ToValidUTF8(string(b), ""), "\n")
}
