package sagemaker

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// transformer is a model that answers in capital letters, and remembers what it was asked.
type transformer struct {
	*world
	mu     sync.Mutex
	bodies []string
	heads  []http.Header
	env    []string
	tries  map[string]int
	// parameters is what /execution-parameters says; empty is that there is no such path.
	parameters string
	hold       chan struct{} // holds every answer, if there is one
	slow       bool          // for its test
}

func transformWorld(t *testing.T) (*transformer, *Service) {
	w, _ := hostingWorld(t)
	m := &transformer{world: w, tries: map[string]int{}}
	w.exec = memory.New(map[string]memory.Program{"program": m.serve})
	s := w.service()
	w.model(s, "caps", false)
	w.s3.put("in/data/a.csv", []byte("1,x\n2,y\n3,z\n"))
	w.s3.put("in/data/sub/b.csv", []byte("4,w\n"))
	return m, s
}

// model makes a model in a VPC.
func (w *world) model(s *Service, name string, isolated bool) {
	w.t.Helper()
	if _, err := s.createModel(w.t.Context(), w.call(), &sagemaker.CreateModelInput{
		ModelName: &name, ExecutionRoleArn: new(role), EnableNetworkIsolation: &isolated,
		VpcConfig: &sagemaker.VpcConfig{Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroupIds: []string{"sg-1"}},
		PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"), ModelDataUrl: new("s3://out/m.tar.gz"),
			Environment: map[string]string{"OF": "model"}},
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (m *transformer) serve(ctx context.Context, p memory.Process) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 2
	}
	m.mu.Lock()
	m.env = p.Env
	m.mu.Unlock()
	fmt.Fprintln(p.Output, "serving")
	if slices.Contains(p.Env, "DIE=yes") {
		return 3
	}
	h := http.NewServeMux()
	h.HandleFunc("GET /ping", func(http.ResponseWriter, *http.Request) {})
	h.HandleFunc("GET /execution-parameters", func(rw http.ResponseWriter, r *http.Request) {
		if m.parameters == "" {
			http.NotFound(rw, r)
			return
		}
		io.WriteString(rw, m.parameters)
	})
	die := make(chan struct{})
	h.HandleFunc("POST /invocations", func(rw http.ResponseWriter, r *http.Request) { m.answer(rw, r, die) })
	srv := &http.Server{Handler: h}
	id := path.Base(p.Namespace)
	m.world.mu.Lock()
	m.listeners[id] = l
	m.world.mu.Unlock()
	go func() {
		select {
		case <-p.Terminate:
		case <-ctx.Done():
		case <-die:
		}
		srv.Close()
	}()
	srv.Serve(l)
	m.world.mu.Lock()
	delete(m.listeners, id)
	m.world.mu.Unlock()
	return 0
}

func (m *transformer) answer(rw http.ResponseWriter, r *http.Request, die chan struct{}) {
	b, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	m.bodies, m.heads = append(m.bodies, string(b)), append(m.heads, r.Header)
	m.tries[string(b)]++
	tries, hold := m.tries[string(b)], m.hold
	m.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	switch text := string(b); {
	case strings.Contains(text, "poison"):
		http.Error(rw, "cannot", 400)
	case strings.Contains(text, "flaky") && tries < 3:
		http.Error(rw, "later", 503)
	case strings.Contains(text, "deadly"):
		close(die)
		panic(http.ErrAbortHandler) // who is dead answers nothing
	default:
		io.WriteString(rw, strings.ToUpper(text))
	}
}

func transformRequest(name string) *sagemaker.CreateTransformJobRequest {
	return &sagemaker.CreateTransformJobRequest{
		TransformJobName: &name, ModelName: new("caps"),
		TransformInput: &sagemaker.TransformInput{ContentType: new("text/csv"), SplitType: new("Line"),
			DataSource: &sagemaker.TransformDataSource{S3DataSource: &sagemaker.TransformS3DataSource{S3DataType: new("S3Prefix"), S3Uri: new("s3://in/data/")}}},
		TransformOutput:    &sagemaker.TransformOutput{S3OutputPath: new("s3://out/done"), AssembleWith: new("Line")},
		TransformResources: &sagemaker.TransformResources{InstanceType: new("ml.m5.large"), InstanceCount: new(int32(1))},
	}
}

func (m *transformer) start(s *Service, in *sagemaker.CreateTransformJobRequest) {
	m.t.Helper()
	if _, err := s.createTransformJob(m.t.Context(), m.call(), in); err != nil {
		m.t.Fatal(err)
	}
}

