package sagemaker

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
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
	l, err := openLedger(filepath.Join(r.dir(0), "archives"))
	if err != nil {
		return err
	}
	defer l.close()
	c := r.s3(0)
	defer c.close()
	a := &archive{r: r, s3: c, ledger: l, dir: dir, bucket: bucket, key: prefix + name, packed: filepath.Join(r.dir(0), name)}
	f, err := os.Open(a.packed)
	if errors.Is(err, fs.ErrNotExist) {
		return a.make(ctx)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return l.put(ctx, c, bucket, a.key, f, info.Size(), oneArchive)
}

// oneArchive is what the ledger calls the file of an archive: there is one only.
const oneArchive = "archive"

// archive is one that is packed and put.
type archive struct {
	r                *jobRun
	s3               *s3
	ledger           *ledger
	dir, bucket, key string
	packed           string
}

// errEmpty is of an archive in which there is nothing.
var errEmpty = errors.New("nothing to pack")

// make packs the archive, and puts what is packed of it meanwhile. The object cannot be in S3 before the file has
// its name.
func (a *archive) make(ctx context.Context) (err error) {
	f, err := os.OpenFile(a.packed+".new", os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(a.packed + ".new") //nolint:errcheck // it goes with the job
		}
		err = errors.Join(err, f.Close())
	}()
	if err := a.ledger.write(posting{a.key, oneArchive, false}); err != nil {
		return err
	}
	within, cut := context.WithCancel(ctx)
	all := grow(f)
	var packing errgroup.Group
	packing.Go(func() error { all.end(a.pack(within, all)); return nil })
	err = a.s3.putFrom(ctx, a.bucket, a.key, all, a.s3.chunk)
	cut()
	packing.Wait() //nolint:errcheck // it gives none
	if errors.Is(err, errEmpty) {
		return os.Remove(a.packed + ".new")
	}
	if err != nil {
		return err
	}
	return a.ledger.write(posting{a.key, oneArchive, true})
}

func (a *archive) pack(ctx context.Context, to io.Writer) error {
	var bases []string
	for i := range a.r.st().Hosts {
		bases = append(bases, a.r.ml(i))
	}
	n, err := pack(ctx, to, bases, a.dir, largestModel)
	if err == nil && n == 0 {
		err = errEmpty
	}
	if err == nil {
		err = os.Rename(a.packed+".new", a.packed)
	}
	return err
}
