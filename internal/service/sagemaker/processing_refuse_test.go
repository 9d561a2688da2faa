package sagemaker

import (
	"fmt"
	"strings"
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

func TestProcessingRefuses(t *testing.T) {
	m, s := processingWorld(t)
	m.start(s, processingRequest("taken"))
	kms := new("key")
	for want, change := range map[string]func(*sagemaker.CreateProcessingJobRequest){
		"ResourceInUse: Processing job names must be unique within an AWS account and region, and a processing job with this name already exists (arn:aws:sagemaker:us-east-1:111122223333:processing-job/taken)": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingJobName = new("TAKEN")
		},
		"ValidationException: ExperimentConfig is not supported by this installation.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ExperimentConfig = &sagemaker.ExperimentConfig{}
		},
		"ValidationException: ProcessingResources.ClusterConfig.VolumeKmsKeyId is not supported by this installation.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingResources.ClusterConfig.VolumeKmsKeyId = kms
		},
		"ValidationException: ProcessingOutputConfig.KmsKeyId is not supported by this installation.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingOutputConfig.KmsKeyId = kms
		},
		"ValidationException: RoleArn: Cross-account pass role is not allowed.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.RoleArn = new("arn:aws:iam::999999999999:role/execution")
		},
		"ValidationException: The requested resource processing-job/ml.p4d.24xlarge is not available in this region": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingResources.ClusterConfig.InstanceType = new("ml.p4d.24xlarge")
		},
		"ValidationException: Invalid image URI no image. Please provide a valid Amazon Elastic Container Registry path of the Docker image to run.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.AppSpecification.ImageUri = new("no image")
		},
		"ValidationException: EnableNetworkIsolation is not supported for 1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-chainer:5: its containers need access to Amazon S3.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.AppSpecification.ImageUri, in.NetworkConfig.EnableNetworkIsolation = new("1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-chainer:5"), new(true)
		},
		"ValidationException: AppSpecification.ContainerArguments must not contain a null character.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.AppSpecification.ContainerArguments = []string{"a", "\x00"}
		},
		"ValidationException: Input and Output names must be globally unique: [raw]": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingOutputConfig.Outputs[0].OutputName = new("raw")
		},
		`ValidationException: ProcessingInputs input raw: LocalPath "/opt/ml/processing/../x" must be a path that begins with /opt/ml/processing/.`: func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingInputs[0].S3Input.LocalPath = new("/opt/ml/processing/../x")
		},
		`ValidationException: ProcessingOutputConfig output done: LocalPath "/opt/ml/processing/" must be a path that begins with /opt/ml/processing/.`: func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingOutputConfig.Outputs[0].S3Output.LocalPath = new("/opt/ml/processing/")
		},
		"ValidationException: ProcessingInputs input raw: LocalPath is required unless AppManaged is true.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingInputs[0].S3Input.LocalPath = nil
		},
		"ValidationException: ProcessingOutputConfig output done: LocalPath /opt/ml/processing/in/ is used more than once.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingOutputConfig.Outputs[0].S3Output.LocalPath = new("/opt/ml/processing/in/")
		},
		`ValidationException: ProcessingInputs input raw: S3Uri "https://x" is not an S3 URI.`: func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingInputs[0].S3Input.S3Uri = new("https://x")
		},
		`ValidationException: ProcessingOutputConfig output done: S3Uri "x" is not an S3 URI.`: func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri = new("x")
		},
		"ValidationException: ProcessingInputs input raw: CompressionType Gzip can only be used if the input mode is Pipe.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingInputs[0].S3Input.S3CompressionType = new("Gzip")
		},
		"ValidationException: LocalPath /opt/ml/processing/in_0/x is a pipe of the input with LocalPath /opt/ml/processing/in.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingInputs[0].S3Input.S3InputMode = new("Pipe")
			in.ProcessingOutputConfig.Outputs[0].S3Output.LocalPath = new("/opt/ml/processing/in_0/x")
		},
		"ValidationException: ProcessingInputs input raw: S3Input is required.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingInputs[0].S3Input = nil
		},
		"ValidationException: ProcessingInputs input raw: DatasetDefinition is not supported by this installation.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingInputs[0].DatasetDefinition = &sagemaker.DatasetDefinition{}
		},
		"ValidationException: ProcessingOutputConfig output done: FeatureStoreOutput is not supported by this installation.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingOutputConfig.Outputs[0].FeatureStoreOutput = &sagemaker.ProcessingFeatureStoreOutput{}
		},
		"ValidationException: ProcessingOutputConfig output done: S3Output is required.": func(in *sagemaker.CreateProcessingJobRequest) {
			in.ProcessingOutputConfig.Outputs[0].S3Output = nil
		},
	} {
		in := processingRequest("job")
		change(in)
		if _, err := s.createProcessingJob(t.Context(), m.call(), in); err == nil || err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
	m.deny["sts.AssumeRole"] = fault.Kind{Code: "AccessDenied", Status: 403}.New("no")
	_, err := s.createProcessingJob(t.Context(), m.call(), processingRequest("job"))
	refused(t, err, "ValidationException", "Could not assume role "+role)
	name := "gone"
	_, err = s.describeProcessingJob(t.Context(), m.call(), &sagemaker.DescribeProcessingJobRequest{ProcessingJobName: &name})
	refused(t, err, "ValidationException", "Could not find requested job with name: gone")
	_, err = s.stopProcessingJob(t.Context(), m.call(), &sagemaker.StopProcessingJobRequest{ProcessingJobName: &name})
	refused(t, err, "ValidationException", "Could not find requested job with name: gone")
	list, err := s.listProcessingJobs(t.Context(), m.call(), &sagemaker.ListProcessingJobsRequest{NameContains: new("ake"), StatusEquals: new(inProgress)})
	if err != nil || len(list.ProcessingJobSummaries) != 1 || *list.ProcessingJobSummaries[0].ProcessingJobStatus != inProgress {
		t.Error(list, err)
	}
}