func (m *transformer) ended(s *Service, name string) *sagemaker.DescribeTransformJobResponse {
	m.t.Helper()
	var d *sagemaker.DescribeTransformJobResponse
	m.until("the end of "+name, func() bool {
		var err error
		if d, err = s.describeTransformJob(m.t.Context(), m.call(), &sagemaker.DescribeTransformJobRequest{TransformJobName: &name}); err != nil {
			m.t.Fatal(err)
		}
		return slices.Contains([]string{completed, failed, stopped}, *d.TransformJobStatus)
	})
	return d
}

// outputs are what the job wrote, by the keys below its path.
func (m *transformer) outputs() map[string]string {
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

func (m *transformer) gone() {
	m.t.Helper()
	m.until("nothing left", func() bool {
		m.world.mu.Lock()
		defer m.world.mu.Unlock()
		return len(m.interfaces)+len(m.isolated) == 0
	})
	m.empty()
}

func TestTransformCompletes(t *testing.T) {
	m, s := transformWorld(t)
	m.run(s)
	in := transformRequest("job")
	in.TransformResources.InstanceCount = new(int32(2))
	in.MaxPayloadInMB, in.BatchStrategy, in.Environment = new(int32(1)), new("MultiRecord"), map[string]string{"OF": "job"}
	in.TransformOutput.Accept = new("text/csv")
	m.start(s, in)
	d := m.ended(s, "job")
	if *d.TransformJobStatus != completed || d.TransformStartTime == nil || d.TransformEndTime == nil || d.FailureReason != nil {
		t.Fatalf("%s %s", *d.TransformJobStatus, text(d.FailureReason))
	}
	if got := fmt.Sprint(m.outputs()); got != "map[a.csv.out:1,X\n2,Y\n3,Z\n sub/b.csv.out:4,W\n]" {
		t.Error(got)
	}
	m.gone()
	env := strings.Join(m.env, " ")
	for _, want := range []string{"SAGEMAKER_BATCH=true", "SAGEMAKER_MAX_PAYLOAD_IN_MB=1", "SAGEMAKER_BATCH_STRATEGY=MULTI_RECORD", "OF=job", "IMAGE=yes"} {
		if !strings.Contains(env, want) {
			t.Errorf("no %s in %s", want, env)
		}
	}
	if strings.Contains(env, "SAGEMAKER_MAX_CONCURRENT") || m.heads[0].Get("Content-Type") != "text/csv" || m.heads[0].Get("Accept") != "text/csv" {
		t.Errorf("%s %v", env, m.heads[0])
	}
	if len(m.bodies) != 2 {
		t.Errorf("%d requests", len(m.bodies))
	}
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	data := 0
	for stream, lines := range m.lines {
		if strings.HasSuffix(stream, "/data-log") && strings.HasPrefix(stream, "/aws/sagemaker/TransformJobs job/i-0") && strings.Contains(lines[0], "MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD") {
			data++
		}
	}
	if len(m.lines) != 4 || data != 2 {
		t.Errorf("log streams %v", m.lines)
	}
}

func TestTransformDoesWhatTheRequestSays(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte("q\n"))
	z.Close()
	for name, c := range map[string]struct {
		change     func(*sagemaker.CreateTransformJobRequest, *transformer)
		outputs    string
		bodies     string // sorted
		status, of string
	}{
		"one record a request": {func(in *sagemaker.CreateTransformJobRequest, _ *transformer) {
			in.BatchStrategy = new("SingleRecord")
		}, "map[a.csv.out:1,X\n2,Y\n3,Z\n sub/b.csv.out:4,W\n]", `["1,x\n" "2,y\n" "3,z\n" "4,w\n"]`, completed, ""},
		"as the container asks": {func(_ *sagemaker.CreateTransformJobRequest, m *transformer) {
			m.parameters = `{"MaxConcurrentTransforms":4,"BatchStrategy":"SINGLE_RECORD","MaxPayloadInMB":1}`
		}, "map[a.csv.out:1,X\n2,Y\n3,Z\n sub/b.csv.out:4,W\n]", `["1,x\n" "2,y\n" "3,z\n" "4,w\n"]`, completed, ""},
		"whole objects, whatever the strategy": {func(in *sagemaker.CreateTransformJobRequest, _ *transformer) {
			in.TransformInput.SplitType, in.TransformOutput.AssembleWith = new("None"), nil
			in.BatchStrategy = new("SingleRecord")
		}, "map[a.csv.out:1,X\n2,Y\n3,Z\n sub/b.csv.out:4,W\n]", `["1,x\n2,y\n3,z\n" "4,w\n"]`, completed, ""},
		"whole objects of any size": {func(in *sagemaker.CreateTransformJobRequest, _ *transformer) {
			in.TransformInput.SplitType, in.TransformOutput.AssembleWith, in.MaxPayloadInMB = nil, nil, new(int32(0))
		}, "map[a.csv.out:1,X\n2,Y\n3,Z\n sub/b.csv.out:4,W\n]", `["1,x\n2,y\n3,z\n" "4,w\n"]`, completed, ""},
		"filtered and joined": {func(in *sagemaker.CreateTransformJobRequest, _ *transformer) {
			in.TransformOutput.Accept = new("text/csv")
			in.DataProcessing = &sagemaker.DataProcessing{InputFilter: new("$[1:]"), JoinSource: new("Input"), OutputFilter: new("$[0,-1]")}
		}, "map[a.csv.out:1,X\n2,Y\n3,Z\n sub/b.csv.out:4,W\n]", `["w\n" "x\ny\nz\n"]`, completed, ""},
		"compressed": {func(in *sagemaker.CreateTransformJobRequest, m *transformer) {
			m.s3.put("in/zip/q.gz", zipped.Bytes())
			in.TransformInput.CompressionType, in.TransformInput.DataSource.S3DataSource.S3Uri = new("Gzip"), new("s3://in/zip/")
		}, "map[q.gz.out:Q\n]", `["q\n"]`, completed, ""},
		"not compressed": {func(in *sagemaker.CreateTransformJobRequest, _ *transformer) {
			in.TransformInput.CompressionType = new("Gzip")
		}, "map[]", `[]`, failed, "ClientError: See job logs for more information"},
		"of a manifest": {func(in *sagemaker.CreateTransformJobRequest, m *transformer) {
			m.s3.put("in/list", []byte(`[{"prefix":"s3://in/data/"},"sub/b.csv"]`))
			d := in.TransformInput.DataSource.S3DataSource
			d.S3DataType, d.S3Uri = new("ManifestFile"), new("s3://in/list")
		}, "map[sub/b.csv.out:4,W\n]", `["4,w\n"]`, completed, ""},
		"what the model refuses": {func(_ *sagemaker.CreateTransformJobRequest, m *transformer) {
			m.s3.put("in/data/a.csv", []byte("poison\n"))
		}, "map[sub/b.csv.out:4,W\n]", `["4,w\n" "poison\n"]`, failed, "AlgorithmError: See job logs for more information"},
		"what the model takes later": {func(_ *sagemaker.CreateTransformJobRequest, m *transformer) {
			m.s3.put("in/data/a.csv", []byte("flaky\n"))
		}, "map[a.csv.out:FLAKY\n sub/b.csv.out:4,W\n]", `["4,w\n" "flaky\n" "flaky\n" "flaky\n"]`, completed, ""},
		"without retries": {func(in *sagemaker.CreateTransformJobRequest, m *transformer) {
			m.s3.put("in/data/a.csv", []byte("flaky\n"))
			in.ModelClientConfig = &sagemaker.ModelClientConfig{InvocationsMaxRetries: new(int32(0))}
		}, "map[sub/b.csv.out:4,W\n]", `["4,w\n" "flaky\n"]`, failed, "AlgorithmError: See job logs for more information"},
		"a container that dies": {func(in *sagemaker.CreateTransformJobRequest, m *transformer) {
			m.s3.put("in/data/a.csv", []byte("deadly\n"))
			in.TransformInput.DataSource.S3DataSource.S3Uri = new("s3://in/data/a")
			in.ModelClientConfig = &sagemaker.ModelClientConfig{InvocationsMaxRetries: new(int32(0))}
		}, "map[]", `["deadly\n"]`, failed, "AlgorithmError: See job logs for more information"},
		"nothing to do": {func(in *sagemaker.CreateTransformJobRequest, _ *transformer) {
			in.TransformInput.DataSource.S3DataSource.S3Uri = new("s3://in/nothing/")
		}, "map[]", `[]`, failed, `ClientError: No S3 objects found under S3 URL "s3://in/nothing/" given in input data source.`},
		"an S3 that says no": {func(_ *sagemaker.CreateTransformJobRequest, m *transformer) {
			m.s3.refuse = refuseMethod(http.MethodPut, 403, "AccessDenied")
		}, "map[]", `["1,x\n2,y\n3,z\n"]`, failed, "ClientError: Artifact upload failed:failed to upload artifact. 403 Forbidden (403): Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			m, s := transformWorld(t)
			in := transformRequest("job")
			c.change(in, m)
			m.run(s)
			m.start(s, in)
			d := m.ended(s, "job")
			if *d.TransformJobStatus != c.status || !strings.HasPrefix(text(d.FailureReason), c.of) {
				t.Errorf("%s: %s", *d.TransformJobStatus, text(d.FailureReason))
			}
			m.gone()
			slices.Sort(m.bodies)
			if got, asked := fmt.Sprint(m.outputs()), fmt.Sprintf("%q", m.bodies); got != c.outputs || asked != c.bodies {
				t.Errorf("%s of %s", got, asked)
			}
		})
	}
}

