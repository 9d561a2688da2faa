package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxDocument bounds manifests and configs.
const maxDocument = 8 << 20

// Layout reads the image in an OCI layout directory: the one there is, or the one for this machine.
func Layout(dir string) (v1.Image, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("image layout: %w", err)
	}
	defer root.Close()
	raw, err := document(root, "index.json")
	if err != nil {
		return nil, fmt.Errorf("image layout: %w", err)
	}
	img, err := fromIndex(root, dir, raw, 0)
	if err != nil {
		return nil, fmt.Errorf("image layout %s: %w", dir, err)
	}
	return img, nil
}

func fromIndex(root *os.Root, dir string, raw []byte, depth int) (v1.Image, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	fits := slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
		p := d.Platform
		return p != nil && (p.OS != "linux" || p.Architecture != runtime.GOARCH)
	})
	if len(fits) != 1 || depth > 3 {
		return nil, fmt.Errorf("%d images for linux/%s; want one", len(fits), runtime.GOARCH)
	}
	data, err := content(root, fits[0].Digest)
	if err != nil {
		return nil, err
	}
	if fits[0].MediaType.IsIndex() {
		return fromIndex(root, dir, data, depth+1)
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	config, err := content(root, manifest.Config.Digest)
	if err != nil {
		return nil, err
	}
	img, err := newArtefact(data, config)
	if err != nil {
		return nil, err
	}
	for i, descriptor := range img.manifest.Layers {
		name, err := blobName(descriptor.Digest)
		if err != nil {
			return nil, err
		}
		img.layers = append(img.layers, &blob{
			descriptor: descriptor, diffID: img.config.RootFS.DiffIDs[i],
			open: func() (io.ReadCloser, error) { return os.OpenInRoot(dir, name) },
		})
	}
	return img, nil
}

func blobName(hash v1.Hash) (string, error) {
	if _, err := v1.NewHash(hash.String()); err != nil {
		return "", err
	}
	return filepath.Join("blobs", hash.Algorithm, hash.Hex), nil
}

// content reads a document by digest and checks it.
func content(root *os.Root, hash v1.Hash) ([]byte, error) {
	name, err := blobName(hash)
	if err != nil {
		return nil, err
	}
	data, err := document(root, name)
	if err != nil {
		return nil, err
	}
	if got, _, err := v1.SHA256(bytes.NewReader(data)); err != nil || got != hash {
		return nil, fmt.Errorf("blob %s has content %s", hash, got)
	}
	return data, nil
}

func document(root *os.Root, name string) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxDocument+1))
	if len(data) > maxDocument {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxDocument)
	}
	return data, err
}

// ImportLayout imports the image of an OCI layout directory.
func (s *Store) ImportLayout(ctx context.Context, ref, dir string) (Digest, error) {
	img, err := Layout(dir)
	if err != nil {
		return "", err
	}
	return s.Import(ctx, ref, img)
}

// Save writes an image as an OCI layout into a directory that is empty or does not exist.
func Save(ctx context.Context, img v1.Image, dir string) error {
	if err := save(ctx, img, dir); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	return nil
}

func save(ctx context.Context, img v1.Image, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return err
		}
		stream, err := layer.Compressed()
		if err != nil {
			return err
		}
		if err := saveBlob(ctx, dir, digest, stream); err != nil {
			return err
		}
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, data := range [][]byte{config, manifest} {
		hash, size, err := v1.SHA256(bytes.NewReader(data))
		if err != nil {
			return err
		}
		if err := saveBlob(ctx, dir, hash, io.NopCloser(bytes.NewReader(data))); err != nil {
			return err
		}
		media, err := img.MediaType()
		if err != nil {
			return err
		}
		index.Manifests = []v1.Descriptor{{MediaType: media, Digest: hash, Size: size}}
	}
	raw, err := json.Marshal(index)
	if err != nil {
		return err
	}
	// The index last: without it the directory is no layout yet.
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644),
		os.WriteFile(filepath.Join(dir, "index.json"), raw, 0o644))
}

func saveBlob(ctx context.Context, dir string, hash v1.Hash, stream io.ReadCloser) error {
	defer stream.Close()
	name, err := blobName(hash)
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	got, _, err := v1.SHA256(io.TeeReader(&boundedReader{ctx: ctx, r: stream, left: 1 << 50}, file))
	if err = errors.Join(err, file.Close()); err == nil && got != hash {
		err = fmt.Errorf("blob %s has content %s", hash, got)
	}
	return err
}