func TestProcessingChecks(t *testing.T) {
	m, s := processingWorld(t)
	b, err := s.Bind()
	if err != nil {
		t.Fatal(err)
	}
	in := processingRequest("Job")
	in.Tags = []sagemaker.Tag{{Key: new("team"), Value: new("a")}}
	ch := b.Operations["CreateProcessingJob"].Checks(m.call(), in)
	if len(ch) != 3 || ch[1].Action != "iam:PassRole" || ch[1].Resource != role || ch[2].Action != "sagemaker:AddTags" {
		t.Fatalf("checks %+v", ch)
	}
	told := fmt.Sprint(ch[0].Keys)
	for _, want := range []string{"sagemaker:VpcSubnets", "subnet-1", "sagemaker:VpcSecurityGroupIds", "sg-1", "sagemaker:InstanceTypes", "ml.m5.large", "aws:RequestTag/team"} {
		if !strings.Contains(told, want) {
			t.Errorf("no %s in %s", want, told)
		}
	}
	for _, n := range []string{"DescribeProcessingJob", "StopProcessingJob", "DeleteProcessingJob", "ListProcessingJobs"} {
		if ch := b.Operations[n].Checks(m.call(), b.Operations[n].New()); len(ch) != 1 || ch[0].Action != "sagemaker:"+n {
			t.Errorf("%s asks %v", n, ch)
		}
	}
}

func TestProcessingArgs(t *testing.T) {
	img := &Image{Entrypoint: []string{"python", "main.py"}, Cmd: []string{"cmd"}}
	for _, c := range []struct {
		entrypoint, args []string
		want             string
	}{
		{nil, nil, "python main.py cmd"}, {[]string{"run"}, nil, "run"}, {nil, []string{"-x"}, "python main.py -x"}, {[]string{"run"}, []string{"-x"}, "run -x"},
	} {
		if got := strings.Join(processingArgs(img, c.entrypoint, c.args), " "); got != c.want {
			t.Errorf("%v %v: %q, want %q", c.entrypoint, c.args, got, c.want)
		}
	}
}