func TestTransformStops(t *testing.T) {
	m, s := transformWorld(t)
	m.hold = make(chan struct{})
	m.run(s)
	m.start(s, transformRequest("job"))
	m.until("the first request", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.bodies) == 1 })
	m.hold <- struct{}{}
	m.until("the second", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.bodies) == 2 })
	if len(m.outputs()) != 1 {
		t.Fatal(m.outputs())
	}
	name := "job"
	for range 2 {
		if _, err := s.stopTransformJob(t.Context(), m.call(), &sagemaker.StopTransformJobRequest{TransformJobName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	if d := m.ended(s, "job"); *d.TransformJobStatus != stopped {
		t.Errorf("%s: %s", *d.TransformJobStatus, text(d.FailureReason))
	}
	m.gone()
	if out := m.outputs(); len(out) != 0 {
		t.Errorf("a stopped job keeps %v", out)
	}
	_, err := s.stopTransformJob(t.Context(), m.call(), &sagemaker.StopTransformJobRequest{TransformJobName: &name})
	if err == nil || err.Error() != "ValidationException: The request was rejected because the transform job is in status Stopped." {
		t.Error(err)
	}
}

// TestTransformIsDescribedInFull: Describe shows what AWS fills in.
func TestTransformIsDescribedInFull(t *testing.T) {
	m, s := transformWorld(t)
	in := transformRequest("job")
	in.TransformInput.SplitType, in.TransformOutput.AssembleWith = nil, nil
	m.start(s, in)
	d, err := s.describeTransformJob(t.Context(), m.call(), &sagemaker.DescribeTransformJobRequest{TransformJobName: new("job")})
	if err != nil {
		t.Fatal(err)
	}
	i, o := d.TransformInput, d.TransformOutput
	if text(i.CompressionType) != "None" || text(i.SplitType) != "None" || text(o.AssembleWith) != "None" || o.KmsKeyId == nil {
		t.Errorf("%+v, %+v", i, o)
	}
}

// TestTransformSurvivesEveryCrash stops the process at each outward call of a job in turn.
func TestTransformSurvivesEveryCrash(t *testing.T) {
	for n := 1; ; n++ {
		if n > 200 {
			t.Fatal("the job never gets through")
		}
		crashed := false
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			m, s := transformWorld(t)
			m.start(s, transformRequest("job"))
			name := "job"
			crashed = m.crashAt(s, n, func() bool {
				d, err := s.describeTransformJob(t.Context(), m.call(), &sagemaker.DescribeTransformJobRequest{TransformJobName: &name})
				return err == nil && *d.TransformJobStatus == completed
			})
			s = m.service()
			m.run(s)
			if d := m.ended(s, "job"); *d.TransformJobStatus != completed {
				t.Errorf("ended %s: %s", *d.TransformJobStatus, text(d.FailureReason))
			}
			m.gone()
			if got := fmt.Sprint(m.outputs()); got != "map[a.csv.out:1,X\n2,Y\n3,Z\n sub/b.csv.out:4,W\n]" {
				t.Error(got)
			}
			m.once()
		})
		if !crashed || t.Failed() {
			return
		}
	}
}

