package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloister/internal/frame/api"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

func TestBind(t *testing.T) {
	b, err := newWorld(t, nil).service().Bind()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"CreateTrainingJob", "DescribeTrainingJob", "ListTrainingJobs", "StopTrainingJob", "CreateModel", "DescribeModel", "ListModels",
		"DeleteModel", "CreateEndpointConfig", "DescribeEndpointConfig", "ListEndpointConfigs", "DeleteEndpointConfig", "CreateEndpoint", "DescribeEndpoint",
		"ListEndpoints", "UpdateEndpoint", "DeleteEndpoint", "AddTags", "ListTags", "DeleteTags", "ListNotebookInstances"} {
		if b.Operations[n] == nil {
			t.Errorf("%s is not defined", n)
			continue
		}
		// No operation may be had for nothing.
		if ch := b.Operations[n].Checks(&api.Call{Region: region}, b.Operations[n].New()); len(ch) == 0 || ch[0].Action != "sagemaker:"+n || ch[0].Demand != api.Allowed {
			t.Errorf("%s asks %v", n, ch)
		}
	}
}

func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != code || f.Status != 400 || !strings.Contains(f.Message, message) {
		t.Errorf("got %v, want %s %q", err, code, message)
	}
}

func TestCreateTrainingJobChecks(t *testing.T) {
	w := newWorld(t, nil)
	r := trainingRequest("Digits")
	r.Tags = []sagemaker.Tag{{Key: new("team"), Value: new("a")}}
	ch := createTrainingJobChecks(w.call(), r)
	if len(ch) != 3 || ch[1].Action != "iam:PassRole" || ch[1].Resource != role || ch[2].Action != "sagemaker:AddTags" || ch[2].Resource != ch[0].Resource {
		t.Fatalf("checks %+v", ch)
	}
	if ch[0].Resource != "arn:aws:sagemaker:us-east-1:111122223333:training-job/digits" {
		t.Errorf("resource %s", ch[0].Resource)
	}
	if d := cmp.Diff([]api.Key{api.K("iam:PassedToService", "sagemaker.amazonaws.com"), api.K("iam:AssociatedResourceArn", ch[0].Resource)}, ch[1].Keys); d != "" {
		t.Error(d)
	}
	keys := map[string]api.Key{}
	for _, k := range ch[0].Keys {
		keys[k.Name] = k
	}
	want := map[string]api.Key{
		"sagemaker:VpcSubnets": api.Ks("sagemaker:VpcSubnets", "subnet-1"), "sagemaker:VpcSecurityGroupIds": api.Ks("sagemaker:VpcSecurityGroupIds", "sg-1"),
		"sagemaker:NetworkIsolation": api.K("sagemaker:NetworkIsolation", "true"), "sagemaker:InstanceTypes": api.Ks("sagemaker:InstanceTypes", "ml.m5.large"),
		"sagemaker:MaxRuntimeInSeconds": api.K("sagemaker:MaxRuntimeInSeconds", "600"), "aws:RequestTag/team": api.K("aws:RequestTag/team", "a"),
		"aws:TagKeys": api.Ks("aws:TagKeys", "team"),
	}
	if d := cmp.Diff(want, keys); d != "" {
		t.Error(d)
	}
	// What is not in the request is not in the keys: a policy asks Null for it.
	r.VpcConfig, r.EnableNetworkIsolation, r.Tags = nil, nil, nil
	for _, k := range createTrainingJobChecks(w.call(), r)[0].Keys {
		if strings.Contains(k.Name, "Vpc") || strings.Contains(k.Name, "Isolation") || strings.Contains(k.Name, "Tag") {
			t.Errorf("key %s of an absent member", k.Name)
		}
	}
}

