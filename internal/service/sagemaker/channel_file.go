package sagemaker

import (
	"context"
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"
)

// transfers is how many objects, or parts of them, a client moves at a time.
const transfers = 8

// bring copies what a host gets of a channel into a directory, which it makes. It may be repeated.
func (r *jobRun) bring(ctx context.Context, host int, c channel, into string) error {
	part, parts, ok := c.share(r.st().Hosts, host)
	if !ok {
		return nil
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	client := r.s3(host)
	defer client.close()
	all, err := r.contents(ctx, client, c)
	if err != nil {
		return err
	}
	return transferred(download, client.fetchAll(ctx, into, turn(&c, all.Objects, 0, part, parts)))
}

// fetchPrefix brings every object whose key begins with prefix, and gives how many there are.
func (c *s3) fetchPrefix(ctx context.Context, dir, bucket, prefix string) (int, error) {
	all, err := c.under(ctx, bucket, prefix)
	if err != nil {
		return 0, err
	}
	return len(all), c.fetchAll(ctx, dir, all)
}

// fetchAll writes each object to its file below a directory.
func (c *s3) fetchAll(ctx context.Context, dir string, all []member) error {
	into, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer into.Close()
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	begun := make(map[string]bool, len(all)) // a manifest may name an object twice
	for _, e := range all {
		if within.Err() != nil {
			break
		}
		if !begun[e.Name] {
			begun[e.Name] = true
			g.Go(func() error { return c.fetchMember(within, into, e) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// fetchMember writes an object to a file of the directory; the key is a stranger's text and cannot
// lead out of it.
func (c *s3) fetchMember(ctx context.Context, into *os.Root, e member) error {
	if path.Clean(e.Name) != e.Name || strings.HasPrefix(e.Name, "../") || e.Name == ".." || e.Name == "." || strings.HasPrefix(e.Name, "/") {
		return fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s is no file name", e.Key)
	}
	if d := path.Dir(e.Name); d != "." {
		if err := into.MkdirAll(d, 0o755); err != nil {
			return clash(e.Key, err)
		}
	}
	f, err := into.OpenFile(e.Name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return clash(e.Key, err)
	}
	return errors.Join(c.fetch(ctx, e.Bucket, object{Key: e.Key, Size: e.Size}, f), f.Close())
}

// clash is two keys that cannot both be files: "a" and "a/b".
func clash(key string, err error) error {
	if errors.Is(err, errNoSpace) {
		return err
	}
	return fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s cannot be a file beside the other keys", key)
}
