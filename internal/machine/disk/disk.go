// Package disk measures and removes directories in which strangers wrote.
//
// It promises: nothing outside a directory is counted or removed, whatever links lie in it and whatever is
// changed meanwhile, and neither takes more than a bounded number of open files, however deep the directories
// are nested. It must not know jobs or what a directory is for.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ErrDeep says that directories are nested deeper than anything here would follow.
var ErrDeep = errors.New("directories are nested too deep")

const (
	// deepest is how many directories in each other are followed.
	deepest = 256
	// listed is how many names are read at a time.
	listed = 1024
)

// Usage is what is used, or what there is.
type Usage struct {
	Bytes int64 // on the disk: holes count nothing
	Files int64 // files, directories, links and all else that has a name
}

// Free gives what the file system of a directory has left, and how large it is.
func Free(dir string) (free, all Usage, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return free, all, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	free = Usage{int64(st.Bavail) * st.Bsize, int64(st.Ffree)}
	all = Usage{int64(st.Blocks) * st.Bsize, int64(st.Files)}
	return free, all, nil
}

// Measure gives what is below a directory, nothing if there is no such directory. A file with several names
// counts once; what is mounted below does not count.
func Measure(ctx context.Context, dir string) (Usage, error) {
	top, device, err := open(unix.AT_FDCWD, dir)
	if errors.Is(err, unix.ENOENT) {
		return Usage{}, nil
	}
	if err != nil {
		return Usage{}, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	m := &measure{ctx: ctx, device: device, seen: map[uint64]bool{}}
	err = m.directory(top, 0)
	return m.Usage, err
}

// measure is one walk.
type measure struct {
	Usage
	ctx    context.Context
	device uint64
	seen   map[uint64]bool // inodes with several names
}

// open opens a directory, and nothing else in its place.
func open(at int, name string) (*os.File, uint64, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, 0, err
	}
	return os.NewFile(uintptr(fd), name), st.Dev, nil
}

// directory adds what is in a directory, which it closes.
func (m *measure) directory(dir *os.File, depth int) error {
	defer dir.Close()
	if depth > deepest {
		return ErrDeep
	}
	at := int(dir.Fd())
	for {
		names, err := dir.Readdirnames(listed)
		for _, name := range names {
			if err := m.entry(at, name, depth); err != nil {
				return err
			}
		}
		if err == io.EOF || errors.Is(err, unix.ENOENT) { // it may be removed meanwhile
			return m.ctx.Err()
		}
		if err = errors.Join(err, m.ctx.Err()); err != nil {
			return fmt.Errorf("measure: %w", err)
		}
	}
}

// entry adds one; what went meanwhile is nothing.
func (m *measure) entry(at int, name string, depth int) error {
	var st unix.Stat_t
	if unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Dev != m.device {
		return nil
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
		if m.seen[st.Ino] {
			return nil
		}
		m.seen[st.Ino] = true
	}
	m.Files++
	m.Bytes += st.Blocks * 512
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	sub, device, err := open(at, name)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return nil
	case err != nil:
		return &os.PathError{Op: "open", Path: name, Err: err}
	case device != m.device:
		return sub.Close()
	}
	return m.directory(sub, depth+1)
}
