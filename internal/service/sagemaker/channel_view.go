package sagemaker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"cloister/internal/machine/executor"
	"cloister/internal/machine/feed"
)

// viewAt is where a channel of a host is shown on this machine.
func (r *jobRun) viewAt(host int, c channel) string {
	return filepath.Join(r.dir(host), "views", "c-"+url.PathEscape(c.Name))
}

// views are what a host's container is shown of its channels whose files are brought when they are read.
func (r *jobRun) views(host int, all []channel, target func(channel) string) []executor.Mount {
	var out []executor.Mount
	for _, c := range r.kept(host, all, fastFile) {
		out = append(out, executor.Mount{Source: r.viewAt(host, c), Target: target(c), ReadOnly: true})
	}
	return out
}

// layView says what a view is to show.
func (r *jobRun) layView(ctx context.Context, client *s3, host int, c channel) (v feed.View, err error) {
	all, err := r.contents(ctx, client, c)
	if err != nil {
		return v, err
	}
	part, parts, _ := c.share(r.st().Hosts, host)
	files := []feed.File{}
	for _, m := range turn(&c, all.Objects, 0, part, parts) {
		files = append(files, feed.File{Name: m.Name, Size: m.Size})
	}
	if err := feed.CheckFiles(files); err != nil {
		return v, fails("ClientError: Data download failed:Failed to download data. A key of channel %s cannot be a file beside the others: %v", c.Name, err)
	}
	b, err := json.Marshal(files)
	if err != nil {
		return v, err
	}
	v = feed.View{At: r.viewAt(host, c), Files: r.viewAt(host, c) + ".json"}
	return v, errors.Join(os.MkdirAll(v.At, 0o755), os.WriteFile(v.Files, b, 0o600))
}

// serveView brings what is read in a view.
func (r *jobRun) serveView(ctx context.Context, k *feed.Keeper, number, host int, c channel) error {
	client := r.s3(host)
	defer client.close()
	all, err := r.contents(ctx, client, c)
	if err != nil {
		return err
	}
	part, parts, _ := c.share(r.st().Hosts, host)
	l := newLazy(client, turn(&c, all.Objects, 0, part, parts))
	err = k.Serve(ctx, number, l.read)
	l.wait()
	switch {
	case errors.Is(err, feed.ErrLost):
		return r.lost(host)
	case err != nil:
		return fmt.Errorf("channel %s: %w", c.Name, err)
	}
	return nil
}
