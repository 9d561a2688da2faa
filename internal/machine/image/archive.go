package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Found is an image that was read, with the name that it has there, if any.
type Found struct {
	Name  string
	Image v1.Image
}

// Read finds the image in an OCI layout, in an archive of one, or in an archive as `docker save` writes it. work is an
// empty directory for what an archive holds; it must stay as long as the image is used.
func Read(from, work string) (Found, error) {
	found, err := read(from, work)
	if err != nil {
		return found, fmt.Errorf("read image %s: %w", from, err)
	}
	return found, nil
}

func read(from, work string) (Found, error) {
	info, err := os.Stat(from)
	if err != nil {
		return Found{}, err
	}
	if !info.IsDir() {
		if err := extract(from, work); err != nil {
			if errors.Is(err, tar.ErrHeader) {
				err = fmt.Errorf("no archive of an OCI layout or of docker save: %w", err)
			}
			return Found{}, err
		}
		from = work
	}
	root, err := os.OpenRoot(from)
	if err != nil {
		return Found{}, err
	}
	defer root.Close()
	raw, err := document(root, "index.json")
	if errors.Is(err, fs.ErrNotExist) {
		return saved(root, from)
	}
	if err != nil {
		return Found{}, err
	}
	img, err := fromIndex(root, from, raw, 0)
	return Found{Name: annotated(raw), Image: img}, err
}

// annotated is the name that the only image of a layout bears.
func annotated(raw []byte) string {
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil || len(index.Manifests) != 1 {
		return ""
	}
	for _, key := range []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"} {
		if name := index.Manifests[0].Annotations[key]; name != "" {
			if _, err := parse(name); err == nil {
				return name
			}
		}
	}
	return ""
}

// extract lays the regular files of an archive, compressed or not, into a directory, and links, which are followed
// inside it only.
func extract(from, work string) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	stream, err := plain(file, nil)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	defer stream.Close()
	root, err := os.OpenRoot(work)
	if err != nil {
		return err
	}
	defer root.Close()
	in := tar.NewReader(stream)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := lay(root, h, in); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}

func lay(root *os.Root, h *tar.Header, in io.Reader) error {
	name := path.Clean("/" + h.Name)[1:]
	if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeSymlink || name == "" {
		return nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeSymlink {
		return root.Symlink(h.Linkname, name)
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// saved reads what `docker save` wrote: layers that are not compressed, and no manifest of the image.
func saved(root *os.Root, dir string) (Found, error) {
	raw, err := document(root, "manifest.json")
	if err != nil {
		return Found{}, fmt.Errorf("neither an OCI layout nor an archive of docker save: %w", err)
	}
	var list []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return Found{}, err
	}
	if len(list) != 1 {
		return Found{}, fmt.Errorf("%d images; want one", len(list))
	}
	rawConfig, err := document(root, list[0].Config)
	if err != nil {
		return Found{}, err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(rawConfig))
	if err != nil {
		return Found{}, err
	}
	if len(config.RootFS.DiffIDs) != len(list[0].Layers) {
		return Found{}, fmt.Errorf("%d layers, but the configuration names %d", len(list[0].Layers), len(config.RootFS.DiffIDs))
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	if m.Config, err = describe(rawConfig, types.OCIConfigJSON); err != nil {
		return Found{}, err
	}
	files := map[string]string{}
	for i, name := range list[0].Layers {
		info, err := root.Stat(name)
		if err != nil {
			return Found{}, err
		}
		d := config.RootFS.DiffIDs[i]
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: types.OCIUncompressedLayer, Digest: d, Size: info.Size()})
		files[d.String()] = name
	}
	rawManifest, err := json.Marshal(m)
	if err != nil {
		return Found{}, err
	}
	found := Found{}
	if len(list[0].RepoTags) > 0 {
		found.Name = strings.TrimPrefix(list[0].RepoTags[0], "docker.io/library/") // as docker itself writes it
	}
	found.Image, err = Of(rawManifest, rawConfig, func(digest string) (io.ReadCloser, error) {
		return os.OpenInRoot(dir, filepath.FromSlash(files[digest]))
	})
	return found, err
}

func describe(raw []byte, kind types.MediaType) (v1.Descriptor, error) {
	hash, size, err := v1.SHA256(bytes.NewReader(raw))
	return v1.Descriptor{MediaType: kind, Digest: hash, Size: size}, err
}
