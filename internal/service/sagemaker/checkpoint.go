package sagemaker

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"cloister/internal/machine/disk"
)

const (
	// checkpointPath is where a container finds its checkpoints if the request says nothing else.
	checkpointPath = "/opt/ml/checkpoints"
	// checkpointPause is the least time between two looks at the directory.
	checkpointPause = time.Second
)

// checkpoints are where a host's checkpoints are: here, and what S3 has of them. All hosts have one prefix.
// ok is false where the job has none.
func (r *jobRun) checkpoints(host int) (p product, ok bool) {
	c := r.training().Request.CheckpointConfig
	if c == nil {
		return product{}, false
	}
	bucket, prefix, _ := splitS3(text(c.S3Uri))
	return product{Base: r.dir(host), Dir: "checkpoints", Bucket: bucket, Prefix: withSlash(prefix), Mirror: true}, true
}

// restore brings the checkpoints that S3 has, before the container starts. They need not be brought out
// again, and those of them that the container removes are removed from S3.
func (r *jobRun) restore(ctx context.Context, host int) error {
	p, ok := r.checkpoints(host)
	if !ok {
		return nil
	}
	dir := filepath.Join(p.Base, p.Dir)
	if err := errors.Join(disk.Remove(dir), disk.Remove(filepath.Join(r.dir(host), ledgers)), os.MkdirAll(dir, 0o777)); err != nil {
		return err
	}
	o, err := r.openOutlet(host, p)
	if err != nil {
		return err
	}
	defer o.close()
	if _, err := o.client.fetchPrefix(ctx, dir, p.Bucket, p.Prefix); err != nil {
		return transferred(download, err)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		// Whoever the image runs as may write on.
		mode := fs.FileMode(0o666)
		if d.IsDir() {
			mode = 0o777
		}
		if err := os.Chmod(path, mode); err != nil || d.IsDir() {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return o.ledger.write(posting{p.Prefix + name, print(info), true})
	})
}

// keepCheckpoints has all hosts' checkpoints followed while the containers run.
func (r *jobRun) keepCheckpoints() {
	for i := range r.st().Hosts {
		if p, ok := r.checkpoints(i); ok {
			r.feeds = append(r.feeds, r.bringOutMeanwhile(i, p, r.pause))
		}
	}
}

// lastCheckpoints brings out what the containers left at their end.
func (r *jobRun) lastCheckpoints(ctx context.Context) error {
	for i := range r.st().Hosts {
		if p, ok := r.checkpoints(i); ok {
			if err := r.bringOut(ctx, i, p); err != nil {
				return err
			}
		}
	}
	return nil
}
