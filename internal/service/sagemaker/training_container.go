package sagemaker

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloister/internal/machine/executor"
)

// grace is what a training container has between SIGTERM and SIGKILL.
const grace = 120 * time.Second

// ml is the directory that a host's container sees as /opt/ml.
func (r *jobRun) ml(host int) string { return filepath.Join(r.dir(host), "ml") }

// container is what a host of the job runs.
func (j *trainingJob) container(r *jobRun, host int) (executor.Spec, error) {
	in, img := &j.Request, r.image
	own := map[string]string{"TRAINING_JOB_NAME": j.name(), "TRAINING_JOB_ARN": j.ARN, "AWS_REGION": r.Region, "CURRENT_HOST": j.Hosts[host].Name}
	spec := executor.Spec{
		Root: img.Root, Args: trainingArgs(img, in.AlgorithmSpecification.ContainerEntrypoint, in.AlgorithmSpecification.ContainerArguments),
		Env: environment(img.Env, in.Environment, own), Directory: img.WorkingDir, UID: img.UID, GID: img.GID,
		Mounts: append([]executor.Mount{{Source: r.ml(host), Target: "/opt/ml"}}, r.views(host, j.inputs(), func(c channel) string { return "/opt/ml/input/data/" + c.Name })...),
	}
	if c := in.CheckpointConfig; c != nil {
		spec.Mounts = append(spec.Mounts, executor.Mount{Source: filepath.Join(r.dir(host), "checkpoints"), Target: text(c.LocalPath)})
	}
	return spec, nil
}

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

// judge says what it means that the containers have ended by themselves: the first that failed is why the
// job did.
func (j *trainingJob) judge(r *jobRun, exits []executor.Exit) *outcome {
	for i, exit := range exits {
		reason := r.blame(exit, func() string {
			return strings.TrimRight(strings.ToValidUTF8(string(r.left(r.ml(i), "output/failure")), ""), "\n")
		})
		if reason != "" {
			return &outcome{Status: failed, Secondary: failed, Reason: reason}
		}
	}
	return &outcome{Status: completed, Secondary: completed}
}
