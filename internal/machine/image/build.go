package image

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// File is one file of an image to build: a copy of Source on this machine, a symbolic link to
// Link, or Data.
type File struct {
	Source, Link string
	Data         []byte
	Mode         fs.FileMode // permissions; 0755 for a Source and 0644 for Data when zero
}

// Build makes an image of one layer from files named by their absolute paths. The same files give
// the same digest, whenever and by whomever they are built: no time, owner or order enters it. The
// layer is not compressed, for it travels nowhere. A Source must stay as it is while the image is
// used.
func Build(ctx context.Context, files map[string]File, config Config) (v1.Image, error) {
	img, err := build(ctx, files, config)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	return img, nil
}

func build(ctx context.Context, files map[string]File, config Config) (v1.Image, error) {
	tree := maps.Clone(files)
	for name := range files {
		if !path.IsAbs(name) || path.Clean(name) != name || name == "/" {
			return nil, fmt.Errorf("%q is not a clean absolute path", name)
		}
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if _, ok := files[dir]; ok {
				return nil, fmt.Errorf("%q is a file and a directory", dir)
			}
			tree[dir] = File{Mode: fs.ModeDir | 0o755}
		}
	}
	open := func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(archive(w, tree)) }()
		return r, nil
	}
	stream, err := open()
	if err != nil {
		return nil, err
	}
	hash, size, err := v1.SHA256(&boundedReader{ctx: ctx, r: stream, left: 1 << 50})
	stream.Close()
	if err != nil {
		return nil, err
	}
	layer := v1.Descriptor{MediaType: types.OCIUncompressedLayer, Digest: hash, Size: size}
	return assemble(&blob{descriptor: layer, diffID: hash, open: open}, config)
}

// assemble puts config and manifest around a layer.
func assemble(layer *blob, config Config) (v1.Image, error) {
	rawConfig, err := json.Marshal(v1.ConfigFile{
		Architecture: runtime.GOARCH, OS: "linux",
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{layer.diffID}},
		Config: v1.Config{
			Entrypoint: config.Entrypoint, Cmd: config.Cmd, Env: config.Env,
			WorkingDir: config.WorkingDir, User: config.User, Labels: config.Labels,
		},
	})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(rawConfig)
	rawManifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: v1.Descriptor{
			MediaType: types.OCIConfigJSON, Size: int64(len(rawConfig)),
			Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])},
		},
		Layers: []v1.Descriptor{layer.descriptor},
	})
	if err != nil {
		return nil, err
	}
	img, err := newArtefact(rawManifest, rawConfig)
	if err != nil {
		return nil, err
	}
	img.layers = []v1.Layer{layer}
	return img, nil
}

// archive writes the files as a tar, sorted.
func archive(w io.Writer, tree map[string]File) error {
	out := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if err := add(out, name, tree[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return out.Close()
}

func add(out *tar.Writer, name string, file File) error {
	header := &tar.Header{
		Name: strings.TrimPrefix(name, "/"), Typeflag: tar.TypeReg, Format: tar.FormatPAX,
		ModTime: time.Unix(0, 0), Mode: int64(cmp.Or(file.Mode.Perm(), 0o644)),
	}
	var body io.Reader = strings.NewReader(string(file.Data))
	header.Size = int64(len(file.Data))
	switch {
	case file.Mode.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
	case file.Link != "":
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, file.Link, 0o777
	case file.Source != "":
		source, err := os.Open(file.Source)
		if err != nil {
			return err
		}
		defer source.Close()
		info, err := source.Stat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a regular file", file.Source)
		}
		header.Size, header.Mode, body = info.Size(), int64(cmp.Or(file.Mode.Perm(), 0o755)), source
	}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(out, body)
	return err
}

// Build builds an image and imports it, or finds that it did so before: with unchanged sources
// (by place, size and time) not a byte of them is read.
func (s *Store) Build(ctx context.Context, ref string, files map[string]File, config Config) (Digest, error) {
	key, err := buildKey(files, config)
	if err != nil {
		return "", fmt.Errorf("build image %s: %w", ref, err)
	}
	name := filepath.Join(s.directory, "builds", key+".json")
	var before Digest
	if err := readJSON(name, &before); err == nil && s.Tag(ctx, ref, before) == nil {
		return before, nil
	}
	img, err := Build(ctx, files, config)
	if err != nil {
		return "", err
	}
	digest, err := s.Import(ctx, ref, img)
	if err != nil {
		return "", err
	}
	return digest, writeJSON(name, digest)
}

func buildKey(files map[string]File, config Config) (string, error) {
	type source struct {
		File
		Device, Inode uint64
		Size          int64
		Changed       unix.Timespec
	}
	all := map[string]source{}
	for name, file := range files {
		entry := source{File: file}
		if file.Source != "" {
			var info unix.Stat_t
			if err := unix.Stat(file.Source, &info); err != nil {
				return "", fmt.Errorf("%s: %w", file.Source, err)
			}
			entry.Device, entry.Inode, entry.Size, entry.Changed = info.Dev, info.Ino, info.Size, info.Ctim
		}
		all[name] = entry
	}
	data, err := json.Marshal([]any{all, config, runtime.GOARCH})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
