package sagemaker

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/disk"
	"cloister/internal/value/shape/sagemaker"
)

// largestModel is the most that a model may unpack to: the volume that AWS gives.
const largestModel = 30 << 30

// fetch brings the model's data into /opt/ml/model, once.
func (r *instanceRun) fetch(ctx context.Context) error {
	if r.in.Prepared {
		return nil
	}
	if err := disk.Remove(r.directory()); err != nil {
		return err
	}
	dir := filepath.Join(r.ml(), "model")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(r.ml(), 0o777); err != nil { // whatever user the image runs as
		return err
	}
	within, cancel := context.WithTimeout(ctx, r.in.Fetch)
	defer cancel()
	if err := r.fetchWatched(within, dir); err != nil {
		return err
	}
	return r.update(ctx, func(i *instance) { i.Prepared = true })
}

// fetchWatched ends when the data is more than the volume has room for.
func (r *instanceRun) fetchWatched(ctx context.Context, dir string) error {
	within, cancel := context.WithCancelCause(ctx)
	var g errgroup.Group
	g.Go(func() error {
		cancel(r.volumes.watch(within, r.in.ID, r.directory(), r.in.Volume))
		return nil
	})
	err := r.fetchInto(within, dir)
	cause := context.Cause(within)
	cancel(nil)
	g.Wait() //nolint:errcheck // it gives none
	if full := new(fullVolume); err != nil && errors.As(cause, &full) {
		return fails("Failed to download model data for container \"container_1\": %s", strings.TrimPrefix(full.reason, theirs))
	}
	return err
}

func (r *instanceRun) fetchInto(ctx context.Context, dir string) error {
	s3 := r.newS3(r.in.door(), r.role)
	defer s3.close()
	return fetchModel(ctx, s3, r.in.Model.container(), dir, r.directory())
}

// fetchModel brings the data of a model's container into dir; scratch is for the archive meanwhile.
func fetchModel(ctx context.Context, s3 *s3, c sagemaker.ContainerDefinition, dir, scratch string) error {
	uri, prefix := text(c.ModelDataUrl), false
	if c.ModelDataSource != nil {
		uri, prefix = text(c.ModelDataSource.S3DataSource.S3Uri), text(c.ModelDataSource.S3DataSource.S3DataType) == "S3Prefix"
	}
	if uri == "" {
		return nil
	}
	bucket, key, _ := splitS3(uri)
	if prefix {
		_, err := s3.fetchPrefix(ctx, dir, bucket, key)
		return modelFailure(uri, err)
	}
	packed := filepath.Join(scratch, "model.tar.gz")
	f, err := os.OpenFile(packed, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { f.Close(); os.Remove(packed) }()
	if err := s3.get(ctx, bucket, key, f); err != nil {
		return modelFailure(uri, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var bad *badArchive
	if err := unpack(ctx, f, dir, largestModel); errors.As(err, &bad) {
		return fails(`Failed to extract model data archive from URL "%s" for container "container_1": %s. Please ensure that the object located at the URL is a valid tar.gz archive.`, uri, bad.why)
	} else if err != nil {
		return err
	}
	return nil
}

// modelFailure is why a model's data could not be brought.
func modelFailure(uri string, err error) error {
	err = transferred(download, err)
	var no *failure
	if !errors.As(err, &no) {
		return err
	}
	return &failure{request: no.request, reason: fmt.Sprintf(
		`Failed to download model data for container "container_1" from URL: "%s". Please ensure that there is an object located at the URL and that the role passed to CreateModel has permissions to download the model. %s`,
		uri, strings.TrimPrefix(no.reason, "ClientError: "))}
}

// badArchive is an archive that will never unpack.
type badArchive struct{ why string }

func (b *badArchive) Error() string { return b.why }

const (
	// mostModelFiles is how many files and directories a model's archive may have: a small one can have as many as a disk has
	// room for.
	mostModelFiles = 1 << 20
	// longestMember and deepestMember are of the names of these.
	longestMember = 4096
	deepestMember = 200
)

// unpack writes the files and directories of a gzipped tar below dir, as long as somebody waits. Whoever made the archive is
// a stranger: nothing is written outside dir, links are refused as on AWS, and no more than limit bytes are taken.
func unpack(ctx context.Context, r io.Reader, dir string, limit int64) error {
	z, err := gzip.NewReader(patient{ctx, r})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &badArchive{"it is not gzipped"}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	t := tar.NewReader(patient{ctx, z})
	for n := 0; ; n++ {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return &badArchive{"it is damaged"}
		}
		if limit -= h.Size; limit < 0 || n == mostModelFiles {
			return &badArchive{"it is too large"}
		}
		if len(h.Name) > longestMember || strings.Count(h.Name, "/") > deepestMember {
			return &badArchive{"a member's name is too long"}
		}
		if err := unpackOne(root, h, t); err != nil {
			return err
		}
	}
}

func unpackOne(root *os.Root, h *tar.Header, content io.Reader) error {
	name := path.Clean(h.Name)
	if path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
		return &badArchive{"a member leads out of the model directory"}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if name == "." {
			return nil
		}
		return blocked(root.MkdirAll(name, 0o755))
	case tar.TypeReg:
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return &badArchive{"it holds a link or a special file"}
	}
	if d := path.Dir(name); d != "." {
		if err := root.MkdirAll(d, 0o755); err != nil {
			return blocked(err)
		}
	}
	mode := os.FileMode(0o644)
	if h.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return blocked(err)
	}
	if _, err := io.Copy(f, content); err != nil {
		f.Close()
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
			return &badArchive{"it is damaged"}
		}
		return err
	}
	return f.Close()
}

// blocked is a member that cannot be where another one is.
func blocked(err error) error {
	var p *os.PathError
	if errors.As(err, &p) && !errors.Is(err, errNoSpace) {
		return &badArchive{"two members have the same name"}
	}
	return err
}
