package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// processor is a program that writes its inputs to its outputs in capital letters, as DO says, and remembers what it
// was given.
type processor struct {
	*world
	mu    sync.Mutex
	args  [][]string
	env   []string
	files map[string]string // host + " " + path below /opt/ml, at the start
	first chan struct{}     // closed to let hosts that wait go on
}

func processingWorld(t *testing.T) (*processor, *Service) {
	w, _ := trainingWorld(t)
	m := &processor{world: w, files: map[string]string{}, first: make(chan struct{})}
	w.exec = memory.New(map[string]memory.Program{"program": m.program, "other": m.program})
	w.s3.put("in/raw/a.csv", []byte("a"))
	w.s3.put("in/raw/sub/b.csv", []byte("b"))
	return m, w.service()
}

func (m *processor) program(ctx context.Context, p memory.Process) int {
	m.mu.Lock()
	m.args, m.env = append(m.args, p.Args), p.Env
	root := p.Path("/opt/ml")
	filepath.Walk(root, func(name string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			b, _ := os.ReadFile(name)
			m.files[p.Hostname+" "+strings.TrimPrefix(name, root+"/")] = string(b)
		}
		return nil
	})
	m.mu.Unlock()
	fmt.Fprintln(p.Output, "hello", strings.Join(p.Args, " "))
	write := func(name, text string) { os.WriteFile(p.Path("/opt/ml/"+name), []byte(text), 0o644) }
	b, _ := os.ReadFile(p.Path("/opt/ml/processing/in/a.csv"))
	if value(p.Env, "DO") == "pipe" {
		for pass := range 2 {
			again, _ := os.ReadFile(p.Path(fmt.Sprint("/opt/ml/processing/in_", pass)))
			b = append(b, again...)
		}
	}
	write("processing/out/"+p.Hostname+".csv", strings.ToUpper(string(b)))
	os.Mkdir(p.Path("/opt/ml/processing/out/sub"), 0o777)
	write("processing/out/sub/same.csv", p.Hostname)
	os.Symlink("/etc/hostname", p.Path("/opt/ml/processing/out/link"))
	write("output/message", "done "+p.Hostname+";")
	switch do := value(p.Env, "DO"); do {
	case "fail":
		if p.Hostname == "algo-1" {
			return 7
		}
	case "blame":
		write("output/failure", "ClientError: Error hosting endpoint x: Failed.\n")
		return 1
	case "confess":
		write("output/failure", "I am wrong")
		return 1
	case "binary":
		write("output/message", "\xff\xfe")
	case "long":
		write("output/message", strings.Repeat("ä", 700))
	case "wait", "go on":
		select {
		case <-p.Terminate:
			write("processing/out/last.csv", "told")
			return 0
		case <-m.first:
		case <-ctx.Done():
			return 1
		}
		write("processing/out/more.csv", "more")
	}
	return 0
}

func value(env []string, name string) string {
	for _, e := range env {
		if k, v, _ := strings.Cut(e, "="); k == name {
			return v
		}
	}
	return ""
}

func processingRequest(name string) *sagemaker.CreateProcessingJobRequest {
	return &sagemaker.CreateProcessingJobRequest{
		ProcessingJobName: &name, RoleArn: new(role),
		AppSpecification: &sagemaker.AppSpecification{ImageUri: new("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1")},
		ProcessingResources: &sagemaker.ProcessingResources{ClusterConfig: &sagemaker.ProcessingClusterConfig{
			InstanceType: new("ml.m5.large"), InstanceCount: new(int32(1)), VolumeSizeInGB: new(int32(10)),
		}},
		Environment: map[string]string{"DO": "nothing"},
		ProcessingInputs: []sagemaker.ProcessingInput{{InputName: new("raw"), S3Input: &sagemaker.ProcessingS3Input{
			S3Uri: new("s3://in/raw/"), LocalPath: new("/opt/ml/processing/in"), S3DataType: new("S3Prefix"),
		}}},
		ProcessingOutputConfig: &sagemaker.ProcessingOutputConfig{Outputs: []sagemaker.ProcessingOutput{{OutputName: new("done"), S3Output: &sagemaker.ProcessingS3Output{
			S3Uri: new("s3://out/done"), LocalPath: new("/opt/ml/processing/out"), S3UploadMode: new("EndOfJob"),
		}}}},
		NetworkConfig: &sagemaker.NetworkConfig{VpcConfig: &sagemaker.VpcConfig{Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}}},
	}
}

func (m *processor) start(s *Service, in *sagemaker.CreateProcessingJobRequest) {
	m.t.Helper()
	if _, err := s.createProcessingJob(m.t.Context(), m.call(), in); err != nil {
		m.t.Fatal(err)
	}
}

func (m *processor) look(s *Service, name string) *sagemaker.DescribeProcessingJobResponse {
	m.t.Helper()
	d, err := s.describeProcessingJob(m.t.Context(), m.call(), &sagemaker.DescribeProcessingJobRequest{ProcessingJobName: &name})
	if err != nil {
		m.t.Fatal(err)
	}
	return d
}

// ended waits until a job shows its end and nothing of it is left.
func (m *processor) ended(s *Service, name string) (d *sagemaker.DescribeProcessingJobResponse) {
	m.t.Helper()
	m.until("the end of "+name, func() bool {
		d = m.look(s, name)
		return slices.Contains([]string{completed, failed, stopped}, *d.ProcessingJobStatus)
	})
	m.until("nothing left", func() bool {
		m.world.mu.Lock()
		defer m.world.mu.Unlock()
		return len(m.interfaces)+len(m.isolated)+len(m.joined) == 0
	})
	m.empty()
	return d
}

// outputs are what the job wrote, by the keys below its path.
func (m *processor) outputs() map[string]string {
	out := map[string]string{}
	m.s3.mu.Lock()
	defer m.s3.mu.Unlock()
	for k, b := range m.s3.objects {
		if rest, ok := strings.CutPrefix(k, "out/done/"); ok {
			out[rest] = string(b)
		}
	}
	return out
}

// once fails the test if an output was written more than once.
func (w *world) once() {
	w.t.Helper()
	w.s3.mu.Lock()
	defer w.s3.mu.Unlock()
	for k, n := range w.s3.puts {
		if n > 1 {
			w.t.Errorf("%s was written %d times", k, n)
		}
	}
}

// decoded is a file of JSON that a container was given.
func (m *processor) decoded(name string) (out map[string]any) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := json.Unmarshal([]byte(m.files[name]), &out); err != nil {
		m.t.Fatalf("%s: %v in %v", name, err, m.files)
	}
	return out
}
