package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/feed"
)

// keeper is where the process that keeps a host's pipes has its files.
func (r *jobRun) keeper(host int) string { return filepath.Join(r.dir(host), "pipes") }

// kept are the channels of a mode that a host has from its keeper, in the order in which that knows them.
func (r *jobRun) kept(host int, all []channel, mode string) []channel {
	var out []channel
	for _, c := range all {
		if _, _, ok := c.share(r.st().Hosts, host); ok && c.Mode == mode {
			out = append(out, c)
		}
	}
	return out
}

// layPipes makes the pipes of a host's channels, each in its place, whose directory must be there, and shows those
// that are files when somebody reads them; the container must not run yet. What the channels consist of is
// known then.
func (r *jobRun) layPipes(ctx context.Context, host int, all []channel, place func(channel) feed.Pipe) error {
	streams, shown := r.kept(host, all, pipe), r.kept(host, all, fastFile)
	if len(streams)+len(shown) == 0 {
		return nil
	}
	client := r.s3(host)
	defer client.close()
	var pipes []feed.Pipe
	for _, c := range streams {
		if _, err := r.contents(ctx, client, c); err != nil {
			return err
		}
		pipes = append(pipes, place(c))
	}
	var views []feed.View
	for _, c := range shown {
		v, err := r.layView(ctx, client, host, c)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	_, err := feed.Start(ctx, r.Keeper, r.keeper(host), pipes, views)
	return err
}

// dropPipes ends what layPipes began.
func (r *jobRun) dropPipes(ctx context.Context, host int) error {
	return errors.Join(feed.Remove(ctx, r.keeper(host)), feed.Hide(filepath.Join(r.dir(host), "views")))
}

// dropAllPipes undoes it for all hosts.
func (r *jobRun) dropAllPipes(ctx context.Context) error {
	var errs []error
	for i := range r.st().Hosts {
		errs = append(errs, r.dropPipes(ctx, i))
	}
	return errors.Join(errs...)
}

// lost is how a job ends whose pipes are gone: its containers may have taken that for the end of their data.
func (r *jobRun) lost(host int) error {
	return fails("InternalServerError: The pipes of %s were lost, and with them the rest of its input. Please try again.", r.st().Hosts[host].Name)
}

// runFed runs the containers with their pipes fed. A job whose containers ended well may still have lost
// its data before, and has then not ended well.
func (r *jobRun) runFed(ctx context.Context, all []channel) error {
	if r.st().Result == nil {
		if err := r.feedAll(all); err != nil {
			return err
		}
	}
	if err := r.run(ctx); err != nil || r.st().Result == nil || r.st().Result.Status != completed {
		return err
	}
	for i := range r.st().Hosts {
		if len(r.kept(i, all, pipe))+len(r.kept(i, all, fastFile)) == 0 {
			continue
		}
		if _, err := feed.Find(r.keeper(i)); err != nil {
			return r.lost(i)
		}
	}
	return nil
}

// feedAll has the hosts' pipes fed while the containers run.
func (r *jobRun) feedAll(all []channel) error {
	for host := range r.st().Hosts {
		streams, shown := r.kept(host, all, pipe), r.kept(host, all, fastFile)
		if len(streams)+len(shown) == 0 {
			continue
		}
		k, err := feed.Find(r.keeper(host))
		if err != nil {
			return r.lost(host)
		}
		if err := r.dropSpools(host); err != nil {
			return err
		}
		for i, c := range streams {
			r.feeds = append(r.feeds, func(ctx context.Context) error { return r.feed(ctx, k, i, host, c) })
		}
		for i, c := range shown {
			r.feeds = append(r.feeds, func(ctx context.Context) error { return r.serveView(ctx, k, i, host, c) })
		}
	}
	return nil
}

// dropSpools removes what a process left that died.
func (r *jobRun) dropSpools(host int) error {
	all, err := filepath.Glob(filepath.Join(r.dir(host), spools+"*"))
	for _, name := range all {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// feed feeds one pipe, pass after pass.
func (r *jobRun) feed(ctx context.Context, k *feed.Keeper, number, host int, c channel) error {
	client := r.s3(host)
	defer client.close()
	all, err := r.contents(ctx, client, c)
	if err != nil {
		return err
	}
	part, parts, _ := c.share(r.st().Hosts, host)
	g, ctx := errgroup.WithContext(ctx)
	for ctx.Err() == nil {
		p, err := k.Next(ctx, number)
		if err != nil {
			g.Go(func() error { return err })
			break
		}
		g.Go(func() error {
			defer p.Close()
			f := &pouring{client: client, channel: &c, pass: p, spool: r.dir(host)}
			return f.pour(ctx, f.pieces(all, part, parts))
		})
	}
	switch err := g.Wait(); {
	case errors.Is(err, feed.ErrLost):
		return r.lost(host)
	case err != nil:
		return fmt.Errorf("channel %s: %w", c.Name, err)
	}
	return ctx.Err()
}
