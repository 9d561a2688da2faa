package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
)

// product is a directory of a container whose files are objects below a prefix.
type product struct {
	// Base is a directory that the container cannot change itself, Dir its own one below.
	Base, Dir      string
	Bucket, Prefix string // a prefix that is not empty ends in a slash
	// Mirror deletes the objects of files that are gone.
	Mirror bool
}

const (
	// ledgers is where a host's are.
	ledgers = "uploaded"
	// mostProducts is how many files are brought out of one directory.
	mostProducts = 1 << 20
	// scanEvery is how long what is brought out while the container works waits for more, longestSweepPause how long
	// at most: sweepRest is how many times as long as a look took the pause is, and errors make it longer.
	scanEvery         = 2 * time.Second
	longestSweepPause = 30 * time.Second
	sweepRest         = 20
)

// bringOut puts every file of a product that is not in S3 yet. What was put before is remembered on the host's
// disk: it may be repeated, also after a crash, and puts nothing twice. Links are not followed.
func (r *jobRun) bringOut(ctx context.Context, host int, p product) error {
	o, err := r.openOutlet(host, p)
	if err != nil {
		return err
	}
	defer o.close()
	return transferred(upload, o.sweep(ctx))
}

// bringOutMeanwhile does so again and again until ctx is done, at least every now and then: it is one of a job's
// feeds. A file that changes while it is read is brought once more. What S3 refuses, or what cannot be brought, is
// tried again, more and more seldom: only what is brought when the containers have ended decides how the job does.
func (r *jobRun) bringOutMeanwhile(host int, p product, least time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		o, err := r.openOutlet(host, p)
		if err != nil {
			return err
		}
		defer o.close()
		o.moving = true
		for pause := time.Duration(0); ; {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			began := time.Now()
			if err := o.sweep(ctx); err != nil && ctx.Err() == nil {
				pause = min(max(least, 2*pause), longestSweepPause)
				r.Log.Warn("what a container has written is not all in S3", "job", r.st().ARN, "host", r.st().Hosts[host].Name, "error", err)
				continue
			}
			pause = min(max(least, sweepRest*time.Since(began)), longestSweepPause)
		}
	}
}

// outlet is the way out of one product.
type outlet struct {
	product
	client *s3
	ledger *ledger
	moving bool // the container works
	// most is how many bytes one sweep may bring, be they holes, and sum how many it has.
	most int64
	sum  atomic.Int64
}

func (r *jobRun) openOutlet(host int, p product) (*outlet, error) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s", p.Dir, p.Bucket, p.Prefix)
	dir := filepath.Join(r.dir(host), ledgers)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l, err := openLedger(filepath.Join(dir, fmt.Sprintf("%016x", h.Sum64())))
	if err != nil {
		return nil, err
	}
	return &outlet{product: p, client: r.s3(host), ledger: l, most: r.volumes.size(r.plan.Volume)}, nil
}

func (o *outlet) close() {
	o.client.close()
	o.ledger.close()
}

// below opens a directory of a container; ok is false where there is none. The container may have put a link
// in the place of the directory itself, or of one above it.
func below(base, dir string) (sub *os.Root, ok bool, err error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, false, err
	}
	defer root.Close()
	for i := range dir + "/" {
		if i < len(dir) && dir[i] != '/' {
			continue
		}
		if info, err := root.Lstat(dir[:i]); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return nil, false, nil
		} else if err != nil {
			return nil, false, err
		}
	}
	sub, err = root.OpenRoot(dir)
	return sub, err == nil, err
}

// sweep brings what is new.
func (o *outlet) sweep(ctx context.Context) error {
	root, ok, err := below(o.Base, o.Dir)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	o.sum.Store(0)
	if ok {
		defer root.Close()
		if err := o.walk(ctx, root, seen); err != nil {
			return err
		}
	}
	if !o.Mirror {
		return nil
	}
	for _, key := range o.ledger.missing(func(key string) bool { return seen[key] }) {
		err := o.client.tell(ctx, ask{operation: "DeleteObject", method: http.MethodDelete, bucket: o.Bucket, key: key}, nil, nil)
		if err == nil {
			err = o.ledger.write(posting{Key: key})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *outlet) walk(ctx context.Context, root *os.Root, seen map[string]bool) error {
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	err := fs.WalkDir(newWalked(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case within.Err() != nil:
			return within.Err()
		case err != nil && o.moving && !errors.As(err, new(*failure)):
			return nil // it is not any more what it was when it was listed
		case err == nil && d.IsDir():
			return tooDeep(name)
		case err != nil || !d.Type().IsRegular():
			return err
		case !utf8.ValidString(name):
			return fails("ClientError: Artifact upload failed:The file name %q is not UTF-8", name)
		}
		seen[o.Prefix+name] = true
		g.Go(func() error { return o.file(within, root, name) })
		return nil
	})
	if failed := g.Wait(); failed != nil {
		return failed
	}
	return err
}

// file puts one file, unless it was put as it is.
func (o *outlet) file(ctx context.Context, root *os.Root, name string) error {
	// A container that works may put a pipe or a link there just now.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil && o.moving {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	if o.sum.Add(info.Size()) > o.most {
		return fails("ClientError: Artifact upload failed:Insufficient disk space: the files are longer than the volume, %d bytes", o.most)
	}
	err = o.ledger.put(ctx, o.client, o.Bucket, o.Prefix+name, f, info.Size(), print(info))
	if err != nil && o.moving && ctx.Err() == nil {
		if now, gone := f.Stat(); gone != nil || print(now) != print(info) {
			return nil // it changed under our hands
		}
	}
	return err
}

// print tells a file's contents from others that were in its place.
func print(info fs.FileInfo) string {
	st, _ := info.Sys().(*syscall.Stat_t)
	if st == nil {
		return ""
	}
	return fmt.Sprintf("%d-%d-%d-%d", info.Size(), info.ModTime().UnixNano(), st.Ctim.Nano(), st.Ino)
}

// put puts a file, of which print tells that it is this one, unless the ledger says that S3 has it. Of a put of
// which nobody knows how it ended S3 is asked; whoever may not ask puts once more.
func (l *ledger) put(ctx context.Context, c *s3, bucket, key string, f *os.File, size int64, print string) error {
	now := posting{key, print, true}
	known := l.of(key)
	if known == now {
		return nil
	}
	if known.File == now.File {
		tag, err := c.tagOf(ctx, f, size)
		if err != nil {
			return err
		}
		there, err := c.has(ctx, bucket, key, tag)
		var no *s3Error
		if err != nil && !(errors.As(err, &no) && no.Status < 500) {
			return err
		}
		if there {
			return l.write(now)
		}
	} else if err := l.write(posting{key, now.File, false}); err != nil {
		return err
	}
	if err := c.put(ctx, bucket, key, f, size); err != nil {
		return err
	}
	return l.write(now)
}

// withSlash is a prefix as a product wants it.
func withSlash(prefix string) string {
	if prefix = strings.TrimSuffix(prefix, "/"); prefix == "" {
		return ""
	}
	return prefix + "/"
}
