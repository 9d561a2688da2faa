package sagemaker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// compiler writes its model in capital letters; what the model says is what it does else.
func compiler(ctx context.Context, p memory.Process) int {
	b, err := os.ReadFile(p.Path("/opt/ml/input/data/model/weights"))
	config, bad := os.ReadFile(p.Path("/opt/ml/input/config/compilationjobconfig.json"))
	if errors.Join(err, bad) != nil || !strings.Contains(string(config), `"Framework":"ONNX"`) || value(p.Env, "COMPILATION_JOB_NAME") == "" {
		return 9
	}
	fmt.Fprintln(p.Output, "compiling")
	switch string(b) {
	case "bad":
		os.WriteFile(p.Path("/opt/ml/output/failure"), []byte("InputConfiguration: no such operator\n"), 0o644)
		return 1
	case "worse":
		return 4
	case "none":
		return 0
	case "slow":
		select {
		case <-p.Terminate:
		case <-ctx.Done():
		}
	}
	os.WriteFile(p.Path("/opt/ml/model/compiled"), []byte(strings.ToUpper(string(b))), 0o644)
	return 0
}

func compilationWorld(t *testing.T, weights string) (*processor, *Service) {
	w, _ := trainingWorld(t)
	w.exec = memory.New(map[string]memory.Program{"program": compiler})
	w.config = func(c *Config) { c.Compiler = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1" }
	w.s3.put("in/m/model.tar.gz", tarball(t, tar.Header{Name: "weights", Typeflag: tar.TypeReg, Mode: 0o644, Uname: weights}))
	return &processor{world: w}, w.service()
}

func compilationRequest(name string) *sagemaker.CreateCompilationJobRequest {
	return &sagemaker.CreateCompilationJobRequest{
		CompilationJobName: &name, RoleArn: new(role),
		InputConfig:       &sagemaker.InputConfig{S3Uri: new("s3://in/m/model.tar.gz"), Framework: new("ONNX")},
		OutputConfig:      &sagemaker.OutputConfig{S3OutputLocation: new("s3://out/done"), TargetDevice: new("ml_c5")},
		StoppingCondition: &sagemaker.StoppingCondition{MaxRuntimeInSeconds: new(int32(900))},
		VpcConfig:         &sagemaker.NeoVpcConfig{Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}},
	}
}

func (m *processor) compiled(s *Service, name string) (d *sagemaker.DescribeCompilationJobResponse) {
	m.t.Helper()
	m.until("the end of "+name, func() (over bool) {
		var err error
		if d, err = s.describeCompilationJob(m.t.Context(), m.call(), &sagemaker.DescribeCompilationJobRequest{CompilationJobName: &name}); err != nil {
			m.t.Fatal(err)
		}
		return slices.Contains([]string{"COMPLETED", "FAILED", "STOPPED"}, *d.CompilationJobStatus)
	})
	m.until("nothing left", func() bool {
		m.world.mu.Lock()
		defer m.world.mu.Unlock()
		return len(m.interfaces)+len(m.isolated) == 0
	})
	m.empty()
	return d
}

func TestCompilation(t *testing.T) {
	for name, c := range map[string]struct {
		weights        string
		change         func(*sagemaker.CreateCompilationJobRequest, *world)
		status, reason string
		key            string
	}{
		"compiles": {"w", nil, "COMPLETED", "", "model-ml_c5.tar.gz"},
		"for a platform": {"w", func(in *sagemaker.CreateCompilationJobRequest, _ *world) {
			in.OutputConfig.TargetDevice, in.OutputConfig.TargetPlatform = nil, &sagemaker.TargetPlatform{Os: new("LINUX"), Arch: new("ARM64"), Accelerator: new("NVIDIA")}
		}, "COMPLETED", "", "model-LINUX_ARM64_NVIDIA.tar.gz"},
		"without a VPC":        {"w", func(in *sagemaker.CreateCompilationJobRequest, _ *world) { in.VpcConfig = nil }, "COMPLETED", "", "model-ml_c5.tar.gz"},
		"what cannot be":       {"bad", nil, "FAILED", "ClientError: InputConfiguration: no such operator", ""},
		"what the image can't": {"worse", nil, "FAILED", "AlgorithmError: , exit code: 4", ""},
		"to nothing":           {"none", nil, "FAILED", "ClientError: The compiler made no model.", ""},
		"too long": {"slow", func(in *sagemaker.CreateCompilationJobRequest, _ *world) {
			in.StoppingCondition.MaxRuntimeInSeconds = new(int32(1))
		}, "FAILED", "ClientError: TimeOut: The model was not compiled within 1 seconds.", ""},
		"no archive": {"w", func(_ *sagemaker.CreateCompilationJobRequest, w *world) { w.s3.put("in/m/model.tar.gz", []byte("x")) },
			"FAILED", "ClientError: InputConfiguration: Failed to extract model data archive from URL \"s3://in/m/model.tar.gz\"", ""},
		"without a compiler": {"w", func(_ *sagemaker.CreateCompilationJobRequest, w *world) { w.config = nil },
			"FAILED", "ClientError: Models cannot be compiled: the operator of this installation has named no image that compiles (compiler_image).", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := compilationWorld(t, c.weights)
			in := compilationRequest("job")
			if c.change != nil {
				c.change(in, m.world)
			}
			s := m.service()
			if _, err := s.createCompilationJob(t.Context(), m.call(), in); err != nil {
				t.Fatal(err)
			}
			if d, err := s.describeCompilationJob(t.Context(), m.call(), &sagemaker.DescribeCompilationJobRequest{CompilationJobName: new("JOB")}); err != nil || *d.CompilationJobStatus != "STARTING" {
				t.Error(d, err)
			}
			m.run(s)
			d := m.compiled(s, "job")
			if *d.CompilationJobStatus != c.status || !strings.HasPrefix(*d.FailureReason, c.reason) || (c.reason == "") != (*d.FailureReason == "") {
				t.Errorf("%s %s", *d.CompilationJobStatus, *d.FailureReason)
			}
			out := m.outputs()
			if c.key == "" && len(out) > 0 || c.key != "" && (len(out) != 1 || *d.ModelArtifacts.S3ModelArtifacts != "s3://out/done/"+c.key || untar(t, []byte(out[c.key]))["compiled"] != "W") {
				t.Errorf("%v at %s", out, *d.ModelArtifacts.S3ModelArtifacts)
			}
		})
	}
}

