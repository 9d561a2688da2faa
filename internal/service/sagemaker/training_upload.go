package sagemaker

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// archive packs one directory and puts it, unless it is empty.
func (r *jobRun) archive(ctx context.Context, c *s3, dir, bucket, key string) error {
	packed := filepath.Join(r.dir(0), "packed.tar.gz")
	n, err := pack(ctx, packed, r.ml(0), dir, largestModel)
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

// pack writes the files below base/dir into a gzipped tar, named relative to dir, and gives how many
// there are. The container chose what lies there: links are packed as links, nothing outside base is
// read, what is no file is left out, and more than limit bytes are too many, be they holes.
func pack(ctx context.Context, to, base, dir string, limit int64) (n int, err error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	// The container may have put a link in the place of the directory itself, or of one above it.
	for i := range dir + "/" {
		if i < len(dir) && dir[i] != '/' {
			continue
		}
		if info, err := root.Lstat(dir[:i]); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
	}
	sub, err := root.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer sub.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	w := tar.NewWriter(z)
	p := &packer{ctx: ctx, w: w, root: sub, left: limit}
	err = fs.WalkDir(sub.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		added, err := p.add(name)
		n += added
		return err
	})
	return n, errors.Join(err, w.Close(), z.Close())
}

// packer adds files to an archive as long as there is room and somebody waits for it.
type packer struct {
	ctx  context.Context
	w    *tar.Writer
	root *os.Root
	left int64
}

// patient is a reader that ends when nobody waits any more.
type patient struct {
	ctx  context.Context
	from io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.from.Read(b)
}

// add packs one file, directory or link, and gives how many files that was.
func (p *packer) add(name string) (int, error) {
	w, root := p.w, p.root
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	info, err := root.Lstat(name)
	if err != nil {
		return 0, err
	}
	link := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if link, err = root.Readlink(name); err != nil {
			return 0, err
		}
	case !info.IsDir() && !info.Mode().IsRegular():
		return 0, nil
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return 0, fmt.Errorf("pack %s: %w", name, err)
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.Mode = name, 0, 0, "", "", h.Mode&0o777
	if info.IsDir() {
		h.Name += "/"
		return 0, w.WriteHeader(h)
	}
	if info.Mode().IsRegular() {
		if p.left -= info.Size(); p.left < 0 {
			return 0, fails("ClientError: Artifact upload failed:Insufficient disk space: the artifacts are larger than %d GiB", largestModel>>30)
		}
	}
	if err := w.WriteHeader(h); err != nil {
		return 0, fmt.Errorf("pack %s: %w", name, err)
	}
	if link != "" {
		return 1, nil
	}
	f, err := root.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := io.Copy(w, patient{p.ctx, io.LimitReader(f, info.Size())}); err != nil {
		return 0, fmt.Errorf("pack %s: %w", name, err)
	}
	return 1, nil
}
