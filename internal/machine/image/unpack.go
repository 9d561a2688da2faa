package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// whiteout begins the names by which a layer hides what lies below it.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// unpack lays an image's layers over each other in dir/root and writes its config beside it. Each
// layer is checked against the config, and the config against the manifest, whose digest is the
// image's name.
func (s *Store) unpack(ctx context.Context, img v1.Image, dir string) (made stacks, err error) {
	config, err := checkedConfig(img)
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	names, err := stackNames(layers, config.RootFS.DiffIDs)
	if err != nil {
		return nil, err
	}
	base := filepath.Join(dir, "root")
	u := s.newUnpacker()
	defer u.close()
	from, err := s.begin(u, base, names)
	if err != nil {
		return nil, err
	}
	since, copied := u.bytes, 0
	for i := from; i < len(layers); i++ {
		if err := u.layer(ctx, layers[i], config.RootFS.DiffIDs[i]); err != nil {
			return made, fmt.Errorf("layer %d: %w", i+1, err)
		}
		if i == len(layers)-1 {
			made = append(made, stack{name: names[i]})
		} else if since-u.bytes >= s.options.Share {
			since = u.bytes
			if copied += s.options.Entries - u.entries; copied > s.options.Entries {
				continue // Every copy costs directories, and layers may be many.
			}
			// One that cannot be made is not there for others, and this image is none the worse.
			if x, err := s.copyStack(base, names[i]); err == nil {
				made = append(made, x)
			}
		}
	}
	if err := u.root.Chmod(".", 0o755); err != nil {
		return made, err
	}
	run := config.Config
	return made, writeJSON(filepath.Join(dir, "config.json"), Config{
		Entrypoint: run.Entrypoint, Cmd: run.Cmd, Env: run.Env,
		WorkingDir: run.WorkingDir, User: run.User, Labels: run.Labels,
	})
}

// checkedConfig gives the config that the manifest names.
func checkedConfig(img v1.Image) (*v1.ConfigFile, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if hex.EncodeToString(sum[:]) != manifest.Config.Digest.Hex {
		return nil, errors.New("config is not the one that the manifest names")
	}
	return img.ConfigFile()
}

// unpacker writes below root only, and takes symbolic links of the image the way the container
// will: an absolute one starts at the image's root, and ".." ends there. os.Root stands behind
// that: should a path still lead out, it refuses.
type unpacker struct {
	root     *os.Root
	rootless bool
	bounds
	// fresh are the paths that the current layer wrote, and their parents: its whiteouts do not
	// touch them.
	fresh map[string]bool
	// at is the directory of the last entry, open, for the next most likely lies there too.
	atName, atPath string
	at             *os.Root
}

func (u *unpacker) close() {
	u.forget()
	if u.root != nil {
		u.root.Close()
	}
}

func (u *unpacker) layer(ctx context.Context, layer v1.Layer, want v1.Hash) error {
	stream, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer stream.Close()
	sum := sha256.New()
	bounded := &boundedReader{ctx: ctx, r: io.TeeReader(stream, sum), left: u.stream}
	defer func() { u.stream = bounded.left }()
	u.fresh = map[string]bool{}
	in := tar.NewReader(bounded)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.countEntry(); err != nil {
			return err
		}
		if err := u.entry(header, in); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
	if _, err := io.Copy(io.Discard, bounded); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); want.Algorithm != "sha256" || got != want.Hex {
		return fmt.Errorf("content has digest %s, the image names %s", got, want)
	}
	return nil
}

func (u *unpacker) entry(h *tar.Header, body io.Reader) error {
	name := path.Clean("/" + h.Name)
	if name == "/" {
		return nil
	}
	if len(name) > maxName || strings.Count(name, "/") > maxDepth {
		return errTooDeep
	}
	dir, base := path.Split(name)
	if err := u.enter(dir); err != nil {
		return err
	}
	if strings.HasPrefix(base, whiteout) {
		return u.hide(base)
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink:
	default:
		return nil // Devices, FIFOs and sockets: none of them belongs into an image here.
	}
	if err := u.makeRoom(base, h.Typeflag == tar.TypeDir); err != nil {
		return err
	}
	at := path.Join(u.atPath, base)
	if err := u.countName(len(at)); err != nil {
		return err
	}
	u.note(at)
	return u.write(h, base, body)
}

// makeRoom removes what stands where an entry goes; a directory is laid over a directory.
func (u *unpacker) makeRoom(base string, directory bool) error {
	old, err := u.at.Lstat(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || directory && old.IsDir() {
		return err
	}
	u.atName = "" // It may have been the link by which we came here.
	return u.at.RemoveAll(base)
}

func (u *unpacker) write(h *tar.Header, base string, body io.Reader) error {
	mode := h.FileInfo().Mode().Perm()
	var err error
	switch h.Typeflag {
	case tar.TypeDir:
		if u.rootless {
			mode |= 0o700
		}
		if err = u.at.Mkdir(base, 0o700); errors.Is(err, fs.ErrExist) {
			err = nil
		}
		mode |= h.FileInfo().Mode() & fs.ModeSticky
	case tar.TypeSymlink:
		if err := u.at.Symlink(h.Linkname, base); err != nil {
			return err
		}
		return u.own(h, base)
	case tar.TypeLink:
		return u.link(h.Linkname, base)
	default:
		if u.rootless {
			mode |= 0o400
		}
		err = u.file(base, h.Size, body)
	}
	if err != nil {
		return err
	}
	// The owner first: changing it would clear bits of the mode.
	if err := u.own(h, base); err != nil {
		return err
	}
	if err := u.at.Chmod(base, mode); err != nil || h.Typeflag == tar.TypeDir {
		return err
	}
	// Python compares a source's time with what it compiled from it.
	return u.at.Chtimes(base, time.Time{}, h.ModTime)
}

func (u *unpacker) file(base string, size int64, body io.Reader) error {
	if err := u.countBytes(size); err != nil {
		return err
	}
	file, err := u.at.OpenFile(base, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(file, &u.bounds), body)
	return errors.Join(err, file.Close())
}

func (u *unpacker) own(h *tar.Header, base string) error {
	if u.rootless {
		return nil
	}
	return u.at.Lchown(base, h.Uid, h.Gid)
}

// link makes a second name for a file that was unpacked before.
func (u *unpacker) link(target, base string) error {
	dir, last := path.Split(path.Clean("/" + target))
	from, err := u.resolve(dir)
	if err != nil {
		return err
	}
	from = path.Join(from, last)
	info, err := u.root.Lstat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("hard link to the directory %s", target)
	}
	return u.root.Link(from, path.Join(u.atPath, base))
}
