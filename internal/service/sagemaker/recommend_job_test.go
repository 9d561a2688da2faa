package sagemaker

import (
	"archive/tar"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloister/internal/value/shape/sagemaker"
)

func recommendWorld(t *testing.T) (*transformer, *Service) {
	m, _ := transformWorld(t)
	m.s3.put("in/sample.tar.gz", tarball(t, tar.Header{Name: "d", Typeflag: tar.TypeDir}, tar.Header{Name: "d/1", Typeflag: tar.TypeReg, Uname: "one"}, tar.Header{Name: "2", Typeflag: tar.TypeReg, Uname: "two"}))
	return m, m.quick()
}

// quick is a service for which a second of a load test is short.
func (m *transformer) quick() *Service {
	s := m.service()
	s.second = 10 * time.Millisecond
	return s
}

func recommendRequest(name string) *sagemaker.CreateInferenceRecommendationsJobRequest {
	return &sagemaker.CreateInferenceRecommendationsJobRequest{
		JobName: &name, JobType: new(advanced), RoleArn: new(role),
		InputConfig: &sagemaker.RecommendationJobInputConfig{
			ModelName: new("caps"), EndpointConfigurations: []sagemaker.EndpointInputConfiguration{{InstanceType: new("ml.m5.large")}, {InstanceType: new("ml.c5.xlarge")}},
			TrafficPattern: &sagemaker.TrafficPattern{TrafficType: new("PHASES"), Phases: []sagemaker.Phase{{InitialNumberOfUsers: new(int32(1)), SpawnRate: new(int32(60)), DurationInSeconds: new(int32(10))}}},
			ContainerConfig: &sagemaker.RecommendationJobContainerConfig{SupportedResponseMIMETypes: []string{"text/plain"},
				PayloadConfig: &sagemaker.RecommendationJobPayloadConfig{SamplePayloadUrl: new("s3://in/sample.tar.gz"), SupportedContentTypes: []string{"text/csv"}}},
		},
	}
}

func (m *transformer) recommend(s *Service, in *sagemaker.CreateInferenceRecommendationsJobRequest) {
	m.t.Helper()
	if _, err := s.createInferenceRecommendationsJob(m.t.Context(), m.call(), in); err != nil {
		m.t.Fatal(err)
	}
}

func (m *transformer) recommended(s *Service) *sagemaker.DescribeInferenceRecommendationsJobResponse {
	m.t.Helper()
	var d *sagemaker.DescribeInferenceRecommendationsJobResponse
	m.until("the end of the job", func() bool {
		var err error
		if d, err = s.describeInferenceRecommendationsJob(m.t.Context(), m.call(), &sagemaker.DescribeInferenceRecommendationsJobRequest{JobName: new("job")}); err != nil {
			m.t.Fatal(err)
		}
		return slices.Contains([]string{"COMPLETED", "FAILED", "STOPPED"}, *d.Status)
	})
	return d
}

// steps are the statuses of the tests, and why they failed.
func (m *transformer) steps(s *Service) (out []string) {
	m.t.Helper()
	in := &sagemaker.ListInferenceRecommendationsJobStepsRequest{JobName: new("job"), MaxResults: new(int32(1))}
	for {
		page, err := s.listInferenceRecommendationsJobSteps(m.t.Context(), m.call(), in)
		if err != nil {
			m.t.Fatal(err)
		}
		for _, st := range page.Steps {
			out = append(out, strings.TrimSpace(*st.Status+" "+text(st.InferenceBenchmark.FailureReason)))
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return out
		}
	}
}

