package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrBusy says that images are being unpacked just now.
var ErrBusy = errors.New("images are being unpacked")

// touchEvery is how exactly it is known when an image was used last.
const touchEvery = time.Hour

// touch notes that something is used.
func touch(name string) {
	now := time.Now()
	if info, err := os.Stat(name); err == nil && now.Sub(info.ModTime()) > touchEvery {
		os.Chtimes(name, now, now) //nolint:errcheck // at worst it is unpacked once more
	}
}

// hold keeps the sweep away, that of another process too, until release is called.
func (s *Store) hold() (release func(), err error) { return s.flock(unix.LOCK_SH) }

func (s *Store) flock(how int) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.directory, "sweep.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil //nolint:errcheck // that lets go in any case
}

// Sweep removes the images that have no name, that keep does not ask for by digest and directory, and that nobody has
// asked for since unused; and the stacks of layers that were kept for images to come and of which none came for as
// long. It gives how many it removed. It says ErrBusy when that is better asked a little later. keep may not ask the
// store anything.
func (s *Store) Sweep(ctx context.Context, unused time.Duration, keep func(digest Digest, root string) bool) (n int, err error) {
	release, err := s.flock(unix.LOCK_EX | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return 0, ErrBusy
	}
	if err != nil {
		return 0, fmt.Errorf("sweep images: %w", err)
	}
	// Out of sight first, so that nobody meets half of anything; what is left then is removed at the next start.
	gone, err := s.setAside(ctx, time.Now().Add(-unused), keep)
	stacks, failed := s.setStacksAside(time.Now().Add(-unused))
	release()
	for _, name := range append(gone, stacks...) {
		failed = errors.Join(failed, os.RemoveAll(name))
	}
	if err := errors.Join(err, failed); err != nil {
		return len(gone), fmt.Errorf("sweep images: %w", err)
	}
	return len(gone), nil
}

func (s *Store) setAside(ctx context.Context, before time.Time, keep func(Digest, string) bool) (gone []string, err error) {
	named := map[Digest]bool{}
	names, err := s.Names(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		named[n.Digest] = true
	}
	entries, err := os.ReadDir(filepath.Join(s.directory, "sha256"))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		digest := Digest("sha256:" + entry.Name())
		dir, err := s.path(digest)
		if err != nil || named[digest] || keep(digest, filepath.Join(dir, "root")) {
			continue
		}
		if info, err := entry.Info(); err != nil || info.ModTime().After(before) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return gone, err
		}
		aside, err := setAside(dir)
		if err != nil {
			return gone, err
		}
		gone = append(gone, aside)
	}
	return gone, nil
}

// setStacksAside does so with stacks: with those, too, that lost their tree or the file that speaks of it.
func (s *Store) setStacksAside(before time.Time) (gone []string, err error) {
	at := filepath.Join(s.directory, "stacks")
	entries, err := os.ReadDir(at)
	if err != nil {
		return nil, err
	}
	told := map[string]bool{}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok {
			continue
		}
		var tree string
		info, err := entry.Info()
		if err == nil && readJSON(s.stackPath(name), &tree) == nil && info.ModTime().After(before) {
			if _, err := os.Stat(filepath.Join(s.directory, tree)); err == nil {
				told[name] = true
				continue
			}
		}
		if err := os.Remove(s.stackPath(name)); err != nil {
			return gone, err
		}
	}
	for _, entry := range entries {
		if !entry.IsDir() || told[entry.Name()] || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		aside, err := setAside(filepath.Join(at, entry.Name()))
		if err != nil {
			return gone, err
		}
		gone = append(gone, aside)
	}
	return gone, nil
}

// setAside gives a directory a name under which it is removed at the next start, if not before.
func setAside(dir string) (string, error) {
	to := filepath.Join(filepath.Dir(dir), own+"old-"+filepath.Base(dir))
	return to, errors.Join(os.RemoveAll(to), os.Rename(dir, to))
}