func TestCreateTrainingJobRefuses(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	cases := map[string]func(*sagemaker.CreateTrainingJobRequest){
		"SessionChainingConfig is not supported": func(r *sagemaker.CreateTrainingJobRequest) {
			r.SessionChainingConfig = &sagemaker.SessionChainingConfig{EnableSessionTagChaining: new(true)}
		},
		"Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true": func(r *sagemaker.CreateTrainingJobRequest) {
			r.StoppingCondition.MaxWaitTimeInSeconds = new(int32(3600))
		},
		"Invalid MaxWaitTimeInSeconds. It must be present": func(r *sagemaker.CreateTrainingJobRequest) { r.EnableManagedSpotTraining = new(true) },
		"greater than or equal to MaxRuntimeInSeconds": func(r *sagemaker.CreateTrainingJobRequest) {
			r.EnableManagedSpotTraining, r.StoppingCondition.MaxWaitTimeInSeconds = new(true), new(int32(599))
		},
		"CheckpointConfig.S3Uri": func(r *sagemaker.CreateTrainingJobRequest) { r.CheckpointConfig = &sagemaker.CheckpointConfig{} },
		"DebugHookConfig":        func(r *sagemaker.CreateTrainingJobRequest) { r.DebugHookConfig = &sagemaker.DebugHookConfig{} },
		"CheckpointConfig.LocalPath": func(r *sagemaker.CreateTrainingJobRequest) {
			r.CheckpointConfig = &sagemaker.CheckpointConfig{S3Uri: new("s3://out/c"), LocalPath: new("/opt/ml/model/x")}
		},
		"ExperimentConfig": func(r *sagemaker.CreateTrainingJobRequest) { r.ExperimentConfig = &sagemaker.ExperimentConfig{} },
		"ProfilerConfig":   func(r *sagemaker.CreateTrainingJobRequest) { r.ProfilerConfig = &sagemaker.ProfilerConfig{} },
		"RetryStrategy":    func(r *sagemaker.CreateTrainingJobRequest) { r.RetryStrategy = &sagemaker.RetryStrategy{} },
		"Invalid MaxRuntimeInSeconds. It must be less than or equal to 2419200": func(r *sagemaker.CreateTrainingJobRequest) {
			r.StoppingCondition.MaxRuntimeInSeconds = new(int32(2419201))
		},
		"TrainingImageConfig": func(r *sagemaker.CreateTrainingJobRequest) {
			r.AlgorithmSpecification.TrainingImageConfig = &sagemaker.TrainingImageConfig{TrainingRepositoryAccessMode: new("Vpc")}
		},
		"AlgorithmName":  func(r *sagemaker.CreateTrainingJobRequest) { r.AlgorithmSpecification.AlgorithmName = new("a") },
		"InstanceCount":  func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.InstanceCount = new(int32(0)) },
		"VolumeKmsKeyId": func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.VolumeKmsKeyId = new("k") },
		"KeepAlivePeriodInSeconds": func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig.KeepAlivePeriodInSeconds, r.EnableManagedSpotTraining = new(int32(1)), new(true)
			r.StoppingCondition.MaxWaitTimeInSeconds = new(int32(86400))
		},
		"InstanceGroups": func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig.InstanceGroups = []sagemaker.InstanceGroup{{}}
		},
		"OutputDataConfig.KmsKeyId": func(r *sagemaker.CreateTrainingJobRequest) { r.OutputDataConfig.KmsKeyId = new("k") },
		"FileSystemDataSource": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].DataSource.FileSystemDataSource = &sagemaker.FileSystemDataSource{}
		},
		"S3DataType AugmentedManifestFile": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].DataSource.S3DataSource.S3DataType = new("AugmentedManifestFile")
		},
		"CompressionType Gzip": func(r *sagemaker.CreateTrainingJobRequest) { r.InputDataConfig[0].CompressionType = new("Gzip") },
		"AttributeNames is required": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].InputMode = new("Pipe")
			r.InputDataConfig[0].DataSource.S3DataSource.S3DataType = new("AugmentedManifestFile")
		},
		"AttributeNames can only be used": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].DataSource.S3DataSource.AttributeNames = []string{"a"}
		},
		"does not name an object": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].DataSource.S3DataSource = &sagemaker.S3DataSource{S3DataType: new("ManifestFile"), S3Uri: new("s3://data")}
		},
		"RecordWrapperType RecordIO can only be used": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].RecordWrapperType = new("RecordIO")
		},
		"S3DataType Converse": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].DataSource.S3DataSource.S3DataType = new("Converse")
		},
		"InputMode FastFile can only be used with S3DataType S3Prefix": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].InputMode = new("FastFile")
			r.InputDataConfig[0].DataSource.S3DataSource = &sagemaker.S3DataSource{S3DataType: new("ManifestFile"), S3Uri: new("s3://data/m")}
		},
		"S3Uri": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].DataSource.S3DataSource.S3Uri = new("https://x")
		},
		"S3OutputPath": func(r *sagemaker.CreateTrainingJobRequest) { r.OutputDataConfig.S3OutputPath = new("/x") },
		"more than once": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig = append(r.InputDataConfig, r.InputDataConfig[0])
		},
		"is not a channel": func(r *sagemaker.CreateTrainingJobRequest) { r.InputDataConfig[0].ChannelName = new("..") },
		"The requested resource training-job/ml.p4d.24xlarge is not available in this region": func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig.InstanceType = new("ml.p4d.24xlarge")
		},
		"RoleArn: Cross-account pass role is not allowed.": func(r *sagemaker.CreateTrainingJobRequest) { r.RoleArn = new("arn:aws:iam::999999999999:role/x") },
		"AlgorithmSpecification is required":               func(r *sagemaker.CreateTrainingJobRequest) { r.AlgorithmSpecification = nil },
		"DataSource.S3DataSource is required":              func(r *sagemaker.CreateTrainingJobRequest) { r.InputDataConfig[0].DataSource = nil },
	}
	for message, change := range cases {
		r := trainingRequest("job")
		change(r)
		_, err := s.createTrainingJob(t.Context(), w.call(), r)
		refused(t, err, "ValidationException", message)
	}
	w.deny["sts.AssumeRole"] = fault.Kind{Code: "AccessDenied", Status: 403}.New("no")
	_, err := s.createTrainingJob(t.Context(), w.call(), trainingRequest("job"))
	refused(t, err, "ValidationException", "Could not assume role "+role+". Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.")
	w.deny["sts.AssumeRole"] = errors.New("disk")
	if _, err := s.createTrainingJob(t.Context(), w.call(), trainingRequest("job")); err == nil || fault.Is(err, "ValidationException") {
		t.Errorf("an inner error became %v", err)
	}
	out, err := s.listTrainingJobs(t.Context(), w.call(), &sagemaker.ListTrainingJobsRequest{})
	if err != nil || len(out.TrainingJobSummaries) != 0 {
		t.Errorf("refused jobs are on record: %v %v", out, err)
	}
}