func TestCompilationStopsAndIsDeleted(t *testing.T) {
	m, s := compilationWorld(t, "slow")
	m.run(s)
	if _, err := s.createCompilationJob(t.Context(), m.call(), compilationRequest("job")); err != nil {
		t.Fatal(err)
	}
	m.until("compiling", func() bool { all, _ := m.exec.List(t.Context()); return len(all) == 1 })
	name := &sagemaker.DeleteCompilationJobRequest{CompilationJobName: new("job")}
	_, err := s.deleteCompilationJob(t.Context(), m.call(), name)
	refused(t, err, "ValidationException", "compilation-job/job cannot be deleted because it is in status INPROGRESS.")
	for range 2 {
		if _, err := s.stopCompilationJob(t.Context(), m.call(), &sagemaker.StopCompilationJobRequest{CompilationJobName: new("job")}); err != nil {
			t.Fatal(err)
		}
	}
	if d := m.compiled(s, "job"); *d.CompilationJobStatus != "STOPPED" || len(m.outputs()) != 0 {
		t.Errorf("%s %s %v", *d.CompilationJobStatus, *d.FailureReason, m.outputs())
	}
	_, err = s.stopCompilationJob(t.Context(), m.call(), &sagemaker.StopCompilationJobRequest{CompilationJobName: new("job")})
	refused(t, err, "ValidationException", "The request was rejected because the compilation job is in status STOPPED.")
	list, err := s.listCompilationJobs(t.Context(), m.call(), &sagemaker.ListCompilationJobsRequest{StatusEquals: new("STOPPED")})
	if err != nil || len(list.CompilationJobSummaries) != 1 || *list.CompilationJobSummaries[0].CompilationTargetDevice != "ml_c5" {
		t.Error(list, err)
	}
	if _, err := s.deleteCompilationJob(t.Context(), m.call(), name); err != nil {
		t.Fatal(err)
	}
	_, err = s.deleteCompilationJob(t.Context(), m.call(), name)
	refused(t, err, "ResourceNotFound", "Could not find requested job with name: job")
}

// TestCompilationHeedsAStop asks at each outward call of a job, one after the other, that it stop: whatever the compiler makes of
// its model, no job fails of which that was asked.
func TestCompilationHeedsAStop(t *testing.T) {
	for _, weights := range []string{"w", "bad", "none"} {
		asked := true
		for n := 1; asked && n < 100; n++ {
			asked = false
			m, s := compilationWorld(t, weights)
			if _, err := s.createCompilationJob(t.Context(), m.call(), compilationRequest("job")); err != nil {
				t.Fatal(err)
			}
			var calls atomic.Int32
			m.setBefore(func(string) {
				if int(calls.Add(1)) == n {
					_, err := s.stopCompilationJob(t.Context(), m.call(), &sagemaker.StopCompilationJobRequest{CompilationJobName: new("job")})
					asked = err == nil
				}
			})
			m.run(s)
			if d := m.compiled(s, "job"); asked && *d.CompilationJobStatus != "STOPPED" && *d.CompilationJobStatus != "COMPLETED" {
				t.Errorf("%s, stopped at call %d: %s %s", weights, n, *d.CompilationJobStatus, *d.FailureReason)
			}
		}
	}
}

