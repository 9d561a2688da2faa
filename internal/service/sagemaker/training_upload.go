package sagemaker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// upload brings what the container made to S3: the model unless the container failed, the output
// where there is some. That a failed job's output cannot be brought changes nothing about its end.
func (r *jobRun) upload(ctx context.Context) error {
	j := r.training()
	bucket, prefix, _ := splitS3(text(j.Request.OutputDataConfig.S3OutputPath))
	if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	prefix += j.name() + "/output/"
	s3 := r.s3(0)
	defer s3.close()
	whole := j.Result.Status != failed
	err := r.archive(ctx, s3, "output/data", bucket, prefix+"output.tar.gz")
	if err == nil && whole {
		err = r.archive(ctx, s3, "model", bucket, prefix+"model.tar.gz")
	}
	if err = transferred(upload, err); err != nil && whole {
		return err
	}
	if err != nil {
		r.Log.Warn("output of a failed job was not uploaded", "job", j.ARN, "error", err)
	}
	return r.update(ctx, func(now time.Time, j job) {
		t := j.(*trainingJob)
		t.Ended = &now
		if whole {
			t.Artifacts = "s3://" + bucket + "/" + prefix + "model.tar.gz"
		}
	})
}

// archive packs one directory of all hosts and puts it, unless it is empty.
func (r *jobRun) archive(ctx context.Context, c *s3, dir, bucket, key string) error {
	packed := filepath.Join(r.dir(0), "packed.tar.gz")
	var bases []string
	for i := range r.st().Hosts {
		bases = append(bases, r.ml(i))
	}
	n, err := pack(ctx, packed, bases, dir, largestModel)
	if err != nil || n == 0 {
		return err
	}
	defer os.Remove(packed)
	f, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return c.put(ctx, bucket, key, f, info.Size())
}
