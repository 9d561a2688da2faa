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
func (r *trainingRun) upload(ctx context.Context) error {
	bucket, prefix, _ := splitS3(text(r.job.Request.OutputDataConfig.S3OutputPath))
	if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	prefix += r.job.name() + "/output/"
	s3 := r.newS3(r.job.place(), r.role)
	defer s3.close()
	whole := r.job.Result.Status != failed
	err := r.archive(ctx, s3, "output/data", bucket, prefix+"output.tar.gz")
	if err == nil && whole {
		err = r.archive(ctx, s3, "model", bucket, prefix+"model.tar.gz")
	}
	if err = transferred(upload, err); err != nil && whole {
		return err
	}
	if err != nil {
		r.Service.Log.Warn("output of a failed job was not uploaded", "job", r.job.ARN, "error", err)
	}
	return r.update(ctx, func(now time.Time, j *trainingJob) {
		j.Ended = &now
		if whole {
			j.Artifacts = "s3://" + bucket + "/" + prefix + "model.tar.gz"
		}
	})
}

// archive packs one directory and puts it, unless it is empty.
func (r *trainingRun) archive(ctx context.Context, c *s3, dir, bucket, key string) error {
	packed := filepath.Join(r.directory(), "packed.tar.gz")
	n, err := pack(packed, filepath.Join(r.ml()), dir)
	if err != nil || n == 0 {
		return err
	}
	defer os.Remove(packed)
	info, err := os.Stat(packed)
	if err != nil {
		return err
	}
	return c.put(ctx, bucket, key, info.Size(), func() (io.ReadCloser, error) { return os.Open(packed) })
}

// pack writes the files below base/dir into a gzipped tar, named relative to dir, and gives how many
// there are. The container chose what lies there: links are packed as links, nothing outside base is
// read, and what is no file is left out.
func pack(to, base, dir string) (n int, err error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	// The container may have put a link in the place of the directory itself.
	if info, err := root.Lstat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return 0, nil
	} else if err != nil {
		return 0, err
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
	err = fs.WalkDir(sub.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		added, err := packOne(w, sub, name)
		n += added
		return err
	})
	return n, errors.Join(err, w.Close(), z.Close())
}

func packOne(w *tar.Writer, root *os.Root, name string) (int, error) {
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
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
	if info.IsDir() {
		h.Name += "/"
		return 0, w.WriteHeader(h)
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
	if _, err := io.Copy(w, f); err != nil {
		return 0, fmt.Errorf("pack %s: %w", name, err)
	}
	return 1, nil
}
