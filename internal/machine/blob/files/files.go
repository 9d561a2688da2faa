// Package files is a blob.Store of plain files in a directory that it has to itself.
//
// A blob is first written whole and synced under unfinished/, then renamed to its place under
// objects/, so a cut at any moment leaves at most an unfinished file, which the next Open sweeps. The
// files lie in 256 folders by a hash of the key, and a key's slashes are dots in the file's name, so
// keys can neither collide nor name a folder. Only one process may have the directory open.
package files

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"cloister/internal/machine/blob"
)

const (
	objects    = "objects"
	unfinished = "unfinished"
)

// Store is a directory of blobs.
type Store struct {
	// root refuses every path that leads out of the directory, by a symbolic link, too.
	root *os.Root
	next atomic.Uint64
}

// Open opens a directory, makes it where it is not there, and sweeps what was left unfinished.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if err := prepare(root); err != nil {
		return nil, errors.Join(fmt.Errorf("blobs in %s: %w", dir, err), root.Close())
	}
	return &Store{root: root}, nil
}

func prepare(root *os.Root) error {
	if err := root.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := root.Mkdir(unfinished, 0o700); err != nil {
		return err
	}
	if err := root.Mkdir(objects, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(root, ".")
}

// Close lets go of the directory. Readers that are open stay good.
func (s *Store) Close() error { return s.root.Close() }

// place is where a key's file lies.
func place(key string) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", fmt.Errorf("%q: %w", key, err)
	}
	sum := sha256.Sum256([]byte(key))
	return path.Join(objects, hex.EncodeToString(sum[:1]), strings.ReplaceAll(key, "/", ".")), nil
}

// Put is blob.Store's.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (blob.Info, error) {
	to, err := place(key)
	if err != nil {
		return blob.Info{}, err
	}
	from := path.Join(unfinished, strconv.FormatUint(s.next.Add(1), 36))
	sum := md5.New()
	size, err := s.write(ctx, from, sum, r)
	if err == nil {
		err = s.move(from, to)
	}
	if err != nil {
		s.root.Remove(from) // what cannot be removed now is swept later
		return blob.Info{}, fmt.Errorf("put blob %s: %w", key, err)
	}
	return blob.Info{Key: key, Size: size, MD5: hex.EncodeToString(sum.Sum(nil))}, nil
}

func (s *Store) write(ctx context.Context, name string, sum hash.Hash, r io.Reader) (int64, error) {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	buffer := make([]byte, 64<<10)
	size, err := io.CopyBuffer(io.MultiWriter(f, sum), untilDone{ctx, r}, buffer)
	if err == nil {
		err = f.Sync()
	}
	return size, errors.Join(err, f.Close())
}

// move gives a synced file its place and makes the place last.
func (s *Store) move(from, to string) error {
	folder := path.Dir(to)
	err := s.root.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.root.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err = syncFolder(s.root, objects); err != nil {
			return err
		}
		err = s.root.Rename(from, to)
	}
	if err != nil {
		return err
	}
	return syncFolder(s.root, folder)
}

func syncFolder(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// untilDone stops a copy when its context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(b)
}

// section is a part of an open file.
type section struct {
	io.LimitedReader
	file *os.File
}

func (s *section) Close() error { return s.file.Close() }

// Open is blob.Store's.
func (s *Store) Open(_ context.Context, key string, off, n int64) (io.ReadCloser, error) {
	name, err := place(key)
	if err != nil {
		return nil, err
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, missing("open", key, err)
	}
	info, err := f.Stat()
	if err == nil && (off < 0 || off > info.Size()) {
		err = blob.ErrRange
	}
	if err == nil {
		_, err = f.Seek(off, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open blob %s: %w", key, err), f.Close())
	}
	if rest := info.Size() - off; n < 0 || n > rest {
		n = rest
	}
	return &section{io.LimitedReader{R: f, N: n}, f}, nil
}

func missing(verb, key string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = blob.ErrMissing
	}
	return fmt.Errorf("%s blob %s: %w", verb, key, err)
}

// Stat is blob.Store's.
func (s *Store) Stat(_ context.Context, key string) (blob.Info, error) {
	name, err := place(key)
	if err != nil {
		return blob.Info{}, err
	}
	info, err := s.root.Lstat(name)
	if err != nil {
		return blob.Info{}, missing("stat", key, err)
	}
	return blob.Info{Key: key, Size: info.Size()}, nil
}

// Delete is blob.Store's.
func (s *Store) Delete(_ context.Context, key string) error {
	name, err := place(key)
	if err != nil {
		return err
	}
	err = s.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncFolder(s.root, path.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", key, err)
	}
	return nil
}

// All is blob.Store's.
func (s *Store) All(ctx context.Context, prefix string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		err := s.walk(ctx, prefix, func(i blob.Info) bool { return yield(i, nil) })
		if err != nil && !errors.Is(err, fs.SkipAll) {
			yield(blob.Info{}, fmt.Errorf("list blobs: %w", err))
		}
	}
}

// walk gives fs.SkipAll when it was told to stop.
func (s *Store) walk(ctx context.Context, prefix string, give func(blob.Info) bool) error {
	folders, err := fs.ReadDir(s.root.FS(), objects)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		entries, err := fs.ReadDir(s.root.FS(), path.Join(objects, folder.Name()))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			key := strings.ReplaceAll(e.Name(), ".", "/")
			if !e.Type().IsRegular() || blob.CheckKey(key) != nil || !strings.HasPrefix(key, prefix) {
				continue
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted since
			}
			if err != nil {
				return err
			}
			if !give(blob.Info{Key: key, Size: info.Size()}) {
				return fs.SkipAll
			}
		}
	}
	return nil
}