func TestCreateTrainingJobOnce(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	var made atomic.Int32
	var g sync.WaitGroup
	for n := range 8 {
		g.Go(func() {
			_, err := s.createTrainingJob(context.Background(), w.call(), trainingRequest([]string{"Job", "job"}[n%2]))
			if err == nil {
				made.Add(1)
				return
			}
			refused(t, err, "ResourceInUse", "Training job names must be unique within an AWS account and region, and a training job with this name already exists (arn:aws:sagemaker:us-east-1:111122223333:training-job/job)")
		})
	}
	g.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
	_, err := s.describeTrainingJob(t.Context(), w.call(), &sagemaker.DescribeTrainingJobRequest{TrainingJobName: new("other")})
	refused(t, err, "ValidationException", "Requested resource not found.")
	_, err = s.stopTrainingJob(t.Context(), w.call(), &sagemaker.StopTrainingJobRequest{TrainingJobName: new("other")})
	refused(t, err, "ValidationException", "Requested resource not found.")
	other := w.call()
	other.Caller.Identity.Account = "999999999999"
	_, err = s.describeTrainingJob(t.Context(), other, &sagemaker.DescribeTrainingJobRequest{TrainingJobName: new("job")})
	refused(t, err, "ValidationException", "Requested resource not found.")
}