func TestTransformRefuses(t *testing.T) {
	m, s := transformWorld(t)
	if _, err := s.createTransformJob(t.Context(), m.call(), transformRequest("taken")); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*sagemaker.CreateTransformJobRequest){
		"ResourceInUse: Job name must be unique within an AWS account and region, and a job with this name already exists (arn:aws:sagemaker:us-east-1:111122223333:transform-job/taken)": func(in *sagemaker.CreateTransformJobRequest) {
			in.TransformJobName = new("TAKEN")
		},
		`ValidationException: Could not find model "arn:aws:sagemaker:us-east-1:111122223333:model/gone".`: func(in *sagemaker.CreateTransformJobRequest) { in.ModelName = new("gone") },
		`ValidationException: TransformOutput.S3OutputPath "https://x" is not an S3 URI.`: func(in *sagemaker.CreateTransformJobRequest) {
			in.TransformOutput.S3OutputPath = new("https://x")
		},
		"ValidationException: MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100 MB.": func(in *sagemaker.CreateTransformJobRequest) {
			in.MaxConcurrentTransforms, in.MaxPayloadInMB = new(int32(3)), new(int32(34))
		},
		`ValidationException: DataProcessing.InputFilter "x" is not a valid JSONPath expression`: func(in *sagemaker.CreateTransformJobRequest) {
			in.DataProcessing = &sagemaker.DataProcessing{InputFilter: new("x")}
		},
		"ValidationException: DataProcessing requires TransformInput.ContentType": func(in *sagemaker.CreateTransformJobRequest) {
			in.TransformInput.ContentType = new("image/png")
			in.DataProcessing = &sagemaker.DataProcessing{JoinSource: new("Input")}
		},
		"ValidationException: DataProcessing requires TransformOutput.Accept": func(in *sagemaker.CreateTransformJobRequest) {
			in.DataProcessing = &sagemaker.DataProcessing{JoinSource: new("Input")}
		},
		"ValidationException: DataProcessing of text/csv requires TransformInput.SplitType": func(in *sagemaker.CreateTransformJobRequest) {
			in.TransformOutput.Accept, in.TransformOutput.AssembleWith = new("text/csv"), nil
			in.DataProcessing = &sagemaker.DataProcessing{JoinSource: new("Input")}
		},
		"ValidationException: DataCaptureConfig is not supported by this installation.": func(in *sagemaker.CreateTransformJobRequest) {
			in.DataCaptureConfig = &sagemaker.BatchDataCaptureConfig{}
		},
		"ValidationException: TransformInput.DataSource.S3DataSource.S3DataType AugmentedManifestFile is not supported by this installation.": func(in *sagemaker.CreateTransformJobRequest) {
			in.TransformInput.DataSource.S3DataSource.S3DataType = new("AugmentedManifestFile")
		},
		"ValidationException: TransformInput.DataSource.S3DataSource.S3DataType Converse is not supported by this installation.": func(in *sagemaker.CreateTransformJobRequest) {
			in.TransformInput.DataSource.S3DataSource.S3DataType = new("Converse")
		},
		"ResourceLimitExceeded: The account-level service limit 'Number of instances for a transform job' is 100 Instances, with current utilization of 0 Instances and a request delta of 1000000": func(in *sagemaker.CreateTransformJobRequest) {
			in.TransformResources.InstanceCount = new(int32(1000000))
		},
		"ValidationException: TransformOutput.KmsKeyId is not supported by this installation.": func(in *sagemaker.CreateTransformJobRequest) {
			in.TransformOutput.KmsKeyId = new("key")
		},
	} {
		in := transformRequest("job")
		change(in)
		if _, err := s.createTransformJob(t.Context(), m.call(), in); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
	name := "gone"
	if _, err := s.describeTransformJob(t.Context(), m.call(), &sagemaker.DescribeTransformJobRequest{TransformJobName: &name}); err == nil || err.Error() != "ValidationException: Could not find requested job with name: gone" {
		t.Error(err)
	}
	if _, err := s.stopTransformJob(t.Context(), m.call(), &sagemaker.StopTransformJobRequest{TransformJobName: &name}); err == nil || err.Error() != "ValidationException: Could not find job to update with name: gone" {
		t.Error(err)
	}
	list, err := s.listTransformJobs(t.Context(), m.call(), &sagemaker.ListTransformJobsRequest{NameContains: new("ake"), CreationTimeAfter: new(time.Now().Add(-time.Hour))})
	if err != nil || len(list.TransformJobSummaries) != 1 || *list.TransformJobSummaries[0].TransformJobStatus != inProgress {
		t.Error(list, err)
	}
}
