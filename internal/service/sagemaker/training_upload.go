package sagemaker

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// packedModel and packedOutput are what the artefacts are called.
const (
	packedModel  = "model.tar.gz"
	packedOutput = "output.tar.gz"
)

// upload brings what the containers made to S3: the model unless one failed, the output where there is some.
// That a failed job's output cannot be brought changes nothing about its end.
func (r *jobRun) upload(ctx context.Context) error {
	j := r.training()
	bucket, prefix, _ := splitS3(text(j.Request.OutputDataConfig.S3OutputPath))
	prefix = withSlash(prefix) + j.name() + "/output/"
	whole, model := j.Result.Status != failed, packedModel
	bring := r.archive
	if text(j.Request.OutputDataConfig.CompressionType) == "NONE" {
		model, bring = "model/", r.loose
	}
	err := r.lastCheckpoints(ctx)
	if err == nil {
		err = bring(ctx, "output/data", bucket, prefix, packedOutput)
	}
	if err == nil && whole {
		err = bring(ctx, "model", bucket, prefix, packedModel)
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
			t.Artifacts = "s3://" + bucket + "/" + prefix + model
		}
	})
}

// loose puts the files of one directory of all hosts as they are; of two with one name the last host's stays.
func (r *jobRun) loose(ctx context.Context, dir, bucket, prefix, _ string) error {
	for i := range r.st().Hosts {
		p := product{Base: r.ml(i), Dir: dir, Bucket: bucket, Prefix: prefix + filepath.Base(dir) + "/"}
		if err := r.bringOut(ctx, i, p); err != nil {
			return err
		}
	}
	return nil
}

// archive packs one directory of all hosts and puts it under a name, unless it is empty. What was packed stays
// until the job is at rest, so that nothing is put twice.
func (r *jobRun) archive(ctx context.Context, dir, bucket, prefix, name string) error {
	packed := filepath.Join(r.dir(0), name)
	if _, err := os.Stat(packed); errors.Is(err, fs.ErrNotExist) {
		var bases []string
		for i := range r.st().Hosts {
			bases = append(bases, r.ml(i))
		}
		n, err := pack(ctx, packed+".new", bases, dir, largestModel)
		if err != nil || n == 0 {
			return errors.Join(err, os.Remove(packed+".new"))
		}
		if err := os.Rename(packed+".new", packed); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	f, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	l, err := openLedger(filepath.Join(r.dir(0), "archives"))
	if err != nil {
		return err
	}
	defer l.close()
	c := r.s3(0)
	defer c.close()
	return l.put(ctx, c, bucket, prefix+name, f, info)
}
