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
