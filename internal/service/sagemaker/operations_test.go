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
		"ListEndpoints", "UpdateEndpoint", "DeleteEndpoint", "AddTags", "ListTags", "DeleteTags"} {
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
	if d := cmp.Diff([]api.Key{api.K("iam:PassedToService", "sagemaker.amazonaws.com")}, ch[1].Keys); d != "" {
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
		"EnableManagedSpotTraining": func(r *sagemaker.CreateTrainingJobRequest) { r.EnableManagedSpotTraining = new(true) },
		"CheckpointConfig":          func(r *sagemaker.CreateTrainingJobRequest) { r.CheckpointConfig = &sagemaker.CheckpointConfig{} },
		"DebugHookConfig":           func(r *sagemaker.CreateTrainingJobRequest) { r.DebugHookConfig = &sagemaker.DebugHookConfig{} },
		"ExperimentConfig":          func(r *sagemaker.CreateTrainingJobRequest) { r.ExperimentConfig = &sagemaker.ExperimentConfig{} },
		"ProfilerConfig":            func(r *sagemaker.CreateTrainingJobRequest) { r.ProfilerConfig = &sagemaker.ProfilerConfig{} },
		"RetryStrategy":             func(r *sagemaker.CreateTrainingJobRequest) { r.RetryStrategy = &sagemaker.RetryStrategy{} },
		"TrainingInputMode Pipe": func(r *sagemaker.CreateTrainingJobRequest) {
			r.AlgorithmSpecification.TrainingInputMode = new("Pipe")
		},
		"MetricDefinitions": func(r *sagemaker.CreateTrainingJobRequest) {
			r.AlgorithmSpecification.MetricDefinitions = []sagemaker.MetricDefinition{{}}
		},
		"AlgorithmName":            func(r *sagemaker.CreateTrainingJobRequest) { r.AlgorithmSpecification.AlgorithmName = new("a") },
		"InstanceCount":            func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.InstanceCount = new(int32(2)) },
		"VolumeKmsKeyId":           func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.VolumeKmsKeyId = new("k") },
		"KeepAlivePeriodInSeconds": func(r *sagemaker.CreateTrainingJobRequest) { r.ResourceConfig.KeepAlivePeriodInSeconds = new(int32(1)) },
		"InstanceGroups": func(r *sagemaker.CreateTrainingJobRequest) {
			r.ResourceConfig.InstanceGroups = []sagemaker.InstanceGroup{{}}
		},
		"OutputDataConfig.KmsKeyId": func(r *sagemaker.CreateTrainingJobRequest) { r.OutputDataConfig.KmsKeyId = new("k") },
		"CompressionType NONE":      func(r *sagemaker.CreateTrainingJobRequest) { r.OutputDataConfig.CompressionType = new("NONE") },
		"FileSystemDataSource": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].DataSource.FileSystemDataSource = &sagemaker.FileSystemDataSource{}
		},
		"S3DataType AugmentedManifestFile": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].DataSource.S3DataSource.S3DataType = new("AugmentedManifestFile")
		},
		"CompressionType Gzip": func(r *sagemaker.CreateTrainingJobRequest) { r.InputDataConfig[0].CompressionType = new("Gzip") },
		"ShuffleConfig": func(r *sagemaker.CreateTrainingJobRequest) {
			r.InputDataConfig[0].ShuffleConfig = &sagemaker.ShuffleConfig{}
		},
		"InputMode FastFile": func(r *sagemaker.CreateTrainingJobRequest) { r.InputDataConfig[0].InputMode = new("FastFile") },
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
	if d := cmp.Diff(newest, list(sagemaker.ListTrainingJobsRequest{})); d != "" {
		t.Error("default order:", d)
	}
	if d := cmp.Diff(names, list(sagemaker.ListTrainingJobsRequest{SortOrder: new("Ascending"), MaxResults: new(int32(3))})); d != "" {
		t.Error("ascending:", d)
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

func TestModelAndConfigRecords(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	ctx := t.Context()
	const model, config = `"arn:aws:sagemaker:us-east-1:111122223333:model/m"`, `"arn:aws:sagemaker:us-east-1:111122223333:endpoint-config/m"`
	w.deployable(s, "M", "", 1)

	_, err := s.createModel(ctx, w.call(), &sagemaker.CreateModelInput{ModelName: new("m"), ExecutionRoleArn: new(role), PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("x/kmeans:1")}})
	refused(t, err, "ValidationException", "Cannot create already existing model "+model+".")
	_, err = s.createEndpointConfig(ctx, w.call(), &sagemaker.CreateEndpointConfigInput{EndpointConfigName: new("m"), ProductionVariants: []sagemaker.ProductionVariant{{VariantName: new("v"), ModelName: new("m"), InstanceType: new("ml.t2.medium")}}})
	refused(t, err, "ValidationException", "Cannot create already existing endpoint configuration "+config+".")
	_, err = s.createEndpoint(ctx, w.call(), &sagemaker.CreateEndpointInput{EndpointName: new("e"), EndpointConfigName: new("none")})
	refused(t, err, "ValidationException", `Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:111122223333:endpoint-config/none".`)
	_, err = s.createEndpointConfig(ctx, w.call(), &sagemaker.CreateEndpointConfigInput{EndpointConfigName: new("c"), ProductionVariants: []sagemaker.ProductionVariant{{VariantName: new("v"), ModelName: new("none"), InstanceType: new("ml.t2.medium")}}})
	refused(t, err, "ValidationException", `Could not find model "arn:aws:sagemaker:us-east-1:111122223333:model/none".`)

	m, err := s.describeModel(ctx, w.call(), &sagemaker.DescribeModelInput{ModelName: new("m")})
	if err != nil || *m.ModelName != "M" || *m.PrimaryContainer.Mode != "SingleModel" || *m.EnableNetworkIsolation {
		t.Errorf("model %+v %v", m, err)
	}
	c, err := s.describeEndpointConfig(ctx, w.call(), &sagemaker.DescribeEndpointConfigInput{EndpointConfigName: new("M")})
	if err != nil || *c.ProductionVariants[0].InitialVariantWeight != 1 {
		t.Errorf("configuration %+v %v", c, err)
	}
	models, err := s.listModels(ctx, w.call(), &sagemaker.ListModelsInput{})
	if err != nil || len(models.Models) != 1 {
		t.Errorf("models %v %v", models, err)
	}
	configs, err := s.listEndpointConfigs(ctx, w.call(), &sagemaker.ListEndpointConfigsInput{})
	if err != nil || len(configs.EndpointConfigs) != 1 {
		t.Errorf("configurations %v %v", configs, err)
	}
	for range 2 {
		_, err = s.deleteModel(ctx, w.call(), &sagemaker.DeleteModelInput{ModelName: new("M")})
	}
	refused(t, err, "ValidationException", "Could not find model "+model+".")
	_, err = s.createEndpoint(ctx, w.call(), &sagemaker.CreateEndpointInput{EndpointName: new("e"), EndpointConfigName: new("m")})
	refused(t, err, "ValidationException", "Could not find model "+model+".")
	for range 2 {
		_, err = s.deleteEndpointConfig(ctx, w.call(), &sagemaker.DeleteEndpointConfigInput{EndpointConfigName: new("M")})
	}
	refused(t, err, "ValidationException", "Could not find endpoint configuration "+config+".")
	for _, do := range []func() error{
		func() error {
			_, err := s.describeEndpoint(ctx, w.call(), &sagemaker.DescribeEndpointInput{EndpointName: new("x")})
			return err
		},
		func() error {
			_, err := s.deleteEndpoint(ctx, w.call(), &sagemaker.DeleteEndpointInput{EndpointName: new("x")})
			return err
		},
		func() error {
			_, err := s.updateEndpoint(ctx, w.call(), &sagemaker.UpdateEndpointInput{EndpointName: new("x"), EndpointConfigName: new("m")})
			return err
		},
	} {
		refused(t, do(), "ValidationException", `Could not find endpoint "arn:aws:sagemaker:us-east-1:111122223333:endpoint/x".`)
	}
}

