package sagemaker

import (
	"slices"

	"cloister/internal/engine/dataset"
	"cloister/internal/value/shape/sagemaker"
)

// How a channel's data gets to the container, what its URI names, and who gets what.
const (
	file              = "File"
	pipe              = "Pipe"
	fastFile          = "FastFile"
	prefixData        = "S3Prefix"
	manifestData      = "ManifestFile"
	augmentedData     = "AugmentedManifestFile"
	shardedByKey      = "ShardedByS3Key"
	gzipped           = "Gzip"
	wrappedInRecordIO = "RecordIO"
)

// channel is one input of a job, whatever the job's kind.
type channel struct {
	Name                               string
	Mode, Type, URI                    string
	Distribution, Compression, Wrapper string
	// Attributes are what is streamed of an augmented manifest's lines; Groups the instance groups that get
	// the channel, which without any all do.
	Attributes, Groups []string
	// Seed shuffles each pass where there is one.
	Seed *int64
}

// channelOf is an input of a training job; mode is the one of those that name none.
func channelOf(c *sagemaker.Channel, mode *string) channel {
	s := c.DataSource.S3DataSource
	out := channel{
		Name: text(c.ChannelName), Mode: text(orText(c.InputMode, text(orText(mode, file)))), Type: text(s.S3DataType), URI: text(s.S3Uri),
		Distribution: text(s.S3DataDistributionType), Compression: text(c.CompressionType), Wrapper: text(c.RecordWrapperType),
		Attributes: s.AttributeNames, Groups: s.InstanceGroupNames,
	}
	if c.ShuffleConfig != nil {
		out.Seed = c.ShuffleConfig.Seed
	}
	return out
}

// inputs are the job's channels.
func (j *trainingJob) inputs() []channel {
	var out []channel
	for i := range j.Request.InputDataConfig {
		out = append(out, channelOf(&j.Request.InputDataConfig[i], j.Request.AlgorithmSpecification.TrainingInputMode))
	}
	return out
}

// share says which of how many parts of a channel a host gets; ok is false where it gets none at all.
func (c *channel) share(hosts []jobHost, host int) (part, parts int, ok bool) {
	has := func(h jobHost) bool { return len(c.Groups) == 0 || slices.Contains(c.Groups, h.Group) }
	if !has(hosts[host]) {
		return 0, 0, false
	}
	if c.Distribution != shardedByKey {
		return 0, 1, true
	}
	for i, h := range hosts {
		if has(h) {
			if parts++; i < host {
				part++
			}
		}
	}
	return part, parts, true
}

// turn is what one part has of all in a pass. All parts shuffle alike, so that none has what another has too.
func turn[T any](c *channel, all []T, epoch, part, parts int) []T {
	if c.Seed != nil {
		all = dataset.Shuffle(all, *c.Seed, epoch)
	}
	return dataset.Shard(all, part, parts)
}
