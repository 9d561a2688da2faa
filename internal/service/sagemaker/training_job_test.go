package sagemaker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// trainer copies its input to the model, as its hyperparameter "do" says.
func trainer(ctx context.Context, p memory.Process) int {
	fmt.Fprintln(p.Output, "hello", strings.Join(p.Args, " "))
	b, err := os.ReadFile(p.Path("/opt/ml/input/data/train/part/a.csv"))
	if err != nil {
		fmt.Fprintln(p.Output, err)
		return 3
	}
	os.WriteFile(p.Path("/opt/ml/model/weights"), b, 0o644)
	settings, _ := os.ReadFile(p.Path("/opt/ml/input/config/hyperparameters.json"))
	switch {
	case bytes.Contains(settings, []byte(`"do":"fail"`)):
		os.WriteFile(p.Path("/opt/ml/output/failure"), []byte("k is too big"), 0o644)
		os.WriteFile(p.Path("/opt/ml/output/data/trace"), []byte("t"), 0o644)
		return 2
	case bytes.Contains(settings, []byte(`"do":"both"`)):
		os.WriteFile(p.Path("/opt/ml/output/data/trace"), []byte("t"), 0o644)
	case bytes.Contains(settings, []byte(`"do":"link"`)):
		os.Symlink("/etc/hostname", p.Path("/opt/ml/output/failure"))
		return 2
	case bytes.Contains(settings, []byte(`"do":"wait"`)):
		select {
		case <-p.Terminate:
			fmt.Fprintln(p.Output, "terminated")
			return 0
		case <-ctx.Done():
			return 1
		}
	}
	fmt.Fprintln(p.Output, "done")
	return 0
}

func trainingWorld(t *testing.T) (*world, *Service) {
	w := newWorld(t, map[string]memory.Program{"program": trainer})
	w.s3.put("data/digits/part/b.csv", []byte("4"))
	w.s3.put("data/digits/folder/", nil)
	w.s3.put("data/digits/z c+d.csv", []byte("5"))
	return w, w.service()
}

func trainingRequest(name string) *sagemaker.CreateTrainingJobRequest {
	return &sagemaker.CreateTrainingJobRequest{
		TrainingJobName: &name, RoleArn: new(role), HyperParameters: map[string]string{"k": "10"},
		AlgorithmSpecification: &sagemaker.AlgorithmSpecification{TrainingImage: new("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"), TrainingInputMode: new("File")},
		ResourceConfig:         &sagemaker.ResourceConfig{InstanceType: new("ml.m5.large"), InstanceCount: new(int32(1)), VolumeSizeInGB: new(int32(10))},
		OutputDataConfig:       &sagemaker.OutputDataConfig{S3OutputPath: new("s3://out/models")},
		InputDataConfig: []sagemaker.Channel{{ChannelName: new("train"), ContentType: new("text/csv"), DataSource: &sagemaker.DataSource{
			S3DataSource: &sagemaker.S3DataSource{S3DataType: new("S3Prefix"), S3Uri: new("s3://data/digits/")},
		}}},
		StoppingCondition:      &sagemaker.StoppingCondition{MaxRuntimeInSeconds: new(int32(600))},
		VpcConfig:              &sagemaker.VpcConfig{Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}},
		EnableNetworkIsolation: new(true),
	}
}

