package compat

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// invoke asks an endpoint for the cluster of one digit.
func (v *vpc) invoke(t *testing.T, p place, endpoint string) string {
	t.Helper()
	zeros := strings.TrimSuffix(strings.Repeat("0,", 64), ",")
	out := filepath.Join(v.data, "answer-"+endpoint)
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	p.must(t, "bash", "-c", `case $(aws --version 2>&1) in aws-cli/1*) body=$1;; *) body=$(base64 -w0 <<<"$1");; esac
aws sagemaker-runtime invoke-endpoint --endpoint-name "$0" --content-type text/csv --body "$body" "$2"`, endpoint, zeros, out)
	answer, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(answer), "closest_cluster") {
		t.Fatalf("the endpoint answered %q: %v", answer, err)
	}
	return string(answer)
}

// TestCrash kills the server under a job, an endpoint in service and an open connection, and goes on: what runs
// does not notice. TestEveryBoundary is about the moments at which a kill may come.
func TestCrash(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t, "sagemaker.runtime")
	d.provide(t)
	v.completed(t, v.job(t, "first", kmeans, "k=10,feature_dim=64"))
	v.deploy(t, "first", "digits")
	before := v.invoke(t, v.inside(), "digits")
	servers := d.containers("algorithm kmeans serve")
	if len(servers) != 1 {
		t.Fatalf("the endpoint has containers %v", servers)
	}
	needProgram(t, "curl")
	line := v.connect(t)

	job := v.job(t, "long", probe, "seconds=6")
	d.stage(t, job, "Training")
	d.crash(t)
	time.Sleep(time.Second)
	d.restart(t)
	v.completed(t, job)
	v.whole(t, job, 60)
	if got := v.invoke(t, v.inside(), "digits"); got != before {
		t.Errorf("the endpoint answers %s after the crash, %s before", got, before)
	}
	if now := d.containers("algorithm kmeans serve"); !slices.Equal(now, servers) {
		t.Errorf("the endpoint is served by %v, was by %v: its container did not outlive the server", now, servers)
	}
	line.alive(t)
	if left := d.containers("algorithm kmeans train"); len(left) != 0 {
		t.Errorf("containers of jobs that have ended: %v", left)
	}
}

// TestCrashAndPurge purges right after a crash, with a job's and an endpoint's containers alive, and
// goes on from the records alone.
func TestCrashAndPurge(t *testing.T) {
	t.Parallel()
	needProgram(t, "curl")
	d := own(t)
	v := d.vpc(t, "sagemaker.runtime")
	d.provide(t)
	d.provideLarge(t)
	v.completed(t, v.job(t, "first", kmeans, "k=10,feature_dim=64"))
	v.deploy(t, "first", "digits")
	before := v.invoke(t, v.inside(), "digits")
	t.Logf("the job's statuses until the kill: %s", v.killAt(t, "cut", "Training"))
	if len(d.containers("algorithm kmeans")) == 0 {
		t.Error("no container outlives the server, so purge has nothing to do")
	}
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := d.command("purge").CombinedOutput(); err != nil {
		t.Errorf("purge: %v\n%s", err, out)
	}
	if left := leftovers(d.data, i.Run); len(left) > 0 {
		t.Errorf("left behind by purge:\n%s", strings.Join(left, "\n"))
	}
	d.restart(t)
	v.ends(t, "cut")
	d.serving(t, "digits", "InService")
	if got := v.invoke(t, v.inside(), "digits"); got != before {
		t.Errorf("after the purge the endpoint answers %s, before %s", got, before)
	}
}

// ends waits for a job's end, which must be one that tells its user something.
func (v *vpc) ends(t *testing.T, job string) {
	t.Helper()
	status, reason := v.settled(t, job)
	if status != "Completed" && (status != "Failed" || reason == "") {
		t.Errorf("the job ended %s: %s", status, reason)
	}
	t.Log("it ended", status, reason)
}

// provideLarge puts 300 times the digits into the bucket, so that jobs take a while.
func (d *daemon) provideLarge(t *testing.T) {
	t.Helper()
	one, err := os.ReadFile(digits(t))
	if err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large.csv")
	if err := os.WriteFile(large, bytes.Repeat(one, 300), 0o644); err != nil {
		t.Fatal(err)
	}
	d.internet().must(t, "aws", "s3", "cp", "--no-progress", large, "s3://"+bucket+"/large/digits.csv")
}

// killer creates a job and asks for its status, by a client that needs milliseconds for a call, until
// it is the one wanted; then it kills the server at once.
const killer = `set -u
keys=$(grep -A2 '^\[default\]' "$AWS_SHARED_CREDENTIALS_FILE" | sed -n 's/^aws_.* = //p' | paste -sd:)
call() { curl -sS --aws-sigv4 aws:amz:"$AWS_REGION":sagemaker --user "$keys" -H 'Content-Type: application/x-amz-json-1.1' -H "X-Amz-Target: SageMaker.$1" -d "$2" "https://api.sagemaker.$AWS_REGION.amazonaws.com/"; }
made=$(call CreateTrainingJob "$1")
case $made in *TrainingJobArn*) ;; *) echo "$made"; exit 1;; esac
last=Starting; echo $last
until [ "$last" = "$3" ] || [ "$last" = Completed ] || [ "$last" = Failed ]; do
  now=$(call DescribeTrainingJob "{\"TrainingJobName\":\"$2\"}" | grep -o '"SecondaryStatus":"[A-Za-z]*"' | cut -d'"' -f4)
  [ "$now" = "$last" ] || echo "$now"; last=$now
done
kill -9 "$4"`

