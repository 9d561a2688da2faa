package sagemaker

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/disk"
	"cloister/internal/machine/feed"
)

// hostsAtOnce is how many hosts' data is brought at a time; each has its own transfers.
const hostsAtOnce = 4

// download lays out /opt/ml of every host: directories, configuration and the channels' data.
func (r *jobRun) download(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(hostsAtOnce)
	for i := range r.st().Hosts {
		g.Go(func() error { return r.layOut(ctx, i) })
	}
	return g.Wait()
}

func (r *jobRun) layOut(ctx context.Context, host int) error {
	if err := r.dropPipes(ctx, host); err != nil {
		return err
	}
	if err := disk.Remove(r.ml(host)); err != nil {
		return err
	}
	if err := os.MkdirAll(r.dir(host), 0o700); err != nil {
		return err
	}
	for _, d := range []string{"", "input", "input/config", "input/data", "model", "output", "output/data", "code", "checkpoints"} {
		at := filepath.Join(r.ml(host), d)
		if err := errors.Join(os.Mkdir(at, 0o777), os.Chmod(at, 0o777)); err != nil {
			return err
		}
	}
	if err := r.training().configure(filepath.Join(r.ml(host), "input/config"), host); err != nil {
		return err
	}
	if err := r.restore(ctx, host); err != nil {
		return err
	}
	data := filepath.Join(r.ml(host), "input/data")
	for _, c := range r.training().inputs() {
		if c.Mode == fastFile { // where the view is shown
			if err := os.Mkdir(filepath.Join(data, c.Name), 0o755); err != nil {
				return err
			}
		}
		if c.Mode != file {
			continue
		}
		if err := r.bring(ctx, host, c, filepath.Join(data, c.Name)); err != nil {
			return err
		}
	}
	return r.layPipes(ctx, host, r.training().inputs(), func(c channel) feed.Pipe { return feed.Pipe{Directory: data, Name: c.Name} })
}

// train runs the containers, feeds those that read from pipes and keeps their checkpoints.
func (r *jobRun) train(ctx context.Context) error {
	r.keepCheckpoints()
	return r.runFed(ctx, r.training().inputs())
}