func TestDescribeTrainingJobShowsDefaults(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	r := trainingRequest("job")
	r.StoppingCondition, r.EnableNetworkIsolation = nil, nil
	// What is turned off needs no support.
	r.ProfilerConfig, r.RemoteDebugConfig = &sagemaker.ProfilerConfig{DisableProfiler: new(true)}, &sagemaker.RemoteDebugConfig{EnableRemoteDebug: new(false)}
	r.InfraCheckConfig, r.SessionChainingConfig = &sagemaker.InfraCheckConfig{EnableInfraCheck: new(false)}, &sagemaker.SessionChainingConfig{EnableSessionTagChaining: new(false)}
	if _, err := s.createTrainingJob(t.Context(), w.call(), r); err != nil {
		t.Fatal(err)
	}
	d := w.describe(s, "job")
	ch := d.InputDataConfig[0]
	if *d.StoppingCondition.MaxRuntimeInSeconds != 86400 || *d.EnableNetworkIsolation || *d.EnableManagedSpotTraining || *d.OutputDataConfig.KmsKeyId != "" ||
		*ch.CompressionType != "None" || *ch.RecordWrapperType != "None" || *ch.DataSource.S3DataSource.S3DataDistributionType != "FullyReplicated" ||
		*d.TrainingJobStatus != inProgress || *d.SecondaryStatus != "Starting" || d.TrainingStartTime != nil || d.ModelArtifacts != nil {
		t.Errorf("%+v", d)
	}
}

func TestLists(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	var names []string
	for n := range 12 {
		name := fmt.Sprintf("%c-job-%02d", 'l'-n, n)
		names = append(names, name)
		if _, err := s.createTrainingJob(t.Context(), w.call(), trainingRequest(name)); err != nil {
			t.Fatal(err)
		}
	}
	list := func(in sagemaker.ListTrainingJobsRequest) (got []string) {
		t.Helper()
		for pages := 0; pages < 20; pages++ {
			out, err := s.listTrainingJobs(t.Context(), w.call(), &in)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range out.TrainingJobSummaries {
				got = append(got, *j.TrainingJobName)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return got
			}
			if want := int(number(in.MaxResults, 10)); len(out.TrainingJobSummaries) != want {
				t.Errorf("page of %d, want %d", len(out.TrainingJobSummaries), want)
			}
		}
		t.Fatal("pages without end")
		return nil
	}
	newest := slices.Clone(names)
	slices.Reverse(newest)
	sorted := slices.Sorted(slices.Values(names))
	if d := cmp.Diff(newest, list(sagemaker.ListTrainingJobsRequest{SortOrder: new("Descending")})); d != "" {
		t.Error("descending:", d)
	}
	if d := cmp.Diff(names, list(sagemaker.ListTrainingJobsRequest{MaxResults: new(int32(3))})); d != "" {
		t.Error("default order:", d)
	}
	if d := cmp.Diff(sorted, list(sagemaker.ListTrainingJobsRequest{SortBy: new("Name"), SortOrder: new("Ascending"), MaxResults: new(int32(5))})); d != "" {
		t.Error("by name:", d)
	}
	if got := list(sagemaker.ListTrainingJobsRequest{NameContains: new("JOB-03")}); len(got) != 1 || got[0] != names[3] {
		t.Errorf("by part of a name: %v", got)
	}
	if got := list(sagemaker.ListTrainingJobsRequest{StatusEquals: new(completed)}); len(got) != 0 {
		t.Errorf("by status: %v", got)
	}
	if got := list(sagemaker.ListTrainingJobsRequest{CreationTimeAfter: new(time.Now().Add(time.Hour))}); len(got) != 0 {
		t.Errorf("of the future: %v", got)
	}
	first, err := s.listTrainingJobs(t.Context(), w.call(), &sagemaker.ListTrainingJobsRequest{MaxResults: new(int32(2))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.listTrainingJobs(t.Context(), w.call(), &sagemaker.ListTrainingJobsRequest{NextToken: first.NextToken, StatusEquals: new(failed)})
	refused(t, err, "ValidationException", "Invalid pagination token")
	_, err = s.listTrainingJobs(t.Context(), w.call(), &sagemaker.ListTrainingJobsRequest{NextToken: new("garbage")})
	refused(t, err, "ValidationException", "Invalid pagination token")
}
