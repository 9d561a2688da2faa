package sagemaker

import (
	"strings"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// model is a record of what serves: an image, its data and the role that fetches it.
type model struct {
	ARN     string
	Request sagemaker.CreateModelInput
	Created time.Time
}

var models = store.NewTable[model]("sagemaker.model")

// container is the one container of the model, wherever the customer put it.
func (m *model) container() sagemaker.ContainerDefinition {
	if m.Request.PrimaryContainer != nil {
		return *m.Request.PrimaryContainer
	}
	return m.Request.Containers[0]
}

func noModel(arn string) *fault.Fault { return validation.New("Could not find model %q.", arn) }

// refuseModel goes through what CreateModel can ask for.
func refuseModel(in *sagemaker.CreateModelInput) error {
	if err := refuse(
		refusal{"Containers with more than one container", len(in.Containers) > 1},
		refusal{"InferenceExecutionConfig", in.InferenceExecutionConfig != nil},
	); err != nil {
		return err
	}
	if (in.PrimaryContainer != nil) == (len(in.Containers) == 1) {
		return validation.New("Specify one of either PrimaryContainer or Containers.")
	}
	if text(in.ExecutionRoleArn) == "" {
		return validation.New("ExecutionRoleArn is required.")
	}
	c := (&model{Request: *in}).container()
	return refuseContainer(&c)
}

func refuseContainer(c *sagemaker.ContainerDefinition) error {
	if err := refuse(
		refusal{"ContainerDefinition.Mode " + text(c.Mode), text(orText(c.Mode, singleModel)) != singleModel},
		refusal{"ContainerDefinition.ImageConfig", c.ImageConfig != nil && text(c.ImageConfig.RepositoryAccessMode) != "Platform"},
		refusal{"ContainerDefinition.ModelPackageName", c.ModelPackageName != nil},
		refusal{"ContainerDefinition.InferenceSpecificationName", c.InferenceSpecificationName != nil},
		refusal{"ContainerDefinition.MultiModelConfig", c.MultiModelConfig != nil},
		refusal{"ContainerDefinition.AdditionalModelDataSources", len(c.AdditionalModelDataSources) > 0},
	); err != nil {
		return err
	}
	if text(c.Image) == "" || text(c.ModelDataUrl) != "" && c.ModelDataSource != nil {
		return validation.New("Specify one of either Image and Model Data URL or ModelPackageName in container definition.")
	}
	if u := text(c.ModelDataUrl); u != "" {
		if _, key, ok := splitS3(u); !ok || key == "" {
			return validation.New("ModelDataUrl %q is not the S3 URI of an object.", u)
		}
	}
	if c.ModelDataSource == nil {
		return nil
	}
	return refuseModelData(c.ModelDataSource.S3DataSource)
}

func refuseModelData(s *sagemaker.S3ModelDataSource) error {
	if s == nil {
		return validation.New("ModelDataSource.S3DataSource is required.")
	}
	form := text(s.S3DataType) + " " + text(s.CompressionType)
	if err := refuse(
		refusal{"ModelDataSource.S3DataSource with " + form, form != "S3Object Gzip" && form != "S3Prefix None"},
		refusal{"ModelDataSource.S3DataSource.ModelAccessConfig", s.ModelAccessConfig != nil},
		refusal{"ModelDataSource.S3DataSource.HubAccessConfig", s.HubAccessConfig != nil},
		refusal{"ModelDataSource.S3DataSource.ManifestS3Uri", s.ManifestS3Uri != nil},
		refusal{"ModelDataSource.S3DataSource.ETag", s.ETag != nil || s.ManifestEtag != nil},
	); err != nil {
		return err
	}
	_, key, ok := splitS3(text(s.S3Uri))
	if !ok || text(s.S3DataType) == "S3Prefix" && key != "" && !strings.HasSuffix(key, "/") {
		return validation.New("ModelDataSource.S3DataSource.S3Uri %q is not an S3 URI, or does not end with a slash.", text(s.S3Uri))
	}
	return nil
}

const singleModel = "SingleModel"
