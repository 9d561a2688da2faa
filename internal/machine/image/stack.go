package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A stack is the files that some layers give when they lie over each other. Images that begin with the same layers
// share it: the second has the first's files by hard links, neither reads nor stores them again. Nothing ever writes
// to a file that has a name, so a link is as good as a copy. A whole image is a stack, too; beside those, stacks are
// kept at layers behind which Options.Share bytes were unpacked.
//
// A stack is named by the digests of its layers as they were sent, together with what they hold unpacked: who only
// knows what a layer holds, and cannot show the layer, is not given its files.
type stack struct {
	name string
	tree string // where it lies, unfinished; empty for the image itself
}

type stacks []stack

// drop removes what did not become a stack.
func (all stacks) drop() {
	for _, x := range all {
		if x.tree != "" {
			os.RemoveAll(filepath.Dir(x.tree)) //nolint:errcheck // what is left is swept at the next start
		}
	}
}

// stackNames gives the name of the stack that ends with each layer.
func stackNames(layers []v1.Layer, diffs []v1.Hash) ([]string, error) {
	if len(layers) != len(diffs) {
		return nil, fmt.Errorf("image has %d layers but names %d", len(layers), len(diffs))
	}
	names, sum := make([]string, len(layers)), []byte{}
	for i, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return nil, err
		}
		next := sha256.Sum256(append(sum, " "+digest.String()+" "+diffs[i].String()...))
		sum = next[:]
		names[i] = hex.EncodeToString(sum)
	}
	return names, nil
}

func (s *Store) stackPath(name string) string {
	return filepath.Join(s.directory, "stacks", name+".json")
}

// begin makes the directory to unpack to, with the longest stack in it that is there; from is the first layer that
// is still to be unpacked.
func (s *Store) begin(u *unpacker, base string, names []string) (from int, err error) {
	for i := len(names); i > 0 && from == 0; i-- {
		var tree string
		if readJSON(s.stackPath(names[i-1]), &tree) != nil {
			continue
		}
		bytes, entries := u.bytes, u.entries
		// A stack that is not whole, or cannot be linked to, is as none.
		if linkTree(filepath.Join(s.directory, tree), base, s.options.Rootless, u) == nil {
			touch(s.stackPath(names[i-1]))
			from = i
			break
		}
		u.bytes, u.entries = bytes, entries
		if err := os.RemoveAll(base); err != nil {
			return 0, err
		}
	}
	if from == 0 {
		if err := os.Mkdir(base, 0o755); err != nil {
			return 0, err
		}
	}
	u.root, err = os.OpenRoot(base)
	return from, err
}

// copyStack keeps what was unpacked so far, unfinished.
func (s *Store) copyStack(base, name string) (stack, error) {
	work, err := os.MkdirTemp(filepath.Join(s.directory, "stacks"), own)
	if err != nil {
		return stack{}, err
	}
	x := stack{name, filepath.Join(work, "root")}
	if err := linkTree(base, x.tree, s.options.Rootless, nil); err != nil {
		stacks{x}.drop()
		return stack{}, err
	}
	return x, nil
}

// share gives stacks their names, after all that they hold is on disk.
func (s *Store) share(all stacks, image string) error {
	for _, x := range all {
		tree := image
		if x.tree != "" {
			tree = filepath.Join(s.directory, "stacks", x.name)
			if err := os.Rename(x.tree, tree); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
				return err
			}
		}
		rel, err := filepath.Rel(s.directory, tree)
		if err != nil {
			return err
		}
		if err := writeJSON(s.stackPath(x.name), rel); err != nil {
			return err
		}
	}
	return nil
}

// linkTree makes a tree of directories like another's, with the same files in it. u, if there is one, is charged.
func linkTree(from, to string, rootless bool, u *unpacker) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, name[len(from):])
		info, err := d.Info()
		if err != nil {
			return err
		}
		if u != nil {
			if u.entries, u.bytes = u.entries-1, u.bytes-charged(info); u.entries < 0 || u.bytes < 0 {
				return errTooLarge
			}
		}
		if !d.IsDir() {
			return os.Link(name, at)
		}
		if err := os.Mkdir(at, 0o700); err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && !rootless {
			if err := os.Lchown(at, int(st.Uid), int(st.Gid)); err != nil {
				return err
			}
		}
		return os.Chmod(at, info.Mode()&(fs.ModePerm|fs.ModeSticky))
	})
}

func charged(info fs.FileInfo) int64 {
	if info.Mode().IsRegular() {
		return info.Size()
	}
	return 0
}
