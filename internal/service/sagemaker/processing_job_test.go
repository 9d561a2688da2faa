package sagemaker

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cloister/internal/value/shape/sagemaker"
)

func TestProcessingCompletes(t *testing.T) {
	m, s := processingWorld(t)
	m.run(s)
	m.start(s, processingRequest("Job"))
	d := m.ended(s, "job")
	if *d.ProcessingJobStatus != completed || d.ProcessingStartTime == nil || d.ProcessingEndTime == nil || d.FailureReason != nil {
		t.Fatalf("%s %s", *d.ProcessingJobStatus, text(d.FailureReason))
	}
	if text(d.ExitMessage) != "done algo-1;" || *d.ProcessingJobName != "Job" || *d.ProcessingJobArn != "arn:aws:sagemaker:us-east-1:111122223333:processing-job/job" {
		t.Errorf("%s of %s %s", text(d.ExitMessage), *d.ProcessingJobName, *d.ProcessingJobArn)
	}
	if got := fmt.Sprint(m.outputs()); got != "map[algo-1.csv:A sub/same.csv:algo-1]" {
		t.Error(got)
	}
	m.once()
	if got := fmt.Sprint(m.args); got != "[[program]]" {
		t.Errorf("command %s", got)
	}
	for name, want := range map[string]string{"PROCESSING_JOB_NAME": "Job", "PROCESSING_JOB_ARN": *d.ProcessingJobArn, "AWS_REGION": region, "IMAGE": "yes", "DO": "nothing", "TRAINING_JOB_NAME": ""} {
		if got := value(m.env, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if value(m.env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == "" {
		t.Error("no credentials")
	}
	if m.files["algo-1 processing/in/sub/b.csv"] != "b" {
		t.Errorf("inputs %v", m.files)
	}
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	for stream, lines := range m.lines {
		if !strings.HasPrefix(stream, "/aws/sagemaker/ProcessingJobs Job/algo-1-") || lines[0] != "hello program" {
			t.Errorf("log %s %q", stream, lines)
		}
	}
	if !slices.ContainsFunc(m.errands, func(e errand) bool { return e.source == *d.ProcessingJobArn }) {
		t.Errorf("roles were assumed for %v", m.errands)
	}
}

// TestProcessingsConfiguration compares the two files with what AWS writes, null for null.
func TestProcessingsConfiguration(t *testing.T) {
	m, s := processingWorld(t)
	m.run(s)
	in := processingRequest("job")
	in.ProcessingResources.ClusterConfig.InstanceCount = new(int32(2))
	m.start(s, in)
	m.ended(s, "job")
	want := map[string]any{}
	if err := json.Unmarshal([]byte(`{
		"ProcessingJobArn": "arn:aws:sagemaker:us-east-1:111122223333:processing-job/job", "ProcessingJobName": "job",
		"AppSpecification": {"ImageUri": "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1", "ContainerEntrypoint": null, "ContainerArguments": null},
		"Environment": {"DO": "nothing"},
		"ProcessingInputs": [{"InputName": "raw", "AppManaged": false, "DatasetDefinition": null, "S3Input": {
			"LocalPath": "/opt/ml/processing/in", "S3Uri": "s3://in/raw/", "S3DataDistributionType": "FullyReplicated", "S3DataType": "S3Prefix",
			"S3InputMode": "File", "S3CompressionType": "None", "S3DownloadMode": "StartOfJob"}}],
		"ProcessingOutputConfig": {"KmsKeyId": null, "Outputs": [{"OutputName": "done", "AppManaged": false, "FeatureStoreOutput": null,
			"S3Output": {"LocalPath": "/opt/ml/processing/out", "S3Uri": "s3://out/done", "S3UploadMode": "EndOfJob"}}]},
		"ProcessingResources": {"ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10, "VolumeKmsKeyId": null}},
		"RoleArn": "`+role+`", "StoppingCondition": {"MaxRuntimeInSeconds": 86400}}`), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, m.decoded("algo-2 config/processingjobconfig.json")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"current_host": "algo-2", "hosts": []any{"algo-1", "algo-2"}, "network_interface_name": "eth0",
		"current_instance_type": "ml.m5.large"}, m.decoded("algo-2 config/resourceconfig.json")); d != "" {
		t.Error(d)
	}
}

func TestProcessingEnds(t *testing.T) {
	const both = "map[algo-1.csv:A sub/same.csv:algo-1]"
	for name, c := range map[string]struct {
		change          func(*sagemaker.CreateProcessingJobRequest, *processor)
		outputs, status string
		reason, message string
	}{
		"by an entrypoint": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) {
			in.AppSpecification.ContainerEntrypoint = []string{"other", "-x"}
		}, both, completed, "", "done algo-1;"},
		"by a failure": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) { in.Environment["DO"] = "fail" },
			both, failed, "AlgorithmError: , exit code: 7", "done algo-1;"},
		"by a failure of which it tells": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) { in.Environment["DO"] = "confess" },
			both, failed, "AlgorithmError: I am wrong, exit code: 1", "done algo-1;"},
		"by the customer's failure": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) { in.Environment["DO"] = "blame" },
			both, failed, "ClientError: Error hosting endpoint x: Failed.", "done algo-1;"},
		"with a message that is no text": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) { in.Environment["DO"] = "binary" },
			both, failed, "ClientError: The exit message in /opt/ml/output/message is not valid UTF-8.", ""},
		"with a message that is too long": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) { in.Environment["DO"] = "long" },
			both, completed, "", strings.Repeat("ä", 512)},
		"without an input": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) {
			in.ProcessingInputs[0].S3Input.S3Uri = new("s3://in/none")
		}, "map[]", failed, `ClientError: Data download failed:No S3 objects found under S3 URL "s3://in/none" given in input data source. Please ensure that`, ""},
		"without an image": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) {
			in.AppSpecification.ImageUri = new("382416733822.dkr.ecr.us-east-1.amazonaws.com/none:1")
		}, "map[]", failed, "ClientError: Cannot find the image 382416733822.dkr.ecr.us-east-1.amazonaws.com/none:1. Please check", ""},
		"with an S3 that says no": {func(_ *sagemaker.CreateProcessingJobRequest, m *processor) {
			m.s3.refuse = refuseMethod(http.MethodPut, 403, "AccessDenied")
		}, "map[]", failed, "ClientError: Artifact upload failed:failed to upload artifact. 403 Forbidden (403): Forbidden", "done algo-1;"},
		"with inputs and outputs of its own": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) {
			in.ProcessingInputs[0].AppManaged, in.ProcessingOutputConfig.Outputs[0].AppManaged = new(true), new(true)
			in.ProcessingInputs[0].S3Input.S3Uri = new("s3://in/none")
		}, "map[]", completed, "", "done algo-1;"},
		"with a manifest": {func(in *sagemaker.CreateProcessingJobRequest, m *processor) {
			m.s3.put("in/list", []byte(`[{"prefix":"s3://in/raw/"},"a.csv"]`))
			in.ProcessingInputs[0].S3Input.S3DataType, in.ProcessingInputs[0].S3Input.S3Uri = new("ManifestFile"), new("s3://in/list")
		}, both, completed, "", "done algo-1;"},
		"with a stream": {func(in *sagemaker.CreateProcessingJobRequest, m *processor) {
			in.ProcessingInputs[0].S3Input.S3InputMode, in.Environment["DO"] = new("Pipe"), "pipe"
		}, "map[algo-1.csv:ABAB sub/same.csv:algo-1]", completed, "", "done algo-1;"},
		"with a stream that is decompressed": {func(in *sagemaker.CreateProcessingJobRequest, m *processor) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write([]byte("zip"))
			z.Close()
			m.s3.put("in/zip", b.Bytes())
			i := in.ProcessingInputs[0].S3Input
			i.S3InputMode, i.S3CompressionType, i.S3Uri, in.Environment["DO"] = new("Pipe"), new("Gzip"), new("s3://in/zip"), "pipe"
		}, "map[algo-1.csv:ZIPZIP sub/same.csv:algo-1]", completed, "", "done algo-1;"},
		"with a folder that is named without its slash": {func(in *sagemaker.CreateProcessingJobRequest, m *processor) {
			m.s3.put("in/raw-other", []byte("not of the folder"))
			in.ProcessingInputs[0].S3Input.S3Uri = new("s3://in/raw")
		}, both, completed, "", "done algo-1;"},
		"with outputs in a folder": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) {
			in.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri = new("s3://out/done/")
		}, both, completed, "", "done algo-1;"},
		"isolated": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) {
			in.NetworkConfig.EnableNetworkIsolation = new(true)
		}, both, completed, "", "done algo-1;"},
		"without a VPC": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) { in.NetworkConfig = nil }, both, completed, "", "done algo-1;"},
		"without anything": {func(in *sagemaker.CreateProcessingJobRequest, _ *processor) {
			in.ProcessingInputs, in.ProcessingOutputConfig = nil, nil
		}, "map[]", completed, "", "done algo-1;"},
	} {
		t.Run(name, func(t *testing.T) {
			m, s := processingWorld(t)
			in := processingRequest("job")
			c.change(in, m)
			m.run(s)
			m.start(s, in)
			d := m.ended(s, "job")
			if *d.ProcessingJobStatus != c.status || !strings.HasPrefix(text(d.FailureReason), c.reason) || text(d.ExitMessage) != c.message || !utf8.ValidString(text(d.ExitMessage)) {
				t.Errorf("%s: %s, said %q", *d.ProcessingJobStatus, text(d.FailureReason), text(d.ExitMessage))
			}
			if got := fmt.Sprint(m.outputs()); got != c.outputs {
				t.Error(got)
			}
			if isolated := in.NetworkConfig != nil && flag(in.NetworkConfig.EnableNetworkIsolation); isolated != (value(m.env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == "") && len(m.args) > 0 {
				t.Errorf("credentials: %q", value(m.env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"))
			}
		})
	}
}

func TestSeveralHostsProcess(t *testing.T) {
	for _, isolated := range []bool{false, true} {
		m, s := processingWorld(t)
		m.run(s)
		in := processingRequest("job")
		in.ProcessingResources.ClusterConfig.InstanceCount, in.NetworkConfig.EnableNetworkIsolation = new(int32(3)), &isolated
		m.start(s, in)
		d := m.ended(s, "job")
		if *d.ProcessingJobStatus != completed || text(d.ExitMessage) != "done algo-1;done algo-2;done algo-3;" {
			t.Errorf("%s %q", *d.ProcessingJobStatus, text(d.ExitMessage))
		}
		if got := fmt.Sprint(m.outputs()); got != "map[algo-1.csv:A algo-2.csv:A algo-3.csv:A sub/same.csv:algo-3]" {
			t.Error(got)
		}
		m.world.mu.Lock()
		if len(m.lines) != 3 || len(m.tokens) != 3 {
			t.Errorf("%d streams, %d interfaces", len(m.lines), len(m.tokens))
		}
		m.world.mu.Unlock()
	}
}

func TestShardsAreProcessed(t *testing.T) {
	m, s := processingWorld(t)
	m.run(s)
	in := processingRequest("job")
	in.ProcessingResources.ClusterConfig.InstanceCount = new(int32(2))
	in.ProcessingInputs[0].S3Input.S3DataDistributionType = new("ShardedByS3Key")
	m.start(s, in)
	m.ended(s, "job")
	one, other := m.files["algo-1 processing/in/a.csv"]+m.files["algo-2 processing/in/a.csv"], m.files["algo-1 processing/in/sub/b.csv"]+m.files["algo-2 processing/in/sub/b.csv"]
	if one != "a" || other != "b" || (m.files["algo-1 processing/in/a.csv"] == "a") == (m.files["algo-1 processing/in/sub/b.csv"] == "b") {
		t.Error(m.files)
	}
}

func TestOneFailedHostEndsAProcessing(t *testing.T) {
	m, s := processingWorld(t)
	m.run(s)
	in := processingRequest("job")
	in.ProcessingResources.ClusterConfig.InstanceCount, in.Environment["DO"] = new(int32(2)), "fail"
	m.start(s, in)
	if d := m.ended(s, "job"); *d.ProcessingJobStatus != failed || text(d.FailureReason) != "AlgorithmError: , exit code: 7" {
		t.Errorf("%s %s", *d.ProcessingJobStatus, text(d.FailureReason))
	}
}

func TestProcessingUploadsContinuously(t *testing.T) {
	m, s := processingWorld(t)
	m.run(s)
	in := processingRequest("job")
	in.Environment["DO"] = "go on"
	in.ProcessingOutputConfig.Outputs[0].S3Output.S3UploadMode = new("Continuous")
	m.start(s, in)
	m.until("outputs of a job that goes on", func() bool { return len(m.outputs()) == 2 })
	if d := m.look(s, "job"); *d.ProcessingJobStatus != inProgress || d.ExitMessage != nil {
		t.Errorf("%s %v", *d.ProcessingJobStatus, d.ExitMessage)
	}
	close(m.first)
	if d := m.ended(s, "job"); *d.ProcessingJobStatus != completed {
		t.Errorf("%s %s", *d.ProcessingJobStatus, text(d.FailureReason))
	}
	if got := fmt.Sprint(m.outputs()); got != "map[algo-1.csv:A more.csv:more sub/same.csv:algo-1]" {
		t.Error(got)
	}
}

// TestAContinuousUploadThatIsRefused lets the containers work on: what is refused at their end decides.
func TestAContinuousUploadThatIsRefused(t *testing.T) {
	for _, forGood := range []bool{true, false} {
		m, s := processingWorld(t)
		tried := make(chan struct{}, 100)
		m.s3.refuse = func(r *http.Request) (int, string) {
			if r.Method != http.MethodPut {
				return 0, ""
			}
			tried <- struct{}{}
			return 403, "AccessDenied"
		}
		m.run(s)
		in := processingRequest("job")
		in.Environment["DO"] = "go on"
		in.ProcessingOutputConfig.Outputs[0].S3Output.S3UploadMode = new("Continuous")
		m.start(s, in)
		<-tried
		if d := m.look(s, "job"); *d.ProcessingJobStatus != inProgress {
			t.Errorf("%s while its containers work", *d.ProcessingJobStatus)
		}
		want := ""
		if forGood {
			want = "ClientError: Artifact upload failed:failed to upload artifact. 403 Forbidden (403): Forbidden"
		} else {
			m.s3.mu.Lock()
			m.s3.refuse = nil
			m.s3.mu.Unlock()
		}
		close(m.first)
		d := m.ended(s, "job")
		if text(d.FailureReason) != want || (*d.ProcessingJobStatus == failed) != forGood {
			t.Errorf("%s %s", *d.ProcessingJobStatus, text(d.FailureReason))
		}
		if got := len(m.outputs()); got != map[bool]int{true: 0, false: 3}[forGood] {
			t.Errorf("%d outputs", got)
		}
	}
}

func TestProcessingStopsAndIsDeleted(t *testing.T) {
	m, s := processingWorld(t)
	stop := m.run(s)
	in := processingRequest("job")
	in.Environment["DO"] = "wait"
	in.Tags = []sagemaker.Tag{{Key: new("team"), Value: new("a")}}
	m.start(s, in)
	m.until("running", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.args) == 1 })
	name := &sagemaker.DeleteProcessingJobRequest{ProcessingJobName: new("JOB")}
	_, err := s.deleteProcessingJob(t.Context(), m.call(), name)
	refused(t, err, "ResourceInUse", "processing-job/job cannot be deleted because it is in status InProgress.")
	for range 2 {
		if _, err := s.stopProcessingJob(t.Context(), m.call(), &sagemaker.StopProcessingJobRequest{ProcessingJobName: new("job")}); err != nil {
			t.Fatal(err)
		}
	}
	if d := m.ended(s, "job"); *d.ProcessingJobStatus != stopped || text(d.ExitMessage) != "done algo-1;" {
		t.Errorf("%s %s", *d.ProcessingJobStatus, text(d.ExitMessage))
	}
	if m.outputs()["last.csv"] != "told" {
		t.Error("what was written between SIGTERM and the end is lost")
	}
	_, err = s.stopProcessingJob(t.Context(), m.call(), &sagemaker.StopProcessingJobRequest{ProcessingJobName: new("job")})
	refused(t, err, "ValidationException", "The request was rejected because the processing job is in status Stopped.")
	stop() // what is written is written
	s = m.service()
	arn := m.look(s, "job").ProcessingJobArn
	if tags, err := s.listTags(t.Context(), m.call(), &sagemaker.ListTagsInput{ResourceArn: arn}); err != nil || len(tags.Tags) != 1 {
		t.Errorf("%v %v", tags, err)
	}
	if _, err := s.deleteProcessingJob(t.Context(), m.call(), name); err != nil {
		t.Fatal(err)
	}
	_, err = s.deleteProcessingJob(t.Context(), m.call(), name)
	refused(t, err, "ValidationException", "Could not find requested job with name: JOB")
	if _, err := s.listTags(t.Context(), m.call(), &sagemaker.ListTagsInput{ResourceArn: arn}); err == nil {
		t.Error("tags of a deleted job")
	}
	m.start(s, processingRequest("job")) // the name is free
}

func TestProcessingRunsOutOfTime(t *testing.T) {
	m, s := processingWorld(t)
	m.run(s)
	in := processingRequest("job")
	in.Environment["DO"], in.StoppingCondition = "wait", &sagemaker.ProcessingStoppingCondition{MaxRuntimeInSeconds: new(int32(1))}
	m.start(s, in)
	if d := m.ended(s, "job"); *d.ProcessingJobStatus != stopped {
		t.Errorf("%s %s", *d.ProcessingJobStatus, text(d.FailureReason))
	}
}
