package sagemaker

import (
	"context"
	"path/filepath"
	"strconv"

	"cloister/internal/machine/feed"
	"cloister/internal/value/shape/sagemaker"
)

// input is one input as a channel. The number names it: names of inputs may be anything.
func input(number int, s *sagemaker.ProcessingS3Input) channel {
	return channel{
		Name: "input-" + strconv.Itoa(number), Mode: text(orText(s.S3InputMode, file)), Type: text(s.S3DataType), URI: text(s.S3Uri),
		Distribution: text(s.S3DataDistributionType), Compression: text(s.S3CompressionType),
	}
}

// inputs are the channels that the platform brings, and where each is below /opt/ml, by its name.
func (j *processingJob) inputs() (all []channel, at map[string]string) {
	at = map[string]string{}
	for n, i := range j.Request.ProcessingInputs {
		if !flag(i.AppManaged) {
			c := input(n, i.S3Input)
			all, at[c.Name] = append(all, c), inMl(i.S3Input.LocalPath)
		}
	}
	return all, at
}

// bringAll brings a host's inputs. What is streamed comes out of pipes whose names are the path of the input and the
// number of the pass, as it is with channels of training.
func (r *jobRun) bringAll(ctx context.Context, host int) error {
	ml := r.ml(host)
	all, at := r.processing().inputs()
	for _, c := range all {
		dir := at[c.Name]
		if c.Mode != file {
			dir = filepath.Dir(dir)
		}
		if err := openDirectory(ml, dir); err != nil {
			return err
		}
		if c.Mode != file {
			continue
		}
		if err := r.bring(ctx, host, c, filepath.Join(ml, dir)); err != nil {
			return err
		}
	}
	return r.layPipes(ctx, host, all, func(c channel) feed.Pipe {
		dir, name := filepath.Split(filepath.Join(ml, at[c.Name]))
		return feed.Pipe{Directory: dir, Name: name}
	})
}

// outputs are those that the platform uploads, of one mode or of any.
func (j *processingJob) outputs(mode string) []*sagemaker.ProcessingS3Output {
	var out []*sagemaker.ProcessingS3Output
	if c := j.Request.ProcessingOutputConfig; c != nil {
		for _, o := range c.Outputs {
			if !flag(o.AppManaged) && (mode == "" || text(o.S3Output.S3UploadMode) == mode) {
				out = append(out, o.S3Output)
			}
		}
	}
	return out
}

// product is an output of a host.
func (r *jobRun) product(host int, o *sagemaker.ProcessingS3Output) product {
	bucket, prefix, _ := splitS3(text(o.S3Uri))
	return product{Base: r.ml(host), Dir: inMl(o.LocalPath), Bucket: bucket, Prefix: withSlash(prefix)}
}

// process runs the containers; their pipes are fed, and what they write to continuous outputs is uploaded meanwhile.
func (r *jobRun) process(ctx context.Context) error {
	for i := range r.st().Hosts {
		for _, o := range r.processing().outputs("Continuous") {
			r.feeds = append(r.feeds, r.bringOutMeanwhile(i, r.product(i, o), scanEvery))
		}
	}
	all, _ := r.processing().inputs()
	return r.runFed(ctx, all)
}

// bringOutAll uploads what is left of all outputs when the containers have ended, one host after another: of files
// with one key the last host's stays, unless they went out before.
func (r *jobRun) bringOutAll(ctx context.Context) error {
	for i := range r.st().Hosts {
		for _, o := range r.processing().outputs("") {
			if err := r.bringOut(ctx, i, r.product(i, o)); err != nil {
				return err
			}
		}
	}
	return nil
}