func TestRecommendCompletes(t *testing.T) {
	m, s := recommendWorld(t)
	in := recommendRequest("job")
	in.InputConfig.EndpointConfigurations[1].EnvironmentParameterRanges = &sagemaker.EnvironmentParameterRanges{
		CategoricalParameterRanges: []sagemaker.CategoricalParameter{{Name: new("OF"), Value: []string{"a", "b"}}},
	}
	m.recommend(s, in)
	d, err := s.describeInferenceRecommendationsJob(t.Context(), m.call(), &sagemaker.DescribeInferenceRecommendationsJobRequest{JobName: new("JOB")})
	if err != nil || *d.Status != "PENDING" || fmt.Sprint(m.steps(s)) != "[PENDING PENDING PENDING]" || d.CompletionTime != nil {
		t.Fatalf("%v %s %v", err, *d.Status, m.steps(s))
	}
	m.run(s)
	d = m.recommended(s)
	if *d.Status != "COMPLETED" || len(d.InferenceRecommendations) != 3 || d.CompletionTime == nil || d.FailureReason != nil {
		t.Fatalf("%s %s %v", *d.Status, text(d.FailureReason), m.steps(s))
	}
	shapes := map[string]bool{}
	for i, r := range d.InferenceRecommendations {
		e := r.EndpointConfiguration
		shape := *e.InstanceType
		for _, v := range r.ModelConfiguration.EnvironmentParameters {
			shape += " " + *v.Key + "=" + *v.Value
		}
		shapes[shape] = true
		if *r.Metrics.MaxInvocations < 1 || *r.Metrics.ModelLatency < 1 || r.Metrics.CostPerHour != nil || r.Metrics.CpuUtilization != nil ||
			!strings.HasPrefix(*r.RecommendationId, "job/") || !r.InvocationStartTime.Before(*r.InvocationEndTime) || *e.InitialInstanceCount != 1 {
			t.Errorf("%+v", r)
		}
		if i > 0 && *r.Metrics.MaxInvocations > *d.InferenceRecommendations[i-1].Metrics.MaxInvocations {
			t.Error("the best does not come first")
		}
	}
	if len(shapes) != 3 || !shapes["ml.m5.large"] || !shapes["ml.c5.xlarge OF=a"] || !shapes["ml.c5.xlarge OF=b"] {
		t.Error(shapes)
	}
	if fmt.Sprint(m.steps(s)) != "[COMPLETED COMPLETED COMPLETED]" {
		t.Error(m.steps(s))
	}
	m.gone()
	if !slices.Contains(m.bodies, "one") || !slices.Contains(m.bodies, "two") || m.heads[0].Get("Content-Type") != "text/csv" || m.heads[0].Get("Accept") != "text/plain" {
		t.Error(m.bodies[0], m.heads[0])
	}
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	for stream := range m.lines {
		if !strings.HasPrefix(stream, "/aws/sagemaker/InferenceRecommendationsJobs job/Endpoint/sm-epc-rj-") {
			t.Error(stream)
		}
	}
	if len(m.lines) != 3 {
		t.Errorf("%d log streams", len(m.lines))
	}
}