func TestCreateModelRefuses(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	good := func() *sagemaker.CreateModelInput {
		return &sagemaker.CreateModelInput{ModelName: new("m"), ExecutionRoleArn: new(role), PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("x/kmeans:1")}}
	}
	for message, change := range map[string]func(*sagemaker.CreateModelInput){
		"Specify one of either PrimaryContainer or Containers": func(r *sagemaker.CreateModelInput) { r.PrimaryContainer = nil },
		"more than one container":                              func(r *sagemaker.CreateModelInput) { r.Containers = make([]sagemaker.ContainerDefinition, 2) },
		"InferenceExecutionConfig": func(r *sagemaker.CreateModelInput) {
			r.InferenceExecutionConfig = &sagemaker.InferenceExecutionConfig{}
		},
		"Mode MultiModel":  func(r *sagemaker.CreateModelInput) { r.PrimaryContainer.Mode = new("MultiModel") },
		"ModelPackageName": func(r *sagemaker.CreateModelInput) { r.PrimaryContainer.ModelPackageName = new("p") },
		"Specify one of either Image and Model Data URL": func(r *sagemaker.CreateModelInput) { r.PrimaryContainer.Image = nil },
		"ModelDataUrl":     func(r *sagemaker.CreateModelInput) { r.PrimaryContainer.ModelDataUrl = new("s3://b") },
		"ExecutionRoleArn": func(r *sagemaker.CreateModelInput) { r.ExecutionRoleArn = nil },
		"S3Object None": func(r *sagemaker.CreateModelInput) {
			r.PrimaryContainer.ModelDataSource = &sagemaker.ModelDataSource{S3DataSource: &sagemaker.S3ModelDataSource{S3DataType: new("S3Object"), CompressionType: new("None"), S3Uri: new("s3://b/k")}}
		},
	} {
		r := good()
		change(r)
		_, err := s.createModel(t.Context(), w.call(), r)
		refused(t, err, "ValidationException", message)
	}
	w.deny["sts.AssumeRole"] = fault.Kind{Code: "AccessDenied", Status: 403}.New("no")
	_, err := s.createModel(t.Context(), w.call(), good())
	refused(t, err, "ValidationException", `The execution role ARN "`+role+`" is invalid. Please ensure that the role exists and that its trust relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com".`)
}