// killAt creates a job and kills the server when the job is at a stage, or at its end when it was too
// quick to be caught there. It gives the statuses seen.
func (v *vpc) killAt(t *testing.T, job, stage string) string {
	t.Helper()
	request, err := json.Marshal(map[string]any{
		"TrainingJobName": job, "RoleArn": role, "HyperParameters": map[string]string{"k": "10", "feature_dim": "64", "epochs": "3"},
		"AlgorithmSpecification": map[string]any{"TrainingImage": kmeans, "TrainingInputMode": "File"},
		"InputDataConfig": []any{map[string]any{"ChannelName": "train", "ContentType": "text/csv;label_size=0", "DataSource": map[string]any{
			"S3DataSource": map[string]any{"S3DataType": "S3Prefix", "S3Uri": "s3://" + bucket + "/large/"}}}},
		"OutputDataConfig":  map[string]any{"S3OutputPath": "s3://" + bucket + "/models"},
		"ResourceConfig":    map[string]any{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
		"StoppingCondition": map[string]any{"MaxRuntimeInSeconds": 600},
		"VpcConfig":         map[string]any{"Subnets": v.subnets, "SecurityGroupIds": []string{v.group}},
	})
	if err != nil {
		t.Fatal(err)
	}
	out := v.internet().must(t, "bash", "-c", killer, "killer", string(request), job, stage, strconv.Itoa(v.process.Process.Pid))
	<-v.ended
	return strings.Join(strings.Fields(out), " ")
}

// whole fails when a beat is missing from a probe's log.
func (v *vpc) whole(t *testing.T, job string, beats int) {
	t.Helper()
	seen := map[string]bool{}
	for _, l := range v.log(t, job) {
		if _, n, ok := strings.Cut(l, "] beat "); ok {
			seen[n] = true
		}
	}
	for i := range beats {
		if !seen[strconv.Itoa(i)] {
			t.Fatalf("the log has %d of %d lines; %d is missing", len(seen), beats, i)
		}
	}
}

// line is a connection between two programs in two subnets.
type line struct{ out *os.File }

// connect has one program in the second subnet listen and one in the first talk to it.
func (v *vpc) connect(t *testing.T) line {
	t.Helper()
	v.permit(t, v.group, "7777")
	listener := v.at(v.subnets[1], v.group).launch(t, "listen", ":7777")
	address, ok := strings.CutPrefix(lineOf(t, listener), "listens at ")
	if !ok {
		t.Fatal("the listener does not say where it listens")
	}
	l := line{v.inside().launch(t, "dial", address+":7777")}
	l.alive(t)
	return l
}

// launch runs one end of a connection at a place until the test ends, and gives the file that it writes.
func (p place) launch(t *testing.T, args ...string) *os.File {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.CreateTemp(t.TempDir(), args[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	cmd := p.command(append([]string{self, echoCommand}, args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended
		cmd.Wait()                       //nolint:errcheck // we ended it
	})
	return out
}

// lineOf waits for the first line of a program's output.
func lineOf(t *testing.T, f *os.File) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		b, err := os.ReadFile(f.Name())
		if first, _, ok := strings.Cut(string(b), "\n"); err == nil && ok {
			return first
		}
	}
	t.Fatalf("%s stays empty", f.Name())
	return ""
}

// alive fails unless the connection carries more lines now than a moment ago.
func (l line) alive(t *testing.T) {
	t.Helper()
	size := func() int64 {
		n, err := l.out.Seek(0, io.SeekEnd)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	from := size()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if size() > from {
			return
		}
	}
	b, _ := os.ReadFile(l.out.Name())
	t.Errorf("the connection stands still after %q", b[max(0, len(b)-80):])
}

// TestStop ends the server as its user would and starts it again: everything is as it was.
func TestStop(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := d.vpc(t, "sagemaker.runtime", "sts")
	d.provide(t)
	v.completed(t, v.job(t, "first", kmeans, "k=10,feature_dim=64"))
	v.deploy(t, "first", "digits")
	before := v.invoke(t, v.inside(), "digits")
	state := func() string {
		at, all := d.internet(), ""
		for _, what := range []string{"vpcs", "subnets", "security-groups", "route-tables", "vpc-endpoints", "network-interfaces"} {
			all += at.must(t, "aws", "ec2", "describe-"+what, "--output", "json")
		}
		all += at.must(t, "aws", "sagemaker", "describe-training-job", "--training-job-name", "first", "--output", "json")
		all += at.must(t, "aws", "iam", "list-roles", "--output", "json")
		return all + at.must(t, "aws", "s3", "ls", "--recursive", "s3://"+bucket+"/models/first/")
	}
	was := state()

	out, err := d.command("serve", "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another Cloister is running") {
		t.Errorf("a second server on the data directory: %v\n%s", err, out)
	}
	if got := v.invoke(t, v.inside(), "digits"); got != before {
		t.Errorf("after the second server: %s, was %s", got, before)
	}
	if out, err := d.command("purge").CombinedOutput(); err == nil {
		t.Errorf("purge under a running server went through: %s", out)
	}

	job := v.job(t, "long", probe, "seconds=6")
	d.stage(t, job, "Training")
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	d.restart(t)
	v.completed(t, job)
	v.whole(t, job, 60)
	if now := state(); now != was {
		t.Errorf("after the restart:\n%s\nbefore:\n%s", now, was)
	}
	if got := v.invoke(t, v.inside(), "digits"); got != before {
		t.Errorf("after the restart: %s, was %s", got, before)
	}
}
