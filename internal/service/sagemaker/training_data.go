package sagemaker

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"cloister/internal/value/shape/sagemaker"
)

// transfers is how many objects are fetched at a time.
const transfers = 8

// download lays out /opt/ml of every host: directories, configuration and the channels' data.
func (r *jobRun) download(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	for i := range r.st().Hosts {
		g.Go(func() error { return r.layOut(ctx, i) })
	}
	return g.Wait()
}

func (r *jobRun) layOut(ctx context.Context, host int) error {
	if err := os.RemoveAll(r.ml(host)); err != nil {
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
	s3 := r.s3(host)
	defer s3.close()
	for i := range r.training().Request.InputDataConfig {
		if err := r.fetch(ctx, s3, host, &r.training().Request.InputDataConfig[i]); err != nil {
			return transferred(download, err)
		}
	}
	return nil
}

// fetch brings one channel.
func (r *jobRun) fetch(ctx context.Context, c *s3, host int, ch *sagemaker.Channel) error {
	source := ch.DataSource.S3DataSource
	dir := filepath.Join(r.ml(host), "input/data", text(ch.ChannelName))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	bucket, prefix, _ := splitS3(text(source.S3Uri))
	if text(source.S3DataType) == "ManifestFile" {
		return c.fetchManifest(ctx, dir, bucket, prefix)
	}
	n, err := c.fetchPrefix(ctx, dir, bucket, prefix)
	if err == nil && n == 0 {
		return fails(`ClientError: Data download failed:No S3 objects found under S3 URL "%s" given in input data source. Please ensure that the bucket exists in the selected region (%s), that objects exist under that S3 prefix, and that the role "%s" has "s3:ListBucket" permissions on bucket "%s".`,
			text(source.S3Uri), r.Region, r.plan.Role, bucket)
	}
	return err
}

// fetchPrefix brings every object whose key begins with prefix; its file is named by what follows
// the prefix's last slash.
func (c *s3) fetchPrefix(ctx context.Context, dir, bucket, prefix string) (int, error) {
	into, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer into.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	cut, n := strings.LastIndexByte(prefix, '/')+1, 0
	err = c.list(ctx, bucket, prefix, func(o object) error {
		name := o.Key[cut:]
		if name == "" || strings.HasSuffix(name, "/") { // a console's folder
			return nil
		}
		if strings.Contains(o.Key, "//") {
			return fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s has an illegal char sub-sequence '//' in it", o.Key)
		}
		n++
		g.Go(func() error { return c.fetchObject(ctx, into, bucket, o.Key, name) })
		return nil
	})
	// A fetch that failed is why the listing was cut short, so it is what is told.
	if failed := g.Wait(); failed != nil {
		return n, failed
	}
	return n, err
}

// fetchObject writes an object to a file of the directory; the key is a stranger's text and cannot
// lead out of it.
func (c *s3) fetchObject(ctx context.Context, into *os.Root, bucket, key, name string) error {
	if clean := path.Clean(name); clean != name || strings.HasPrefix(name, "../") || name == ".." || strings.HasPrefix(name, "/") {
		return fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s is no file name", key)
	}
	if d := path.Dir(name); d != "." {
		if err := into.MkdirAll(d, 0o755); err != nil {
			return clash(key, err)
		}
	}
	f, err := into.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return clash(key, err)
	}
	return errors.Join(c.fetch(ctx, bucket, object{Key: key, Size: -1}, f), f.Close())
}

// clash is two keys that cannot both be files: "a" and "a/b".
func clash(key string, err error) error {
	if errors.Is(err, errNoSpace) {
		return err
	}
	return fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s cannot be a file beside the other keys", key)
}

// mostManifest is the longest manifest that is read.
const mostManifest = 64 << 20

// fetchManifest brings the objects that a manifest names: a prefix, then suffixes.
func (c *s3) fetchManifest(ctx context.Context, dir, bucket, key string) error {
	var raw limited
	if err := c.get(ctx, bucket, key, &raw); err != nil {
		return err
	}
	bad := fails("ClientError: Data download failed:The manifest s3://%s/%s is not a JSON array of a prefix and file names.", bucket, key)
	var entries []json.RawMessage
	var head struct{ Prefix string }
	if json.Unmarshal(raw.b, &entries) != nil || len(entries) == 0 || json.Unmarshal(entries[0], &head) != nil {
		return bad
	}
	from, prefix, ok := splitS3(head.Prefix)
	if !ok {
		return bad
	}
	into, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer into.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	for _, e := range entries[1:] {
		var name string
		if json.Unmarshal(e, &name) != nil {
			g.Go(func() error { return bad })
			break
		}
		g.Go(func() error { return c.fetchObject(ctx, into, from, prefix+name, name) })
	}
	return g.Wait()
}

// limited takes a manifest's bytes and no more.
type limited struct{ b []byte }

func (l *limited) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > mostManifest {
		return 0, fails("ClientError: Data download failed:The manifest is longer than %d bytes.", mostManifest)
	}
	l.b = append(l.b, p...)
	return len(p), nil
}