func TestCreateEndpointConfigRefuses(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	for message, change := range map[string]func(*sagemaker.CreateEndpointConfigInput){
		"DataCaptureConfig": func(r *sagemaker.CreateEndpointConfigInput) { r.DataCaptureConfig = &sagemaker.DataCaptureConfig{} },
		"AsyncInferenceConfig": func(r *sagemaker.CreateEndpointConfigInput) {
			r.AsyncInferenceConfig = &sagemaker.AsyncInferenceConfig{}
		},
		"ShadowProductionVariants": func(r *sagemaker.CreateEndpointConfigInput) { r.ShadowProductionVariants = r.ProductionVariants },
		"KmsKeyId":                 func(r *sagemaker.CreateEndpointConfigInput) { r.KmsKeyId = new("k") },
		"ServerlessConfig": func(r *sagemaker.CreateEndpointConfigInput) {
			r.ProductionVariants[0].ServerlessConfig = &sagemaker.ProductionVariantServerlessConfig{}
		},
		"InitialInstanceCount": func(r *sagemaker.CreateEndpointConfigInput) {
			r.ProductionVariants[0].InitialInstanceCount = new(int32(5))
		},
		"more than once": func(r *sagemaker.CreateEndpointConfigInput) {
			r.ProductionVariants = append(r.ProductionVariants, r.ProductionVariants[0])
		},
		"at least one": func(r *sagemaker.CreateEndpointConfigInput) { r.ProductionVariants = nil },
		"endpoint/ml.g5.xlarge is not available": func(r *sagemaker.CreateEndpointConfigInput) {
			r.ProductionVariants[0].InstanceType = new("ml.g5.xlarge")
		},
	} {
		r := &sagemaker.CreateEndpointConfigInput{EndpointConfigName: new("c"), ProductionVariants: []sagemaker.ProductionVariant{{VariantName: new("v"), ModelName: new("m"), InstanceType: new("ml.t2.medium")}}}
		change(r)
		_, err := s.createEndpointConfig(t.Context(), w.call(), r)
		refused(t, err, "ValidationException", message)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	ctx, name := t.Context(), "arn:aws:sagemaker:us-east-1:111122223333:training-job/job"
	r := trainingRequest("Job")
	r.Tags = []sagemaker.Tag{{Key: new("a"), Value: new("1")}}
	if _, err := s.createTrainingJob(ctx, w.call(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := s.addTags(ctx, w.call(), &sagemaker.AddTagsInput{ResourceArn: &name, Tags: []sagemaker.Tag{{Key: new("a"), Value: new("2")}, {Key: new("b"), Value: new("3")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.deleteTags(ctx, w.call(), &sagemaker.DeleteTagsInput{ResourceArn: &name, TagKeys: []string{"b", "none"}}); err != nil {
		t.Fatal(err)
	}
	out, err := s.listTags(ctx, w.call(), &sagemaker.ListTagsInput{ResourceArn: &name})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "a" || *out.Tags[0].Value != "2" {
		t.Errorf("tags %v %v", out, err)
	}
	for message, in := range map[string]*sagemaker.AddTagsInput{
		"Could not find":       {ResourceArn: new(name + "x")},
		"Invalid resource ARN": {ResourceArn: new("arn:aws:sagemaker:us-east-1:999999999999:training-job/job")},
		"Duplicate":            {ResourceArn: &name, Tags: []sagemaker.Tag{{Key: new("x")}, {Key: new("x")}}},
		"aws:":                 {ResourceArn: &name, Tags: []sagemaker.Tag{{Key: new("aws:x")}}},
	} {
		_, err := s.addTags(ctx, w.call(), in)
		refused(t, err, "ValidationException", message)
	}
}
