package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Remove removes a directory with all that is in it; one that is not there is removed. Nobody may write in it
// meanwhile. Directories are brought up to the top before they are emptied, so that the way down to them
// is never long: the usual way holds every directory above open, and a stranger decides how many those are.
func Remove(dir string) error {
	top, _, err := open(unix.AT_FDCWD, dir)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return os.Remove(dir)
	case err != nil:
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer top.Close()
	r := &remover{top: int(top.Fd())}
	// One pass empties the directories at the top and brings up those that were in them.
	for more := true; more && err == nil; {
		more, err = r.pass(dir)
	}
	if err != nil {
		return err
	}
	return os.Remove(dir)
}

// remover empties a directory. Its directory is where what is brought up goes.
type remover struct {
	top  int
	next int
}

// pass removes what is at the top; more is false when nothing was.
func (r *remover) pass(dir string) (more bool, err error) {
	top, _, err := open(unix.AT_FDCWD, dir)
	if err != nil {
		return false, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	err = each(top, func(name string) error {
		more = true
		return r.entry(name)
	})
	return more, err
}

// entry removes one name at the top.
func (r *remover) entry(name string) error {
	sub, _, err := open(r.top, name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO):
		return r.unlink(r.top, name, 0)
	case err != nil:
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	at := int(sub.Fd())
	err = each(sub, func(below string) error { return r.raise(at, below) })
	if err != nil {
		return err
	}
	return r.unlink(r.top, name, unix.AT_REMOVEDIR)
}

// raise removes a file, and brings a directory to the top.
func (r *remover) raise(at int, name string) error {
	err := unix.Unlinkat(at, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return &os.PathError{Op: "unlink", Path: name, Err: err}
	}
	if err := unix.Unlinkat(at, name, unix.AT_REMOVEDIR); err == nil {
		return nil
	}
	for {
		r.next++
		err := unix.Renameat2(at, name, r.top, ".removed-"+strconv.Itoa(r.next), unix.RENAME_NOREPLACE)
		if !errors.Is(err, unix.EEXIST) {
			return pathError("rename", name, err)
		}
	}
}

func (r *remover) unlink(at int, name string, flags int) error {
	err := unix.Unlinkat(at, name, flags)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return pathError("unlink", name, err)
}

func pathError(operation, name string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: operation, Path: filepath.Base(name), Err: err}
}

// each calls f with every name in a directory, which it closes. f may remove the name.
func each(dir *os.File, f func(name string) error) error {
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(listed)
		for _, name := range names {
			if err := f(name); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
