package sagemaker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"cloister/internal/engine/dataset"
)

// contents are what a channel consists of, for all hosts and all passes: objects, or the lines of an augmented
// manifest.
type contents struct {
	Objects []member `json:",omitempty"`
	Lines   []string `json:",omitempty"`
}

// member is an object of a channel; Name is its path below the channel's directory. Size is negative and Tag
// empty where only a manifest spoke of it.
type member struct {
	Bucket, Key, Name string
	Size              int64
	Tag               string `json:",omitempty"`
}

// contents gives what a channel consists of. The first host that asks decides for all: the listing lies on disk
// then, for the other hosts and for a process that goes on after this one.
func (r *jobRun) contents(ctx context.Context, c3 *s3, c channel) (*contents, error) {
	dir := filepath.Join(r.dir(0), "contents")
	at := filepath.Join(dir, "c-"+url.PathEscape(c.Name))
	if out, err := readContents(at); !errors.Is(err, fs.ErrNotExist) {
		return out, err
	}
	found, err := r.survey(ctx, c3, c)
	if err != nil {
		return nil, transferred(download, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(json.NewEncoder(f).Encode(found), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), at); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readContents(at)
}

func readContents(name string) (*contents, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	out := &contents{}
	return out, json.Unmarshal(b, out)
}

// survey asks S3 what a channel consists of.
func (r *jobRun) survey(ctx context.Context, c3 *s3, c channel) (*contents, error) {
	bucket, key, _ := splitS3(c.URI)
	switch c.Type {
	case manifestData:
		return c3.manifest(ctx, bucket, key)
	case augmentedData:
		return c3.augmented(ctx, bucket, key, c.Attributes)
	}
	all, err := c3.under(ctx, bucket, key)
	if err == nil && len(all) == 0 {
		return nil, fails("ClientError: Data download failed:%s", noObjects(c.URI, r.Region, r.plan.Role, bucket))
	}
	if err == nil && c.Mode == fastFile && !wholeFolder(key, all) {
		return nil, fails("ClientError: Data download failed:Failed to download data.\nFor FastFile mode, partial S3 prefix is not supported. S3 prefix has to end with a full file or folder. Add a trailing '/' to the prefix of channel %s if it is a folder: %s", c.Name, c.URI)
	}
	return &contents{Objects: all}, err
}

// wholeFolder tells whether a prefix ends with a folder or a file, and does not cut a name in two.
func wholeFolder(prefix string, all []member) bool {
	for _, m := range all {
		if rest := strings.TrimPrefix(m.Key, prefix); prefix != "" && !strings.HasSuffix(prefix, "/") && rest != "" && rest[0] != '/' {
			return false
		}
	}
	return true
}

// under lists the objects whose key begins with prefix; each is named by what follows the prefix if that is a folder,
// with or without its slash, and else by what follows the prefix's last slash.
func (c *s3) under(ctx context.Context, bucket, prefix string) ([]member, error) {
	var all []member
	names := 0
	cut := strings.LastIndexByte(prefix, '/') + 1
	err := c.list(ctx, bucket, prefix, func(o object) error {
		name, ok := strings.CutPrefix(o.Key, prefix+"/")
		if !ok || prefix == "" {
			name = o.Key[cut:]
		}
		if name == "" || strings.HasSuffix(name, "/") { // a console's folder
			return nil
		}
		if strings.Contains(o.Key, "//") {
			return fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s has an illegal char sub-sequence '//' in it", o.Key)
		}
		if names += len(o.Key); len(all) == mostMembers || names > mostNames {
			return fails("ClientError: Data download failed:Failed to download data. More than %d objects, or names of %d bytes, begin with s3://%s/%s", mostMembers, mostNames, bucket, prefix)
		}
		all = append(all, member{bucket, o.Key, name, o.Size, o.ETag})
		return nil
	})
	return all, err
}

const (
	// mostManifest is the longest manifest that is read.
	mostManifest = 64 << 20
	// mostMembers is how many objects, or lines, a channel may consist of, and mostNames how long their keys may be
	// together: all are held in memory.
	mostMembers = 1 << 20
	mostNames   = 128 << 20
)

// limited takes a manifest's bytes and no more.
type limited struct{ b []byte }

func (l *limited) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > mostManifest {
		return 0, fails("ClientError: Data download failed:The manifest is longer than %d bytes.", mostManifest)
	}
	l.b = append(l.b, p...)
	return len(p), nil
}

// manifest gives the objects that a manifest names: a prefix, then suffixes.
func (c *s3) manifest(ctx context.Context, bucket, key string) (*contents, error) {
	var raw limited
	if err := c.get(ctx, bucket, key, &raw); err != nil {
		return nil, err
	}
	bad := func(err error) error {
		return fails("ClientError: Data download failed:The manifest s3://%s/%s cannot be used: %v.", bucket, key, err)
	}
	head, names, err := dataset.Manifest(raw.b, mostMembers)
	if err != nil {
		return nil, bad(err)
	}
	from, prefix, ok := splitS3(head)
	if !ok {
		return nil, bad(fmt.Errorf("its prefix %q is not an S3 URI", head))
	}
	out := &contents{}
	for _, name := range names {
		out.Objects = append(out.Objects, member{Bucket: from, Key: prefix + name, Name: name, Size: -1})
	}
	return out, nil
}

// augmented gives the lines of an augmented manifest, all of which have the attributes.
func (c *s3) augmented(ctx context.Context, bucket, key string, attributes []string) (*contents, error) {
	var raw limited
	if err := c.get(ctx, bucket, key, &raw); err != nil {
		return nil, err
	}
	lines, err := dataset.Lines(raw.b, mostMembers)
	if err != nil {
		return nil, fails("ClientError: Data download failed:The augmented manifest s3://%s/%s cannot be used: %v.", bucket, key, err)
	}
	out := &contents{}
	for i, line := range lines {
		if _, err := dataset.Augmented(line, attributes); err != nil {
			return nil, fails("ClientError: Data download failed:Line %d of the augmented manifest s3://%s/%s cannot be used: %v.", i+1, bucket, key, err)
		}
		out.Lines = append(out.Lines, string(line))
	}
	return out, nil
}
