package image

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// enter makes a directory of the image the current one, following links and making what is missing.
func (u *unpacker) enter(name string) error {
	if u.at != nil && u.atName == name {
		return nil
	}
	u.forget()
	real, err := u.resolve(name)
	if err != nil {
		return err
	}
	if err := u.root.MkdirAll(real, 0o755); err != nil {
		return err
	}
	at, err := u.root.OpenRoot(real)
	if err != nil {
		return err
	}
	u.at, u.atName, u.atPath = at, name, real
	return nil
}

// forget leaves the current directory.
func (u *unpacker) forget() {
	if u.at != nil {
		u.at.Close()
	}
	u.at = nil
}

// resolve gives the path below the root, without links in it, that a path of the image means. What
// does not exist is taken as it stands.
func (u *unpacker) resolve(name string) (string, error) {
	var at []string
	todo := strings.Split(name, "/")
	for hops := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = at[:max(0, len(at)-1)]
			continue
		}
		if err := u.countLook(); err != nil {
			return "", err
		}
		next := path.Join(path.Join(at...), part)
		info, err := u.root.Lstat(next)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			at = append(at, part)
			continue
		}
		if hops++; hops > 40 {
			return "", fmt.Errorf("too many symbolic links in %s", name)
		}
		target, err := u.root.Readlink(next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			at = nil
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return path.Join(".", path.Join(at...)), nil
}

// hide does what a whiteout in the current directory says, to what lower layers brought.
func (u *unpacker) hide(base string) error {
	if base == opaque {
		return u.clear(u.atPath)
	}
	name := strings.TrimPrefix(base, whiteout)
	if name == "" || name == "." || name == ".." {
		return fmt.Errorf("malformed whiteout")
	}
	if strings.HasPrefix(name, whiteout) {
		return nil // Bookkeeping of the file system that the layer was made with.
	}
	return u.drop(path.Join(u.atPath, name))
}

// drop removes a path but for what the current layer wrote at or below it.
func (u *unpacker) drop(name string) error {
	if err := u.countLook(); err != nil {
		return err
	}
	info, err := u.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !u.fresh[name] {
		return u.root.RemoveAll(name)
	}
	if !info.IsDir() {
		return nil
	}
	return u.clear(name)
}

func (u *unpacker) clear(name string) error {
	dir, err := u.root.Open(name)
	if err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return err
	}
	for _, inner := range names {
		if err := u.drop(path.Join(name, inner)); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) note(name string) {
	for ; name != "." && !u.fresh[name]; name = path.Dir(name) {
		u.fresh[name] = true
	}
}
