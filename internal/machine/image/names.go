package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Named is an image's name.
type Named struct {
	Reference string
	Digest    Digest
}

// Names gives all names, sorted.
func (s *Store) Names(ctx context.Context) ([]Named, error) {
	files, err := filepath.Glob(filepath.Join(s.directory, "references", "*.json"))
	if err != nil {
		return nil, err
	}
	var out []Named
	for _, name := range files {
		var found tag
		if err := errors.Join(ctx.Err(), readJSON(name, &found)); err != nil {
			return nil, fmt.Errorf("names of images: %w", err)
		}
		out = append(out, Named(found))
	}
	slices.SortFunc(out, func(a, b Named) int { return cmp.Compare(a.Reference, b.Reference) })
	return out, nil
}

// Untag takes a name away. The image stays, for something may run from it.
func (s *Store) Untag(_ context.Context, ref string) error {
	name, err := parse(ref)
	if err != nil {
		return err
	}
	err = os.Remove(s.tagPath(name.full()))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrUnknown
	}
	if err != nil {
		return fmt.Errorf("image %s: %w", ref, err)
	}
	return nil
}

// guest begins the names of what a guest of the directory is unpacking; it is swept when it is old.
const (
	guest    = ".load-"
	guestAge = 24 * time.Hour
)

// Visit gives the store of a directory that another process has open: what that one is unpacking is left alone.
func Visit(directory string, options Options) (*Store, error) {
	return openStore(directory, options, guest)
}

// sweepGuests removes what visitors left half unpacked long ago.
func sweepGuests(directory string) error {
	half, err := filepath.Glob(filepath.Join(directory, "sha256", guest+"*"))
	if err != nil {
		return err
	}
	for _, name := range half {
		info, err := os.Stat(name)
		if err == nil && time.Since(info.ModTime()) > guestAge {
			err = os.RemoveAll(name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