func (w *world) describe(s *Service, name string) *sagemaker.DescribeTrainingJobResponse {
	w.t.Helper()
	d, err := s.describeTrainingJob(w.t.Context(), w.call(), &sagemaker.DescribeTrainingJobRequest{TrainingJobName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// ended waits until the job shows an end and nothing is left to undo.
func (w *world) ended(s *Service, name string) *sagemaker.DescribeTrainingJobResponse {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		d := w.describe(s, name)
		if st := *d.TrainingJobStatus; st == completed || st == failed || st == stopped {
			return d
		}
	}
	d := w.describe(s, name)
	w.t.Fatalf("the job never ended: %s %s", *d.TrainingJobStatus, *d.SecondaryStatus)
	return nil
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("never: %s", what)
}

func untar(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		c, _ := io.ReadAll(r)
		out[h.Name] = string(c)
	}
}

func TestTrainingCompletes(t *testing.T) {
	w, s := trainingWorld(t)
	w.run(s)
	out, err := s.createTrainingJob(t.Context(), w.call(), trainingRequest("Digits-1"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:sagemaker:us-east-1:111122223333:training-job/digits-1"; *out.TrainingJobArn != want {
		t.Errorf("ARN %s, want %s", *out.TrainingJobArn, want)
	}
	d := w.ended(s, "Digits-1")
	if *d.TrainingJobStatus != completed || *d.SecondaryStatus != completed || d.FailureReason != nil {
		t.Fatalf("ended %s %s %v", *d.TrainingJobStatus, *d.SecondaryStatus, text(d.FailureReason))
	}
	var seen []string
	for _, tr := range d.SecondaryStatusTransitions {
		seen = append(seen, *tr.Status)
		if tr.EndTime == nil || text(tr.StatusMessage) == "" {
			t.Errorf("transition %s has no end or message", *tr.Status)
		}
	}
	if got := strings.Join(seen, " "); got != "Starting Downloading Training Uploading Completed" {
		t.Errorf("transitions %s", got)
	}
	if *d.ModelArtifacts.S3ModelArtifacts != "s3://out/models/Digits-1/output/model.tar.gz" {
		t.Errorf("artifacts at %s", *d.ModelArtifacts.S3ModelArtifacts)
	}
	if got := untar(t, w.s3.get("out/models/Digits-1/output/model.tar.gz")); got["weights"] != "1,2,3\n" || len(got) != 1 {
		t.Errorf("model %v", got)
	}
	if w.s3.get("out/models/Digits-1/output/output.tar.gz") != nil {
		t.Error("an empty output was uploaded")
	}
	w.empty()
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, lines := range w.lines {
		if !strings.HasPrefix(key, "/aws/sagemaker/TrainingJobs Digits-1/algo-1-") || strings.Join(lines, "|") != "hello program train|done" {
			t.Errorf("log %s: %q", key, lines)
		}
	}
	if len(w.lines) != 1 {
		t.Errorf("%d log streams", len(w.lines))
	}
	for _, c := range w.calls {
		if c == "Service ec2.CreateNetworkInterface" {
			t.Error("the interface was not made as the role")
		}
	}
}

func TestTrainingEnds(t *testing.T) {
	const head = "ClientError: Data download failed:"
	cases := []struct {
		name    string
		prepare func(*world, *sagemaker.CreateTrainingJobRequest)
		reason  string
	}{
		{"failure file", func(_ *world, r *sagemaker.CreateTrainingJobRequest) { r.HyperParameters["do"] = "fail" }, "AlgorithmError: k is too big, exit code: 2"},
		{"failure link", func(_ *world, r *sagemaker.CreateTrainingJobRequest) { r.HyperParameters["do"] = "link" }, "AlgorithmError: , exit code: 2"},
		{"no failure file", func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.s3.mu.Lock()
			delete(w.s3.objects, "data/digits/part/a.csv")
			w.s3.mu.Unlock()
		}, "AlgorithmError: , exit code: 3"},
		{"no route", func(w *world, _ *sagemaker.CreateTrainingJobRequest) { w.unrouted = true }, head + noRoute},
		{"denied list", func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.s3.refuse = refuseMethod("GET", 403, "AccessDenied")
		}, head + "failed to download data. 403 Forbidden (403): Forbidden"},
		{"denied upload", func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.s3.refuse = refuseMethod("PUT", 403, "AccessDenied")
		}, "ClientError: Artifact upload failed:failed to upload artifact. 403 Forbidden (403): Forbidden"},
		{"no bucket for the upload", func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.s3.refuse = refuseMethod("PUT", 404, "NoSuchBucket")
		}, "ClientError: Artifact upload failed:failed to upload artifact. 404 Not Found (404): Not Found"},
		{"S3 is ill", func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.s3.refuse = refuseMethod("PUT", 500, "InternalError")
		}, internalReason},
		{"nothing there", func(w *world, r *sagemaker.CreateTrainingJobRequest) {
			w.deny["s3.ListObjectsV2"] = unseen
			r.InputDataConfig[0].DataSource.S3DataSource.S3Uri = new("s3://data/other/")
		}, head + `No S3 objects found under S3 URL "s3://data/other/" given in input data source.`},
		{"double slash", func(w *world, _ *sagemaker.CreateTrainingJobRequest) { w.s3.put("data/digits/a//b", nil) }, head + "Failed to download data. S3 key:\ndigits/a//b has an illegal char sub-sequence '//' in it"},
		{"way out", func(w *world, _ *sagemaker.CreateTrainingJobRequest) { w.s3.put("data/digits/../../../x", nil) }, head + "Failed to download data. S3 key:\ndigits/../../../x is no file name"},
		{"file and directory", func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.s3.put("data/digits/part", []byte("x"))
		}, head + "Failed to download data. S3 key:\n"},
		{"bad manifest", func(w *world, r *sagemaker.CreateTrainingJobRequest) {
			w.s3.put("data/m", []byte(`{"prefix":1}`))
			r.InputDataConfig[0].DataSource.S3DataSource = &sagemaker.S3DataSource{S3DataType: new("ManifestFile"), S3Uri: new("s3://data/m")}
		}, head + "The manifest s3://data/m cannot be used: it is not a JSON array"},
		{"unknown image", func(_ *world, r *sagemaker.CreateTrainingJobRequest) {
			r.AlgorithmSpecification.TrainingImage = new("x/none:1")
		}, "ClientError: Cannot find the training image x/none:1."},
		{"no interface", func(w *world, _ *sagemaker.CreateTrainingJobRequest) {
			w.deny["ec2.CreateNetworkInterface"] = fault.Kind{Code: "UnauthorizedOperation", Status: 403}.New("You are not authorized.")
		}, "ClientError: Unable to create a network interface in the VPC: You are not authorized."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, s := trainingWorld(t)
			r := trainingRequest("job")
			c.prepare(w, r)
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
				t.Fatal(err)
			}
			w.run(s)
			d := w.ended(s, "job")
			if *d.TrainingJobStatus != failed || *d.SecondaryStatus != failed || !strings.HasPrefix(text(d.FailureReason), c.reason) {
				t.Errorf("ended %s with %q, want %q", *d.TrainingJobStatus, text(d.FailureReason), c.reason)
			}
			last := d.SecondaryStatusTransitions[len(d.SecondaryStatusTransitions)-1]
			if strings.Contains(c.reason, "(40") != strings.Contains(*last.StatusMessage, "REQUEST1") {
				t.Errorf("last message %q", *last.StatusMessage)
			}
			if c.name == "failure file" && w.s3.get("out/models/job/output/output.tar.gz") == nil {
				t.Error("the output of a failed job was not uploaded")
			}
			w.empty()
		})
	}
}