// TestCompilationSurvivesEveryCrash stops the process at each outward call of a job in turn.
func TestCompilationSurvivesEveryCrash(t *testing.T) {
	for n := 1; ; n++ {
		if n > 200 {
			t.Fatal("the job never gets through")
		}
		crashed := false
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			m, s := compilationWorld(t, "w")
			if _, err := s.createCompilationJob(t.Context(), m.call(), compilationRequest("job")); err != nil {
				t.Fatal(err)
			}
			crashed = m.crashAt(s, n, func() bool {
				d, err := s.describeCompilationJob(t.Context(), m.call(), &sagemaker.DescribeCompilationJobRequest{CompilationJobName: new("job")})
				return err == nil && *d.CompilationJobStatus == "COMPLETED"
			})
			s = m.service()
			m.run(s)
			if d := m.compiled(s, "job"); *d.CompilationJobStatus != "COMPLETED" {
				t.Errorf("%s %s", *d.CompilationJobStatus, *d.FailureReason)
			}
			m.once()
		})
		if !crashed || t.Failed() {
			if n < 10 {
				t.Errorf("only %d calls were interrupted", n-1)
			}
			return
		}
	}
}

func TestCompilationRefuses(t *testing.T) {
	m, s := compilationWorld(t, "w")
	if _, err := s.createCompilationJob(t.Context(), m.call(), compilationRequest("taken")); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*sagemaker.CreateCompilationJobRequest){
		"ResourceInUse: Compilation job names must be unique within an AWS account and region, and a compilation job with this name already exists (arn:aws:sagemaker:us-east-1:111122223333:compilation-job/taken)": func(in *sagemaker.CreateCompilationJobRequest) {
			in.CompilationJobName = new("TAKEN")
		},
		"ValidationException: ModelPackageVersionArn is not supported by this installation.": func(in *sagemaker.CreateCompilationJobRequest) { in.ModelPackageVersionArn = new("x") },
		"ValidationException: OutputConfig.KmsKeyId is not supported by this installation.":  func(in *sagemaker.CreateCompilationJobRequest) { in.OutputConfig.KmsKeyId = new("x") },
		"ValidationException: StoppingCondition.MaxWaitTimeInSeconds is not supported by this installation.": func(in *sagemaker.CreateCompilationJobRequest) {
			in.StoppingCondition.MaxWaitTimeInSeconds = new(int32(1))
		},
		"ValidationException: RoleArn: Cross-account pass role is not allowed.": func(in *sagemaker.CreateCompilationJobRequest) {
			in.RoleArn = new("arn:aws:iam::999999999999:role/execution")
		},
		"ValidationException: Provide either a ModelPackageVersionArn or an InputConfig.":               func(in *sagemaker.CreateCompilationJobRequest) { in.InputConfig = nil },
		`ValidationException: InputConfig.S3Uri "s3://in/m/.tar.gz" is not the S3 URI of a tar archive`: func(in *sagemaker.CreateCompilationJobRequest) { in.InputConfig.S3Uri = new("s3://in/m/.tar.gz") },
		`ValidationException: InputConfig.S3Uri "https://in/m.tar.gz" is not the S3 URI`:                func(in *sagemaker.CreateCompilationJobRequest) { in.InputConfig.S3Uri = new("https://in/m.tar.gz") },
		`ValidationException: InputConfig.S3Uri "s3://in/` + strings.Repeat("x", 200): func(in *sagemaker.CreateCompilationJobRequest) {
			in.InputConfig.S3Uri = new("s3://in/" + strings.Repeat("x", 200) + ".tar.gz")
		},
		`ValidationException: OutputConfig.S3OutputLocation "x" is not an S3 URI.`:           func(in *sagemaker.CreateCompilationJobRequest) { in.OutputConfig.S3OutputLocation = new("x") },
		"ValidationException: OutputConfig needs either a TargetDevice or a TargetPlatform.": func(in *sagemaker.CreateCompilationJobRequest) { in.OutputConfig.TargetDevice = nil },
		"ValidationException: OutputConfig.CompilerOptions is not JSON.":                     func(in *sagemaker.CreateCompilationJobRequest) { in.OutputConfig.CompilerOptions = new("{x") },
	} {
		in := compilationRequest("job")
		change(in)
		if _, err := s.createCompilationJob(t.Context(), m.call(), in); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
	b, err := s.Bind()
	if err != nil {
		t.Fatal(err)
	}
	if ch := b.Operations["CreateCompilationJob"].Checks(m.call(), compilationRequest("Job")); len(ch) != 2 || ch[0].Resource != "arn:aws:sagemaker:us-east-1:111122223333:compilation-job/job" || ch[1].Action != "iam:PassRole" {
		t.Errorf("checks %+v", ch)
	}
	for _, n := range []string{"DescribeCompilationJob", "StopCompilationJob", "DeleteCompilationJob", "ListCompilationJobs"} {
		if ch := b.Operations[n].Checks(m.call(), b.Operations[n].New()); len(ch) != 1 || ch[0].Action != "sagemaker:"+n {
			t.Errorf("%s asks %v", n, ch)
		}
	}
}
