package image

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// artefact is an image whose manifest and config are at hand. It implements v1.Image.
type artefact struct {
	rawManifest, rawConfig []byte
	manifest               *v1.Manifest
	config                 *v1.ConfigFile
	layers                 []v1.Layer
}

var _ v1.Image = (*artefact)(nil)

func newArtefact(rawManifest, rawConfig []byte) (*artefact, error) {
	manifest, err := v1.ParseManifest(bytes.NewReader(rawManifest))
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(rawConfig))
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("manifest has %d layers, config %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	return &artefact{rawManifest: rawManifest, rawConfig: rawConfig, manifest: manifest, config: config}, nil
}

// Of is the image of a manifest and its configuration; open gives a layer's bytes by digest.
func Of(rawManifest, rawConfig []byte, open func(digest string) (io.ReadCloser, error)) (v1.Image, error) {
	img, err := newArtefact(rawManifest, rawConfig)
	if err != nil {
		return nil, err
	}
	for i, d := range img.manifest.Layers {
		img.layers = append(img.layers, &blob{descriptor: d, diffID: img.config.RootFS.DiffIDs[i],
			open: func() (io.ReadCloser, error) { return open(d.Digest.String()) }})
	}
	return img, nil
}

func (a *artefact) Layers() ([]v1.Layer, error)         { return a.layers, nil }
func (a *artefact) MediaType() (types.MediaType, error) { return a.manifest.MediaType, nil }
func (a *artefact) Size() (int64, error)                { return int64(len(a.rawManifest)), nil }
func (a *artefact) ConfigName() (v1.Hash, error)        { return a.manifest.Config.Digest, nil }
func (a *artefact) ConfigFile() (*v1.ConfigFile, error) { return a.config.DeepCopy(), nil }
func (a *artefact) RawConfigFile() ([]byte, error)      { return a.rawConfig, nil }
func (a *artefact) Manifest() (*v1.Manifest, error)     { return a.manifest.DeepCopy(), nil }
func (a *artefact) RawManifest() ([]byte, error)        { return a.rawManifest, nil }
func (a *artefact) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	return a.layer(h, func(l v1.Layer) (v1.Hash, error) { return l.Digest() })
}
func (a *artefact) LayerByDiffID(h v1.Hash) (v1.Layer, error) {
	return a.layer(h, func(l v1.Layer) (v1.Hash, error) { return l.DiffID() })
}

func (a *artefact) Digest() (v1.Hash, error) {
	hash, _, err := v1.SHA256(bytes.NewReader(a.rawManifest))
	return hash, err
}

func (a *artefact) layer(want v1.Hash, name func(v1.Layer) (v1.Hash, error)) (v1.Layer, error) {
	for _, layer := range a.layers {
		if hash, err := name(layer); err == nil && hash == want {
			return layer, nil
		}
	}
	return nil, fmt.Errorf("layer %s: %w", want, ErrUnknown)
}

// blob is a layer whose bytes can be opened as often as needed. It implements v1.Layer.
type blob struct {
	descriptor v1.Descriptor
	diffID     v1.Hash
	open       func() (io.ReadCloser, error)
}

func (b *blob) Digest() (v1.Hash, error)             { return b.descriptor.Digest, nil }
func (b *blob) DiffID() (v1.Hash, error)             { return b.diffID, nil }
func (b *blob) Size() (int64, error)                 { return b.descriptor.Size, nil }
func (b *blob) MediaType() (types.MediaType, error)  { return b.descriptor.MediaType, nil }
func (b *blob) Compressed() (io.ReadCloser, error)   { return b.open() }
func (b *blob) Uncompressed() (io.ReadCloser, error) { return plain(b.open()) }

// largestWindow is how much of a layer must be held in memory to undo its compression, at most: who packs layers uses
// less, and any number of images may be unpacked at a time.
const largestWindow = 32 << 20

// plain undoes the compression that the first bytes show; media types are not always true.
func plain(stream io.ReadCloser, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(stream, 64<<10)
	head, _ := in.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unzip, err := gzip.NewReader(in)
		if err != nil {
			stream.Close()
			return nil, err
		}
		return reading{unzip, stream}, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		unzip, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(largestWindow))
		if err != nil {
			stream.Close()
			return nil, err
		}
		return reading{unzip.IOReadCloser(), stream}, nil
	}
	return reading{in, stream}, nil
}

type reading struct {
	io.Reader
	io.Closer
}
