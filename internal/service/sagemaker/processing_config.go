package sagemaker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"cloister/internal/value/shape/sagemaker"
)

// processingConfig is processingjobconfig.json, which has every member of the request that it speaks of, null
// where that has none.
type processingConfig struct {
	ProcessingJobArn, ProcessingJobName *string
	AppSpecification                    sagemaker.AppSpecification
	Environment                         map[string]string
	ProcessingInputs                    []configInput
	ProcessingOutputConfig              configOutputs
	ProcessingResources                 *sagemaker.ProcessingResources
	RoleArn                             *string
	StoppingCondition                   *sagemaker.ProcessingStoppingCondition
}

type configInput struct {
	InputName         *string
	AppManaged        bool
	S3Input           *configS3Input
	DatasetDefinition *struct{}
}

type configS3Input struct {
	LocalPath, S3Uri, S3DataDistributionType, S3DataType, S3InputMode, S3CompressionType *string
	S3DownloadMode                                                                       string
}

type configOutputs struct {
	Outputs  []configOutput
	KmsKeyId *string
}

type configOutput struct {
	OutputName         *string
	AppManaged         bool
	S3Output           *configS3Output
	FeatureStoreOutput *struct{}
}

type configS3Output struct{ LocalPath, S3Uri, S3UploadMode *string }

// configure writes the two files that tell a host's container what it is to do.
func (j *processingJob) configure(dir string, host int) error {
	for name, v := range map[string]any{"processingjobconfig.json": j.config(), "resourceconfig.json": j.cluster(host)} {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (j *processingJob) config() *processingConfig {
	in := &j.Request
	c := &processingConfig{
		ProcessingJobArn: &j.ARN, ProcessingJobName: in.ProcessingJobName, AppSpecification: *in.AppSpecification, Environment: in.Environment,
		ProcessingInputs: []configInput{}, ProcessingOutputConfig: configOutputs{Outputs: []configOutput{}},
		ProcessingResources: in.ProcessingResources, RoleArn: in.RoleArn, StoppingCondition: in.StoppingCondition,
	}
	for _, i := range in.ProcessingInputs {
		s := i.S3Input
		c.ProcessingInputs = append(c.ProcessingInputs, configInput{InputName: i.InputName, AppManaged: flag(i.AppManaged), S3Input: &configS3Input{
			LocalPath: s.LocalPath, S3Uri: s.S3Uri, S3DataDistributionType: s.S3DataDistributionType, S3DataType: s.S3DataType,
			S3InputMode: s.S3InputMode, S3CompressionType: s.S3CompressionType, S3DownloadMode: "StartOfJob",
		}})
	}
	if in.ProcessingOutputConfig != nil {
		for _, o := range in.ProcessingOutputConfig.Outputs {
			c.ProcessingOutputConfig.Outputs = append(c.ProcessingOutputConfig.Outputs, configOutput{
				OutputName: o.OutputName, AppManaged: flag(o.AppManaged),
				S3Output: &configS3Output{o.S3Output.LocalPath, o.S3Output.S3Uri, o.S3Output.S3UploadMode},
			})
		}
	}
	return c
}

// cluster is resourceconfig.json as a host sees it.
func (j *processingJob) cluster(host int) any {
	var names []string
	for _, h := range j.Hosts {
		names = append(names, h.Name)
	}
	slices.Sort(names)
	own := j.Hosts[host]
	return struct {
		Current   string   `json:"current_host"`
		Hosts     []string `json:"hosts"`
		Interface string   `json:"network_interface_name"`
		Type      string   `json:"current_instance_type"`
	}{own.Name, names, own.device(), own.Type}
}
