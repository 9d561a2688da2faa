package sagemaker

import "cloister/internal/value/shape/sagemaker"

const file = "File"

func refuseChannel(c *sagemaker.Channel) error {
	name := "InputDataConfig channel " + text(c.ChannelName) + ": "
	d := c.DataSource
	if d == nil || d.S3DataSource == nil && d.FileSystemDataSource == nil && d.DatasetSource == nil {
		return validation.New("%sDataSource.S3DataSource is required.", name)
	}
	if err := refuse(
		refusal{name + "FileSystemDataSource", d.FileSystemDataSource != nil},
		refusal{name + "DatasetSource", d.DatasetSource != nil},
		refusal{name + "InputMode " + text(c.InputMode), text(orText(c.InputMode, file)) != file},
		refusal{name + "CompressionType Gzip in File mode", text(orText(c.CompressionType, "None")) != "None"},
		refusal{name + "RecordWrapperType RecordIO in File mode", text(orText(c.RecordWrapperType, "None")) != "None"},
		refusal{name + "ShuffleConfig in File mode", c.ShuffleConfig != nil},
	); err != nil {
		return err
	}
	s := d.S3DataSource
	if _, _, ok := splitS3(text(s.S3Uri)); !ok {
		return validation.New("%sS3Uri %q is not an S3 URI.", name, text(s.S3Uri))
	}
	kind := text(s.S3DataType)
	return refuse(
		refusal{name + "S3DataType " + kind, kind != "S3Prefix" && kind != "ManifestFile"},
		refusal{name + "AttributeNames", len(s.AttributeNames) > 0},
		refusal{name + "InstanceGroupNames", len(s.InstanceGroupNames) > 0},
		refusal{name + "ModelAccessConfig", s.ModelAccessConfig != nil},
		refusal{name + "HubAccessConfig", s.HubAccessConfig != nil},
	)
}
