package sagemaker

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"cloister/internal/value/shape/sagemaker"
)

const (
	// mostOutputs is how many files of an output of one host are uploaded.
	mostOutputs = 1 << 20
	// breath is the least time between two looks at what a container writes; looks that take long are rarer.
	breath = time.Second
)

// sent remembers what of the outputs was uploaded as it is now, so that it is not uploaded again.
type sent struct {
	mu    sync.Mutex
	files map[sentFile]fileState
	begun bool
	// wary says that a predecessor may have uploaded some of it: the bucket is asked first.
	wary bool
}

type sentFile struct {
	host int
	key  string // after its bucket
}

// fileState is by what a file shows that it was written to. Who owns a file cannot choose when it was changed, as he
// can when it was modified.
type fileState struct {
	size    int64
	changed time.Time
}

// blur is how long after a change another may show no difference.
const blur = 100 * time.Millisecond

func stateOf(info fs.FileInfo) fileState {
	s := fileState{size: info.Size(), changed: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.changed = time.Unix(st.Ctim.Unix())
	}
	return s
}

func (s *sent) is(f sentFile, now fileState) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[f] == now
}

func (s *sent) put(f sentFile, now fileState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[sentFile]fileState{}
	}
	s.files[f] = now
}

// sending records that uploads begin, and finds whether they had begun before.
func (r *jobRun) sending(ctx context.Context) error {
	if r.sent.begun {
		return nil
	}
	r.sent.begun = true
	if r.processing().Sending {
		r.sent.wary = true
		return nil
	}
	return r.update(ctx, func(_ time.Time, j job) { j.(*processingJob).Sending = true })
}

// process runs the containers; what they write to continuous outputs is uploaded meanwhile.
func (r *jobRun) process(ctx context.Context) error {
	continuous := map[string]bool{}
	for _, o := range r.processing().outputs() {
		continuous[text(o.S3Output.S3UploadMode)] = true
	}
	if continuous["Continuous"] && r.st().Result == nil {
		if err := r.sending(ctx); err != nil {
			return err
		}
		for i := range r.st().Hosts {
			r.feeds = append(r.feeds, func(ctx context.Context) error { return r.keepSending(ctx, i) })
		}
	}
	return r.run(ctx)
}

// keepSending uploads what a container writes until it has ended. What may pass is left to the next look.
func (r *jobRun) keepSending(ctx context.Context, host int) error {
	client := r.s3(host)
	defer client.close()
	for {
		began := time.Now()
		for _, o := range r.processing().outputs() {
			if text(o.S3Output.S3UploadMode) != "Continuous" {
				continue
			}
			err := r.sendTree(ctx, client, host, &o)
			var no *failure
			if !errors.Is(err, errUnreachable) {
				err = transferred(upload, err)
			}
			if errors.As(err, &no) {
				return err
			}
			if err != nil && ctx.Err() == nil {
				r.Log.Warn("a continuous output waits", "job", r.st().ARN, "output", text(o.OutputName), "error", err)
			}
		}
		select {
		case <-time.After(max(breath, 4*time.Since(began))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sendAll uploads what is not uploaded yet of the outputs of all hosts, which have ended.
func (r *jobRun) sendAll(ctx context.Context) error {
	outputs := r.processing().outputs()
	if len(outputs) == 0 {
		return nil
	}
	if err := r.sending(ctx); err != nil {
		return err
	}
	for i := range r.st().Hosts { // in order: of files with one key the last host's stays
		client := r.s3(i)
		for _, o := range outputs {
			if err := r.sendTree(ctx, client, i, &o); err != nil {
				client.close()
				return err
			}
		}
		client.close()
	}
	return nil
}

// sendTree uploads the files below an output's directory, each under its path there. The container chose what
// lies there, and may be writing still: nothing that is no file is followed or opened.
func (r *jobRun) sendTree(ctx context.Context, client *s3, host int, o *sagemaker.ProcessingOutput) error {
	bucket, prefix, _ := splitS3(text(o.S3Output.S3Uri))
	if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	root, err := openBelow(r.ml(host), below(text(o.S3Output.LocalPath)))
	if err != nil || root == nil {
		return err
	}
	defer root.Close()
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	files := 0
	walked := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case within.Err() != nil:
			return within.Err()
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile
			return nil
		case err != nil:
			return err
		case !d.Type().IsRegular():
			return nil
		case !utf8.ValidString(name):
			return fails("ClientError: %s failed:%s: the name of a file is not valid UTF-8", upload, text(o.S3Output.LocalPath))
		}
		if files++; files > mostOutputs {
			return fails("ClientError: %s failed:%s has more than %d files", upload, text(o.S3Output.LocalPath), mostOutputs)
		}
		g.Go(func() error { return r.sendFile(within, client, root, host, name, bucket, prefix+name) })
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return walked
}

// sendFile uploads one file, unless it is there already.
func (r *jobRun) sendFile(ctx context.Context, client *s3, root *os.Root, host int, name, bucket, key string) error {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) {
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
	id, now := sentFile{host, bucket + "/" + key}, stateOf(info)
	if r.sent.is(id, now) {
		return nil
	}
	settled, from := r.st().Result != nil || time.Since(now.changed) > blur, io.ReaderAt(f)
	if r.st().Result == nil { // still being written to
		still, err := copied(ctx, f, r.dir(host), &now.size)
		if err != nil {
			return err
		}
		defer still.Close()
		from = still
	}
	if err := r.deliver(ctx, client, from, now.size, bucket, key); err != nil {
		return err
	}
	if settled {
		r.sent.put(id, now)
	}
	return nil
}

// deliver puts an object, unless a predecessor has; whoever may not look puts it again.
func (r *jobRun) deliver(ctx context.Context, client *s3, from io.ReaderAt, size int64, bucket, key string) error {
	if r.sent.wary {
		tag, err := client.tagOf(ctx, from, size)
		if err != nil {
			return err
		}
		if there, err := client.has(ctx, bucket, key, tag); err == nil && there {
			return nil
		}
	}
	return client.put(ctx, bucket, key, from, size)
}

// copied is a file as it is at this moment: what is written to it later does not change the copy.
func copied(ctx context.Context, f *os.File, dir string, size *int64) (*os.File, error) {
	to, err := os.CreateTemp(dir, "sending-")
	if err != nil {
		return nil, err
	}
	err = os.Remove(to.Name())
	if err == nil {
		*size, err = io.Copy(to, patient{ctx, io.LimitReader(f, *size)})
	}
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	return to, nil
}

// openBelow opens a directory below base, nil where it is not there or the container has put something else in its
// place or in that of one above it.
func openBelow(base, dir string) (*os.Root, error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for i := range dir + "/" {
		if i < len(dir) && dir[i] != '/' {
			continue
		}
		if info, err := root.Lstat(filepath.FromSlash(dir[:i])); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	sub, err := root.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return sub, err
}
