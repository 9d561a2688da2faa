package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

const jobs = 7

// beganLine is the first thing the probe image says.
var beganLine = regexp.MustCompile(`began at (\S+)`)

func began(log string) (time.Time, error) {
	m := beganLine.FindStringSubmatch(log)
	if m == nil {
		return time.Time{}, fmt.Errorf("no line tells when the container began: %.200q", log)
	}
	return time.Parse(time.RFC3339Nano, m[1])
}

// measureJob trains the model that measureInvoke needs, then runs the probe: a job with a channel
// from S3, an interface of its own, a role to assume. The peer is `runc run` of the same program.
func (r *run) measureJob(ctx context.Context) error {
	if r.world == nil {
		return errNoWorld
	}
	w := r.world
	if err := w.train(ctx, "digits", fmt.Sprintf(image, w.Region), map[string]string{"k": "10", "feature_dim": "64"}); err != nil {
		return err
	}
	bundle, err := r.bundle(ctx, "job")
	if err != nil {
		return fmt.Errorf("runc: %w", err)
	}
	var ours, theirs []time.Duration
	for i := range jobs {
		bare, err := bareContainer(ctx, bundle, i)
		if err != nil {
			return fmt.Errorf("runc: %w", err)
		}
		theirs = append(theirs, bare)
		took, err := w.probeJob(ctx, fmt.Sprintf("probe-%d", i))
		if err != nil {
			return err
		}
		ours = append(ours, took)
	}
	r.table.add("CreateTrainingJob to the container's first line", spread(ours), "< 150 ms", "`runc run` of the same program "+ms(median(theirs)),
		times(median(ours), median(theirs)), new(median(ours) < 150*time.Millisecond))
	return nil
}

// train runs a job to its end.
func (w *world) train(ctx context.Context, name, image string, hyper map[string]string) error {
	return w.trainOn(ctx, name, image, "train/", hyper)
}

// trainOn runs one on other data.
func (w *world) trainOn(ctx context.Context, name, image, prefix string, hyper map[string]string) error {
	if err := w.create(ctx, name, image, prefix, hyper); err != nil {
		return err
	}
	return w.completed(ctx, name)
}

// completed waits for a job's end.
func (w *world) completed(ctx context.Context, name string) error {
	return until(ctx, "end of training job "+name, func() (bool, error) {
		var out struct{ TrainingJobStatus, FailureReason string }
		err := w.api.json(ctx, "sagemaker", "SageMaker.DescribeTrainingJob", map[string]string{"TrainingJobName": name}, &out)
		if out.TrainingJobStatus == "Failed" {
			err = fmt.Errorf("failed: %s", out.FailureReason)
		}
		return out.TrainingJobStatus == "Completed", err
	})
}

// create asks for one.
func (w *world) create(ctx context.Context, name, image, prefix string, hyper map[string]string) error {
	return w.createIn(ctx, "File", name, image, prefix, hyper)
}

// createIn asks for one whose data comes in a mode.
func (w *world) createIn(ctx context.Context, mode, name, image, prefix string, hyper map[string]string) error {
	in := map[string]any{
		"TrainingJobName": name, "RoleArn": w.role, "EnableNetworkIsolation": true,
		"AlgorithmSpecification": map[string]string{"TrainingImage": image, "TrainingInputMode": mode},
		"InputDataConfig": []any{map[string]any{"ChannelName": "train", "ContentType": "text/csv;label_size=0", "DataSource": map[string]any{
			"S3DataSource": map[string]string{"S3DataType": "S3Prefix", "S3Uri": "s3://digits-bucket/" + prefix, "S3DataDistributionType": "FullyReplicated"}}}},
		"OutputDataConfig":  map[string]string{"S3OutputPath": "s3://digits-bucket/models"},
		"ResourceConfig":    map[string]any{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
		"StoppingCondition": map[string]int{"MaxRuntimeInSeconds": 600},
		"VpcConfig":         map[string]any{"Subnets": []string{w.subnet}, "SecurityGroupIds": []string{w.containers}},
	}
	if hyper != nil {
		in["HyperParameters"] = hyper
	}
	return w.api.json(ctx, "sagemaker", "SageMaker.CreateTrainingJob", in, nil)
}

// firstLine reads the job's log for the time at which the container began.
func (w *world) firstLine(ctx context.Context, job string) (time.Time, error) {
	text, err := w.log(ctx, job)
	if err != nil {
		return time.Time{}, err
	}
	return began(text)
}

// log waits until a job has one and gives it.
func (w *world) log(ctx context.Context, job string) (text string, err error) {
	group := "/aws/sagemaker/TrainingJobs"
	err = until(ctx, "log of "+job, func() (bool, error) {
		var out struct{ Events []struct{ Message string } }
		if err := w.api.json(ctx, "logs", "Logs_20140328.FilterLogEvents", map[string]string{"logGroupName": group, "logStreamNamePrefix": job + "/"}, &out); err != nil {
			return false, err
		}
		for _, e := range out.Events {
			text += e.Message + "\n"
		}
		return text != "", nil
	})
	return text, err
}

// bundle is an OCI bundle, of a name of its own, whose root holds nothing but our program.
func (r *run) bundle(ctx context.Context, name string) (string, error) {
	dir := filepath.Join(r.work, "bundle-"+name)
	if err := os.MkdirAll(filepath.Join(dir, "rootfs"), 0o755); err != nil {
		return "", err
	}
	if err := copyFile(filepath.Join(dir, "rootfs", "cloister"), r.daemon.binary); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "runc", "spec", "--bundle", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	path := filepath.Join(dir, "config.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		return "", err
	}
	process, ok := spec["process"].(map[string]any)
	if !ok {
		return "", fmt.Errorf("runc spec wrote no process")
	}
	process["terminal"], process["args"] = false, []string{"/cloister", "algorithm", "probe", "train"}
	if b, err = json.Marshal(spec); err != nil {
		return "", err
	}
	return dir, os.WriteFile(path, b, 0o600)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func bareContainer(ctx context.Context, bundle string, n int) (time.Duration, error) {
	asked := time.Now()
	out, err := exec.CommandContext(ctx, "runc", "run", "--bundle", bundle, fmt.Sprintf("cloister-bench-%d-%d", os.Getpid(), n)).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	at, err := began(string(out))
	return at.Sub(asked), err
}
