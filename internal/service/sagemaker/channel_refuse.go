package sagemaker

import (
	"slices"

	"cloister/internal/value/shape/sagemaker"
)

// refuseChannel says what is wrong with an input of a training job, or cannot be had here.
func refuseChannel(in *sagemaker.Channel, job *sagemaker.CreateTrainingJobRequest) error {
	name := "InputDataConfig channel " + text(in.ChannelName) + ": "
	d := in.DataSource
	if d == nil || d.S3DataSource == nil && d.FileSystemDataSource == nil && d.DatasetSource == nil {
		return validation.New("%sDataSource.S3DataSource is required.", name)
	}
	if err := refuse(
		refusal{name + "FileSystemDataSource", d.FileSystemDataSource != nil},
		refusal{name + "DatasetSource", d.DatasetSource != nil},
		refusal{name + "ModelAccessConfig", d.S3DataSource != nil && d.S3DataSource.ModelAccessConfig != nil},
		refusal{name + "HubAccessConfig", d.S3DataSource != nil && d.S3DataSource.HubAccessConfig != nil},
	); err != nil {
		return err
	}
	for _, group := range d.S3DataSource.InstanceGroupNames {
		if !slices.ContainsFunc(job.ResourceConfig.InstanceGroups, func(g sagemaker.InstanceGroup) bool { return text(g.InstanceGroupName) == group }) {
			return validation.New("%sInstanceGroupNames: ResourceConfig.InstanceGroups has no instance group %s.", name, group)
		}
	}
	c := channelOf(in, job.AlgorithmSpecification.TrainingInputMode)
	return c.refuse(name)
}

// refuse says what is wrong with a channel of any kind of job. name begins what it says.
func (c *channel) refuse(name string) error {
	_, key, ok := splitS3(c.URI)
	switch {
	case !ok:
		return validation.New("%sS3Uri %q is not an S3 URI.", name, c.URI)
	case c.Type != prefixData && key == "":
		return validation.New("%sS3Uri %q does not name an object, which S3DataType %s needs.", name, c.URI, c.Type)
	case c.Type == augmentedData && c.Mode != pipe:
		return validation.New("%sS3DataType AugmentedManifestFile can only be used if the input mode is Pipe.", name)
	case c.Type == augmentedData && len(c.Attributes) == 0:
		return validation.New("%sAttributeNames is required with S3DataType AugmentedManifestFile.", name)
	case c.Type != augmentedData && len(c.Attributes) > 0:
		return validation.New("%sAttributeNames can only be used with S3DataType AugmentedManifestFile.", name)
	case c.Mode == fastFile && c.Type != prefixData:
		return validation.New("%sInputMode FastFile can only be used with S3DataType S3Prefix.", name)
	case c.Mode != pipe && c.Compression == gzipped:
		return validation.New("%sCompressionType Gzip can only be used if the input mode is Pipe.", name)
	case c.Mode != pipe && c.Wrapper == wrappedInRecordIO:
		return validation.New("%sRecordWrapperType RecordIO can only be used if the input mode is Pipe.", name)
	}
	return refuse(
		refusal{name + "InputMode " + c.Mode, c.Mode != file && c.Mode != pipe && c.Mode != fastFile},
		refusal{name + "S3DataType " + c.Type, c.Type != prefixData && c.Type != manifestData && c.Type != augmentedData},
	)
}
