package compat

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// begin asks for a training job in the VPC; more are members that it has besides.
func (v *vpc) begin(t *testing.T, name, image string, more map[string]any) {
	t.Helper()
	in := map[string]any{
		"TrainingJobName": name, "RoleArn": role, "AlgorithmSpecification": map[string]any{"TrainingImage": image, "TrainingInputMode": "File"},
		"OutputDataConfig": map[string]any{"S3OutputPath": "s3://" + bucket + "/models"}, "StoppingCondition": map[string]any{"MaxRuntimeInSeconds": 300},
		"ResourceConfig": map[string]any{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
		"VpcConfig":      map[string]any{"Subnets": v.subnets, "SecurityGroupIds": []string{v.group}},
	}
	v.create(t, "CreateTrainingJob", "TrainingJobArn", in, more)
}

func (v *vpc) create(t *testing.T, operation, arn string, in, more map[string]any) {
	t.Helper()
	for k, x := range more {
		in[k] = x
	}
	said, err := v.curl(t, "sagemaker", "-H", "Content-Type: application/x-amz-json-1.1", "-H", "X-Amz-Target: SageMaker."+operation, "--data-binary", string(encoded(t, in)))
	if err != nil || !strings.Contains(said, arn) {
		t.Fatalf("%s: %v %s\nthe server: %s", operation, err, said, v.lastWords())
	}
}

// said is the log of a job.
func (d *daemon) said(t *testing.T, group, job string) string {
	t.Helper()
	var lines []string
	for next := ""; ; {
		in := map[string]any{"logGroupName": group, "logStreamNamePrefix": job + "/"}
		if next != "" {
			in["nextToken"] = next
		}
		out, err := d.curl(t, "logs", "-H", "Content-Type: application/x-amz-json-1.1", "-H", "X-Amz-Target: Logs_20140328.FilterLogEvents", "--data-binary", string(encoded(t, in)))
		var page struct {
			Events    []struct{ Message string }
			NextToken string
		}
		if err == nil {
			err = json.Unmarshal([]byte(out), &page)
		}
		if err != nil {
			t.Fatalf("the log of %s: %v %s", job, err, out)
		}
		for _, e := range page.Events {
			lines = append(lines, e.Message)
		}
		if next = page.NextToken; next == "" {
			return strings.Join(lines, "\n")
		}
	}
}

// chance is what of a mount's or a process's name differs each time.
var chance = regexp.MustCompile(`\b[0-9]+\b`)

// host is what a Cloister has of the kernel, as far as jobs come and go with it: mounts of this host, namespaces and what is
// in them, control groups, processes, and directories of jobs.
func (d *daemon) host(t *testing.T) (all []string) {
	t.Helper()
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); strings.HasPrefix(fields[4], i.Run) || strings.Contains(line, d.data+"/") {
			all = append(all, "mount "+fields[4])
		}
	}
	name := "cloister-" + filepath.Base(i.Run)
	filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error { //nolint:errcheck // groups come and go
		if err == nil && e.IsDir() && strings.Contains(path, name+"/") {
			all = append(all, "group "+path)
		}
		return nil
	})
	for _, line := range processes() {
		if strings.Contains(line, d.data) || strings.Contains(line, name) {
			all = append(all, "process "+chance.ReplaceAllString(line, "N"))
		}
	}
	for _, below := range []string{"jobs/*", "run", "images/sha256/.*", "images/stacks/.*"} {
		found, err := filepath.Glob(filepath.Join(d.data, below))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			all = append(all, "file "+f)
		}
	}
	namespaces, err := filepath.Glob(filepath.Join(i.Run, "netns", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range namespaces {
		all = append(all, "namespace "+filepath.Base(n))
	}
	slices.Sort(all)
	return all
}

// sameHost waits until everything is as it was.
func (d *daemon) sameHost(t *testing.T, before []string) {
	t.Helper()
	var now []string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if now = d.host(t); slices.Equal(now, before) {
			return
		}
	}
	for _, x := range now {
		if !slices.Contains(before, x) {
			t.Error("left:", x)
		}
	}
	for _, x := range before {
		if !slices.Contains(now, x) {
			t.Error("gone:", x)
		}
	}
	t.Errorf("before there were %d things, now %d", len(before), len(now))
}

// TestHostileJobs has images, containers, inputs and outputs attack a Cloister, beside a job that behaves.
func TestHostileJobs(t *testing.T) {
	// Not beside the others: its containers take all that they are let have.
	d := own(t)
	v := d.vpc(t)
	d.provide(t)
	d.iam(t, "PutRolePolicy", "RoleName", "execution", "PolicyName", "pulls", "PolicyDocument", pulls)
	before, ruleset := d.host(t), d.settled(t)
	outside, unharmed := victim(t)
	neighbour := v.job(t, "neighbour", probe, "seconds=15")
	p := d.pusher(t)
	jobs := v.hostileJobs(t, p, outside)
	images := v.hostileImages(t, p, outside)
	jobs(t)
	images(t)
	unharmed(t)
	v.completed(t, neighbour)
	v.whole(t, neighbour, 150)
	d.sameHost(t, before)
	if now := d.settled(t); now != ruleset {
		t.Errorf("the network is another:\n%s", differing(ruleset, now))
	}
}

// settled is what the namespaces hold when they are at rest.
func (d *daemon) settled(t *testing.T) string {
	t.Helper()
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	return settledKernel(t, i.Run)
}