func TestRecommendDoesWhatTheRequestSays(t *testing.T) {
	usual := "[COMPLETED COMPLETED]"
	for name, c := range map[string]struct {
		change        func(*sagemaker.CreateInferenceRecommendationsJobRequest, *transformer)
		status, steps string
		of            string
	}{
		"stairs": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, _ *transformer) {
			in.InputConfig.TrafficPattern = &sagemaker.TrafficPattern{TrafficType: new("STAIRS"),
				Stairs: &sagemaker.Stairs{DurationInSeconds: new(int32(10)), NumberOfSteps: new(int32(2)), UsersPerStep: new(int32(2))}}
		}, "COMPLETED", usual, ""},
		"both at a time": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, _ *transformer) {
			in.InputConfig.ResourceLimit = &sagemaker.RecommendationJobResourceLimit{MaxParallelOfTests: new(int32(2))}
		}, "COMPLETED", usual, ""},
		"enough": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, _ *transformer) {
			// More than there is patience for: only the condition ends it.
			in.InputConfig.TrafficPattern.Phases[0] = sagemaker.Phase{InitialNumberOfUsers: new(int32(1)), DurationInSeconds: new(int32(10000))}
			in.StoppingConditions = &sagemaker.RecommendationJobStoppingConditions{MaxInvocations: new(int32(1)), FlatInvocations: new("Continue")}
		}, "COMPLETED", usual, ""},
		"a default job": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, _ *transformer) {
			in.JobType = new("Default")
			in.InputConfig.TrafficPattern, in.InputConfig.EndpointConfigurations = nil, nil
			in.InputConfig.ContainerConfig.SupportedInstanceTypes = []string{"ml.m5.large"}
		}, "COMPLETED", "[COMPLETED]", ""},
		"a VPC of its own": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, _ *transformer) {
			in.InputConfig.VpcConfig = &sagemaker.RecommendationJobVpcConfig{Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroupIds: []string{"sg-1"}}
		}, "COMPLETED", usual, ""},
		"one zone": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, _ *transformer) {
			in.InputConfig.VpcConfig = &sagemaker.RecommendationJobVpcConfig{Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}}
		}, "FAILED", "[FAILED FAILED]", "Unable to locate at least 2 availability zone(s) with the requested instance type ml.m5.large"},
		"few addresses": {func(_ *sagemaker.CreateInferenceRecommendationsJobRequest, m *transformer) {
			m.estate.free["subnet-1"], m.estate.free["subnet-2"] = 2, 1
		}, "FAILED", "[FAILED FAILED]", "ClientError: The subnets have 3 free private IP addresses and 4 are needed, 2 for each instance."},
		"one dies": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, _ *transformer) {
			in.InputConfig.EndpointConfigurations[0].EnvironmentParameterRanges = &sagemaker.EnvironmentParameterRanges{
				CategoricalParameterRanges: []sagemaker.CategoricalParameter{{Name: new("DIE"), Value: []string{"yes"}}},
			}
		}, "COMPLETED", "[FAILED AlgorithmError: The model container ended during the load test, exit code: 3 COMPLETED]", ""},
		"all die": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, m *transformer) {
			in.InputConfig.TrafficPattern.Phases[0].DurationInSeconds = new(int32(60))
			m.s3.put("in/sample.tar.gz", tarball(m.t, tar.Header{Name: "x", Typeflag: tar.TypeReg, Uname: "deadly"}))
		}, "FAILED", "[FAILED AlgorithmError: The model container ended during the load test, exit code: 0 FAILED AlgorithmError: The model container ended during the load test, exit code: 0]",
			"No load test succeeded. AlgorithmError: The model container ended during the load test"},
		"the model refuses": {func(_ *sagemaker.CreateInferenceRecommendationsJobRequest, m *transformer) {
			m.s3.put("in/sample.tar.gz", tarball(m.t, tar.Header{Name: "x", Typeflag: tar.TypeReg, Uname: "poison"}))
		}, "FAILED", "", "No load test succeeded. AlgorithmError: The model container answered no invocation. Bad HTTP status received from algorithm: 400 cannot"},
		"no archive": {func(_ *sagemaker.CreateInferenceRecommendationsJobRequest, m *transformer) {
			m.s3.put("in/sample.tar.gz", []byte("x"))
		}, "FAILED", "", "ClientError: The sample payload s3://in/sample.tar.gz cannot be used: it is not gzipped."},
		"an empty archive": {func(_ *sagemaker.CreateInferenceRecommendationsJobRequest, m *transformer) {
			m.s3.put("in/sample.tar.gz", tarball(m.t))
		}, "FAILED", "", "ClientError: The sample payload s3://in/sample.tar.gz cannot be used: it holds no file."},
		"a bucket that says no": {func(_ *sagemaker.CreateInferenceRecommendationsJobRequest, m *transformer) {
			m.s3.refuse = func(r *http.Request) (int, string) {
				if strings.HasSuffix(r.URL.Path, "sample.tar.gz") {
					return 403, "AccessDenied"
				}
				return 0, ""
			}
		}, "FAILED", "", "ClientError: Data download failed:failed to download data. 403 Forbidden (403): Forbidden. The sample payload is at s3://in/sample.tar.gz; it is not read through the VPC"},
		"too long": {func(in *sagemaker.CreateInferenceRecommendationsJobRequest, m *transformer) {
			in.InputConfig.JobDurationInSeconds = new(int32(1))
			in.InputConfig.TrafficPattern.Phases[0].DurationInSeconds = new(int32(1))
			m.hold = make(chan struct{})
			m.slow = true
		}, "STOPPED", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, s := recommendWorld(t)
			in := recommendRequest("job")
			c.change(in, m)
			if m.slow { // its second is a whole one, and the test's lasts for ever
				s.second = time.Hour
			}
			m.run(s)
			m.recommend(s, in)
			d := m.recommended(s)
			if *d.Status != c.status || !strings.HasPrefix(text(d.FailureReason), c.of) || (c.of == "") != (d.FailureReason == nil) {
				t.Errorf("%s: %s", *d.Status, text(d.FailureReason))
			}
			if got := fmt.Sprint(m.steps(s)); c.steps != "" && c.of == "" && got != c.steps {
				t.Error(got)
			}
			m.gone()
		})
	}
}

