package sagemaker

import (
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// unseen is what S3 says to a role that may not list a bucket from where it asks.
var unseen = fault.Kind{Code: "AccessDenied", Status: 403}.New("no s3:ListBucket")

// TestTrainingAsksForItsData refuses jobs for which there is no data, as the execution role sees it, when they are asked for.
func TestTrainingAsksForItsData(t *testing.T) {
	const none = `No S3 objects found under S3 URL "s3://data/other" given in input data source. Please ensure that the bucket exists in the selected region (us-east-1), ` +
		`that objects exist under that S3 prefix, and that the role "` + role + `" has "s3:ListBucket" permissions on bucket "data".`
	elsewhere := func(ch *sagemaker.Channel) {
		ch.DataSource = &sagemaker.DataSource{S3DataSource: &sagemaker.S3DataSource{S3DataType: new("S3Prefix"), S3Uri: new("s3://data/other")}}
	}
	for name, c := range map[string]struct {
		denied error
		vpc    bool
		change func(*sagemaker.Channel)
		says   string
	}{
		"there":                    {vpc: true},
		"nothing":                  {nil, true, elsewhere, none},
		"nothing, without a VPC":   {nil, false, elsewhere, none},
		"denied":                   {unseen, false, elsewhere, none + " Error message from S3: no s3:ListBucket"},
		"denied, but from the VPC": {unseen, true, elsewhere, ""},
		"no bucket": {fault.Kind{Code: "NoSuchBucket", Status: 404}.New("The specified bucket does not exist"), true, elsewhere,
			none + " Error message from S3: The specified bucket does not exist"},
		"a manifest": {unseen, false, func(ch *sagemaker.Channel) {
			ch.DataSource = &sagemaker.DataSource{S3DataSource: &sagemaker.S3DataSource{S3DataType: new("ManifestFile"), S3Uri: new("s3://data/m")}}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := trainingWorld(t)
			if c.denied != nil {
				w.deny["s3.ListObjectsV2"] = c.denied
			}
			r := trainingRequest("job")
			if !c.vpc {
				r.VpcConfig = nil
			}
			tuning := tuningRequest("search", 2, 1)
			tuning.TrainingJobDefinition.VpcConfig = r.VpcConfig
			tuning.TrainingJobDefinition.InputDataConfig = r.InputDataConfig
			if c.change != nil {
				c.change(&r.InputDataConfig[0])
			}
			_, job := s.createTrainingJob(t.Context(), w.call(), r)
			_, search := s.createHyperParameterTuningJob(t.Context(), w.call(), tuning)
			for what, err := range map[string]error{"training": job, "tuning": search} {
				if f, _ := fault.As(err); c.says == "" && err != nil || c.says != "" && (f == nil || f.Code != "ValidationException" || f.Message != c.says) {
					t.Errorf("%s: %v, want %q", what, err, c.says)
				}
			}
			if got, err := s.listTrainingJobs(t.Context(), w.call(), &sagemaker.ListTrainingJobsRequest{}); err != nil || (len(got.TrainingJobSummaries) == 0) != (c.says != "") {
				t.Error(got, err)
			}
		})
	}
}

// TestModelsAskForTheirData refuses a model whose archive its role cannot see.
func TestModelsAskForTheirData(t *testing.T) {
	const none = `Could not access model data at s3://out/m.tar.gz. Please ensure that the role "` + role + `" exists and that its trust relationship policy allows the action "sts:AssumeRole" ` +
		`for the service principal "sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the object is located in us-east-1.`
	for name, c := range map[string]struct {
		there, vpc, fails bool
		denied            error
	}{
		"there": {there: true}, "nothing": {fails: true}, "nothing, in a VPC": {vpc: true, fails: true},
		"denied": {there: true, denied: unseen, fails: true}, "denied, but from the VPC": {there: true, vpc: true, denied: unseen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			if c.there {
				w.s3.put("out/m.tar.gz", []byte("model"))
			}
			if c.denied != nil {
				w.deny["s3.HeadObject"] = c.denied
			}
			in := &sagemaker.CreateModelInput{ModelName: new("m"), ExecutionRoleArn: new(role),
				PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("x/kmeans:1"), ModelDataUrl: new("s3://out/m.tar.gz")}}
			if c.vpc {
				in.VpcConfig = &sagemaker.VpcConfig{Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroupIds: []string{"sg-1"}}
			}
			_, err := w.service().createModel(t.Context(), w.call(), in)
			if c.fails {
				refused(t, err, "ValidationException", none)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