func refuseMethod(method string, status int, code string) func(*http.Request) (int, string) {
	return func(r *http.Request) (int, string) {
		if r.Method == method {
			return status, code
		}
		return 0, ""
	}
}

func TestTrainingManifestWithoutVPC(t *testing.T) {
	w, s := trainingWorld(t)
	w.s3.put("data/m.json", []byte(`[{"prefix":"s3://data/digits/"},"part/a.csv"]`))
	r := trainingRequest("manifest")
	r.VpcConfig, r.EnableNetworkIsolation = nil, nil
	r.InputDataConfig[0].DataSource.S3DataSource = &sagemaker.S3DataSource{S3DataType: new("ManifestFile"), S3Uri: new("s3://data/m.json")}
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	w.run(s)
	if d := w.ended(s, "manifest"); *d.TrainingJobStatus != completed {
		t.Fatalf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
	for _, c := range w.calls {
		if strings.Contains(c, "ec2.") {
			t.Errorf("a job without a VPC called %s", c)
		}
	}
}

func TestTrainingStops(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprint("early ", early), func(t *testing.T) {
			w, s := trainingWorld(t)
			r := trainingRequest("slow")
			r.HyperParameters["do"] = "wait"
			reached := make(chan struct{})
			if early { // the job stands in the middle of its download
				w.s3.refuse = func(*http.Request) (int, string) {
					select {
					case <-reached:
					default:
						close(reached)
					}
					time.Sleep(50 * time.Millisecond)
					return 0, ""
				}
			}
			if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
				t.Fatal(err)
			}
			w.run(s)
			if early {
				<-reached
			} else {
				w.until("training", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 1 })
			}
			for range 2 { // asking twice is asking once
				if _, err := s.stopTrainingJob(t.Context(), w.call(), &sagemaker.StopTrainingJobRequest{TrainingJobName: new("slow")}); err != nil {
					t.Fatal(err)
				}
			}
			d := w.ended(s, "slow")
			if *d.TrainingJobStatus != stopped || *d.SecondaryStatus != stopped || d.FailureReason != nil {
				t.Errorf("ended %s %s %s", *d.TrainingJobStatus, *d.SecondaryStatus, text(d.FailureReason))
			}
			if (w.s3.get("out/models/slow/output/model.tar.gz") == nil) != early {
				t.Error("a stopped job uploads its model exactly when it has one")
			}
			w.empty()
			_, err := s.stopTrainingJob(t.Context(), w.call(), &sagemaker.StopTrainingJobRequest{TrainingJobName: new("slow")})
			if f, _ := fault.As(err); f == nil || f.Message != "The request was rejected because the training job is in status Stopped." {
				t.Errorf("stopping an ended job: %v", err)
			}
		})
	}
}

func TestTrainingRunsOutOfTime(t *testing.T) {
	w, s := trainingWorld(t)
	r := trainingRequest("late")
	r.HyperParameters["do"], r.StoppingCondition.MaxRuntimeInSeconds = "wait", new(int32(1))
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	w.run(s)
	d := w.ended(s, "late")
	if *d.TrainingJobStatus != stopped || *d.SecondaryStatus != "MaxRuntimeExceeded" || d.FailureReason != nil {
		t.Errorf("ended %s %s", *d.TrainingJobStatus, *d.SecondaryStatus)
	}
	w.empty()
}