func TestRecommendIsolatedEndpointsHaveNoPeers(t *testing.T) {
	m, s := recommendWorld(t)
	m.model(s, "apart", true)
	m.run(s)
	in := recommendRequest("job")
	in.InputConfig.ModelName = new("apart")
	m.setBefore(func(call string) {
		if call == "join" {
			t.Error("they share a network")
		}
	})
	m.recommend(s, in)
	if d := m.recommended(s); *d.Status != "COMPLETED" {
		t.Errorf("%s: %s", *d.Status, text(d.FailureReason))
	}
	m.gone()
}

func TestRecommendStops(t *testing.T) {
	m, s := recommendWorld(t)
	m.hold = make(chan struct{})
	s.second = time.Minute
	m.run(s)
	m.recommend(s, recommendRequest("job"))
	m.until("the first request", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.bodies) > 0 })
	if got := fmt.Sprint(m.steps(s)); got != "[IN_PROGRESS PENDING]" {
		t.Error(got)
	}
	stops := &sagemaker.StopInferenceRecommendationsJobRequest{JobName: new("job")}
	for range 2 {
		if _, err := s.stopInferenceRecommendationsJob(t.Context(), m.call(), stops); err != nil {
			t.Fatal(err)
		}
	}
	if d := m.recommended(s); *d.Status != "STOPPED" || d.FailureReason != nil || len(d.InferenceRecommendations) != 0 {
		t.Errorf("%s: %s", *d.Status, text(d.FailureReason))
	}
	if got := fmt.Sprint(m.steps(s)); got != "[STOPPED STOPPED]" {
		t.Error(got)
	}
	m.gone()
	_, err := s.stopInferenceRecommendationsJob(t.Context(), m.call(), stops)
	refused(t, err, "ValidationException", "The request was rejected because the inference recommendations job is in status STOPPED.")
}

// TestRecommendSurvivesEveryCrash stops the process at each outward call of a job in turn. Only the requests of the
// load are left out: their number is not known.
func TestRecommendSurvivesEveryCrash(t *testing.T) {
	for n := 1; ; n++ {
		if n > 200 {
			t.Fatal("the job never gets through")
		}
		crashed := false
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			m, s := recommendWorld(t)
			in := recommendRequest("job")
			in.InputConfig.TrafficPattern.Phases[0] = sagemaker.Phase{InitialNumberOfUsers: new(int32(1)), DurationInSeconds: new(int32(10))}
			m.recommend(s, in)
			crashed = m.crashAt(s, n, func() bool {
				d, err := s.describeInferenceRecommendationsJob(t.Context(), m.call(), &sagemaker.DescribeInferenceRecommendationsJobRequest{JobName: new("job")})
				return err == nil && *d.Status == "COMPLETED"
			})
			s = m.quick()
			m.run(s)
			d := m.recommended(s)
			if *d.Status != "COMPLETED" || len(d.InferenceRecommendations) != 2 {
				t.Errorf("ended %s: %s, %v", *d.Status, text(d.FailureReason), m.steps(s))
			}
			m.gone()
		})
		if !crashed || t.Failed() {
			if n < 10 {
				t.Errorf("only %d calls were interrupted", n-1)
			}
			return
		}
	}
}
