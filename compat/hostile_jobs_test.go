package compat

import (
	"crypto/md5"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hostileJobs has containers attack what is around them: their peers, other jobs, the platform's pipes, views and
// metadata, and S3 with what they leave. outside is a directory of the host's that has a file "victim".
func (v *vpc) hostileJobs(t *testing.T, p *pusher, outside string) (judge func(t *testing.T)) {
	t.Helper()
	image := registry + "/" + repository + ":program"
	p.push(t, "program", evil{})
	variables := func(acts string, more ...string) map[string]any {
		all := map[string]string{"ACTS": acts, "PLACE": outside}
		for i := 0; i+1 < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return map[string]any{"Environment": all}
	}
	v.begin(t, "told", image, variables("tell,wait"))
	v.begin(t, "threads", image, variables("threads"))
	data := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(data, []byte(strings.Repeat("0123456789abcdef", 1<<16)), 0o600); err != nil {
		t.Fatal(err)
	}
	v.s3(t, "/hostile/one", "--upload-file", data)
	var channels []any
	for _, c := range []string{"p0", "p1", "p2", "p3", "fast"} {
		mode := "Pipe"
		if c == "fast" {
			mode = "FastFile"
		}
		channels = append(channels, channelOf(c, "S3Prefix", "hostile/", nil, map[string]any{"InputMode": mode}))
	}
	for name, many := range map[string]string{"strange": "", "long": "long", "bytes": "bytes"} {
		acts := "outputs"
		if name == "strange" {
			acts = "outputs,race"
		}
		v.create(t, "CreateProcessingJob", "ProcessingJobArn", map[string]any{
			"ProcessingJobName": name, "RoleArn": role, "AppSpecification": map[string]any{"ImageUri": image},
			"ProcessingResources": map[string]any{"ClusterConfig": map[string]any{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
			"NetworkConfig":       map[string]any{"VpcConfig": map[string]any{"Subnets": v.subnets, "SecurityGroupIds": []string{v.group}}},
			"ProcessingOutputConfig": map[string]any{"Outputs": []any{map[string]any{"OutputName": "out", "S3Output": map[string]any{
				"LocalPath": "/opt/ml/processing/out", "S3Uri": "s3://" + bucket + "/" + name, "S3UploadMode": "Continuous"}}}},
		}, variables(acts, "MANY", many))
	}
	stolen := ""
	waitFor(t, "the other job does not tell where its credentials are", func() bool {
		m := regexp.MustCompile(`my credentials are at (/v2/credentials/\S+)`).FindStringSubmatch(v.said(t, "/aws/sagemaker/TrainingJobs", "told"))
		if m != nil {
			stolen = m[1]
		}
		return m != nil
	})
	thief := variables("pipes,views,peers,metadata,orphans", "STOLEN", stolen)
	thief["InputDataConfig"] = channels
	thief["ResourceConfig"] = map[string]any{"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
	v.begin(t, "thief", image, thief)
	return func(t *testing.T) {
		t.Run("containers", func(t *testing.T) { v.thief(t) })
		if status, reason := v.settled(t, "threads"); status != "Failed" || !strings.HasPrefix(reason, "AlgorithmError: ") && !strings.Contains(reason, "more memory") {
			t.Errorf("a job of threads without end ended %s: %s", status, reason)
		}
		t.Run("outputs", func(t *testing.T) { v.outputs(t) })
		v.sagemaker(t, "StopTrainingJob", `{"TrainingJobName":"told"}`, "")
		if status, reason := v.settled(t, "told"); status != "Stopped" {
			t.Errorf("the job whose credentials were to be stolen ended %s: %s", status, reason)
		}
	}
}

// thief reads what came of the attacks of two hosts: every one was contained.
func (v *vpc) thief(t *testing.T) {
	v.completed(t, "thief")
	log := v.said(t, "/aws/sagemaker/TrainingJobs", "thief")
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "escaped: ") || strings.Contains(line, "untouched") {
			t.Error(line)
		}
	}
	for attack, times := range map[string]int{
		"contained: view: ": 28, "contained: socket ": 16, "contained: other processes: nothing": 2, "contained: sockets without a file: nothing": 2, "contained: folder /": 8,
		"contained: peer ": 10, "contained: metadata ": 34, "contained: instance metadata ": 6, "pipes are attacked": 2, "pass of p0: 1048576 bytes": 2, "pass of p2: 1048576 bytes": 2,
		"view: 1048576 bytes <nil>": 2, "orphans are left": 2,
	} {
		if n := strings.Count(log, attack); n != times {
			t.Errorf("%d times %q, want %d", n, attack, times)
		}
	}
	if t.Failed() {
		t.Logf("the log:\n%s", log[:min(len(log), 30_000)])
	}
}

// outputs reads what S3 has of a job that left all kinds of things: its own files, under their own names.
func (v *vpc) outputs(t *testing.T) {
	for name, why := range map[string]string{"strange": "", "long": "ClientError: Artifact upload failed:", "bytes": "is not UTF-8"} {
		in := `{"ProcessingJobName":"` + name + `"}`
		status := v.reaches(t, "DescribeProcessingJob", in, "ProcessingJobStatus", "Completed", "Failed", "Stopped")
		reason := v.sagemaker(t, "DescribeProcessingJob", in, "FailureReason")
		if want := map[bool]string{true: "Completed", false: "Failed"}[why == ""]; status != want || !strings.Contains(reason, why) {
			t.Errorf("%s ended %s: %s\n%s", name, status, reason, v.said(t, "/aws/sagemaker/ProcessingJobs", name))
		}
	}
	want := []string{"again", "deep/hole", "file", "locked", "racing/d/victim", "racing/last"}
	for _, name := range []string{"new\nline", "tab\t", "bell\a", "esc\x1b[31m", "quote\"'<&>", "percent%2e%2e%2f", "back\\..\\slash", strings.Repeat("n", 255), "ünï", "?query=1#x", "+ +"} {
		want = append(want, "deep/"+name)
	}
	var got []string
	list := v.s3(t, "?encoding-type=url&list-type=2&prefix=strange%2F")
	tags, ours := all(list, "ETag"), []string{}
	for _, content := range []string{"good", "mine", "", strings.Repeat("\x00", 1<<20)} {
		ours = append(ours, fmt.Sprintf(`"%x"`, md5.Sum([]byte(content))))
	}
	for i, key := range all(list, "Key") {
		name, err := url.QueryUnescape(strings.TrimPrefix(key, "strange/"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(ours, tags[i]) {
			t.Errorf("%q is not what the container wrote: %s", name, tags[i])
		}
		// What the race was in a moment at which it was looked at.
		if name != "racing/x" && name != "racing/d-real/victim" {
			got = append(got, name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("S3 has\n%q\nwant\n%q", got, want)
	}
}
