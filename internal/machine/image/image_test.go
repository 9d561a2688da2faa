package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const kmeans = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"

// entry is one tar header with its content.
type entry struct {
	tar.Header
	data string
}

func file(name, data string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, data}
}
func dir(name string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}, ""}
}
func symlink(name, to string) entry {
	return entry{tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink, Mode: 0o777}, ""}
}
func hardlink(name, to string) entry {
	return entry{tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeLink}, ""}
}

// layer packs entries, owned by whoever runs the test.
func layer(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	out := tar.NewWriter(&buf)
	for _, e := range entries {
		e.Size = int64(len(e.data))
		e.Uid, e.Gid = os.Getuid(), os.Getgid()
		e.ModTime = time.Unix(1_600_000_000, 0)
		if err := out.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(out, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// pack makes an image of plain or gzipped layers; opened counts how often a layer is read.
func pack(t testing.TB, zip bool, opened *atomic.Int64, layers ...[]byte) v1.Image {
	t.Helper()
	config := v1.ConfigFile{Architecture: "amd64", OS: "linux", Config: v1.Config{
		Entrypoint: []string{"/bin/run"}, Cmd: []string{"train"}, Env: []string{"A=b"}, WorkingDir: "/w",
		User: "7:8", Labels: map[string]string{"k": "v"},
	}}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	var blobs []v1.Layer
	for _, data := range layers {
		diffID, _, _ := v1.SHA256(bytes.NewReader(data))
		if zip {
			var packed bytes.Buffer
			out := gzip.NewWriter(&packed)
			out.Write(data)
			out.Close()
			data = packed.Bytes()
		}
		digest, size, _ := v1.SHA256(bytes.NewReader(data))
		descriptor := v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: size}
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, diffID)
		manifest.Layers = append(manifest.Layers, descriptor)
		blobs = append(blobs, &blob{descriptor: descriptor, diffID: diffID, open: func() (io.ReadCloser, error) {
			if opened != nil {
				opened.Add(1)
			}
			return io.NopCloser(bytes.NewReader(data)), nil
		}})
	}
	rawConfig, _ := json.Marshal(config)
	manifest.Config.Digest, manifest.Config.Size, _ = v1.SHA256(bytes.NewReader(rawConfig))
	rawManifest, _ := json.Marshal(manifest)
	img, err := newArtefact(rawManifest, rawConfig)
	if err != nil {
		t.Fatal(err)
	}
	img.layers = blobs
	return img
}

func open(t testing.TB, options Options) *Store {
	t.Helper()
	options.Rootless = options.Rootless || os.Getuid() != 0
	store, err := Open(t.TempDir(), options)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// unpacked gives the root of an image of these layers.
func unpacked(t *testing.T, store *Store, layers ...[]byte) string {
	t.Helper()
	digest, err := store.Import(t.Context(), kmeans, pack(t, false, nil, layers...))
	if err != nil {
		t.Fatal(err)
	}
	found, err := store.Image(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	return found.Root
}

func TestImport(t *testing.T) {
	for name, zip := range map[string]bool{"plain": false, "gzip": true} {
		t.Run(name, func(t *testing.T) {
			store := open(t, Options{})
			digest, err := store.Import(t.Context(), kmeans, pack(t, zip, nil, layer(t, dir("bin"), file("bin/run", "x"))))
			if err != nil {
				t.Fatal(err)
			}
			again, err := Open(store.directory, store.options)
			if err != nil {
				t.Fatal(err)
			}
			if found, err := again.Resolve(t.Context(), kmeans); err != nil || found != digest {
				t.Errorf("resolved to %s, %v", found, err)
			}
			byDigest := strings.TrimSuffix(kmeans, ":1") + "@" + string(digest)
			if found, err := again.Resolve(t.Context(), byDigest); err != nil || found != digest {
				t.Errorf("by digest resolved to %s, %v", found, err)
			}
			found, err := again.Image(t.Context(), digest)
			if err != nil || found.Config.Entrypoint[0] != "/bin/run" || found.Config.Cmd[0] != "train" ||
				found.Config.WorkingDir != "/w" || found.Config.Labels["k"] != "v" || found.Config.Env[0] != "A=b" {
				t.Errorf("image %+v, %v", found, err)
			}
			info, err := os.Stat(filepath.Join(found.Root, "bin/run"))
			if err != nil || info.Mode() != 0o644 || info.ModTime().Unix() != 1_600_000_000 {
				t.Errorf("file %v, %v", info, err)
			}
		})
	}
}

func TestUnknown(t *testing.T) {
	store := open(t, Options{})
	for _, ref := range []string{kmeans, "a/b@sha256:" + strings.Repeat("0", 64)} {
		if _, err := store.Resolve(t.Context(), ref); !errors.Is(err, ErrUnknown) {
			t.Errorf("resolve %s: %v", ref, err)
		}
	}
	for _, digest := range []Digest{"", "sha256:", "sha256:../../etc", "md5:00", Digest("sha256:" + strings.Repeat("0", 64))} {
		if _, err := store.Image(t.Context(), digest); !errors.Is(err, ErrUnknown) {
			t.Errorf("image %s: %v", digest, err)
		}
		if err := store.Tag(t.Context(), kmeans, digest); !errors.Is(err, ErrUnknown) {
			t.Errorf("tag %s: %v", digest, err)
		}
	}
}

// Who only knows the digest of what somebody else had pulled is not given it, whatever repository he names.
func TestADigestAloneOpensNothing(t *testing.T) {
	store := open(t, Options{})
	bare := pack(t, false, nil, layer(t, file("secret", "x")))
	digest, err := store.Keep(t.Context(), bare)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := store.Import(t.Context(), kmeans, pack(t, false, nil, layer(t, file("public", "y")))); err != nil || d == digest {
		t.Fatal(d, err)
	}
	theirs := "444455556666.dkr.ecr.us-east-1.amazonaws.com/team/app@" + string(digest)
	for _, ref := range []string{"a@" + string(digest), theirs, strings.TrimSuffix(kmeans, ":1") + "@" + string(digest), kmeans + "@" + string(digest)} {
		if _, err := store.Resolve(t.Context(), ref); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := store.Image(t.Context(), digest); err != nil {
		t.Errorf("nor does who pulled it have it: %v", err)
	}
}

func TestReferences(t *testing.T) {
	for ref, want := range map[string]string{
		"123456789012.dkr.ecr.us-east-1.amazonaws.com/kmeans:1": "123456789012.dkr.ecr.us-east-1.amazonaws.com/kmeans:1",
		"localhost:5000/a/b-c_d.e":                              "localhost:5000/a/b-c_d.e:latest",
		"kmeans":                                                "kmeans:latest",
		"a/b:T_1.x@sha256:" + strings.Repeat("a", 64):           "a/b@sha256:" + strings.Repeat("a", 64),
	} {
		if got, err := parse(ref); err != nil || got.full() != want {
			t.Errorf("%s is %s, %v", ref, got.full(), err)
		}
	}
	for _, ref := range []string{
		"", ":1", "a:", "a b", "A/B:1", "../x", "a//b", "a/b@sha256:00", "a:1:2", "a/b:" + strings.Repeat("x", 129),
		strings.Repeat("a/", 300) + "a", "a\n", "http://a/b",
	} {
		if got, err := parse(ref); err == nil {
			t.Errorf("%q was taken as %s", ref, got.full())
		}
	}
}

// TestOnce imports one image from many sides at a time.
func TestOnce(t *testing.T) {
	store := open(t, Options{})
	var opened atomic.Int64
	img := pack(t, true, &opened, layer(t, file("a", "1")))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := store.Import(t.Context(), kmeans, img); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if opened.Load() != 1 {
		t.Errorf("the layer was read %d times", opened.Load())
	}
	entries, _ := os.ReadDir(filepath.Join(store.directory, "sha256"))
	if len(entries) != 1 {
		t.Errorf("%d images lie there", len(entries))
	}
}

// TestFailedImport wants nothing to stay of an image that could not be unpacked.
func TestFailedImport(t *testing.T) {
	store := open(t, Options{})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	good := pack(t, false, nil, layer(t, file("a", "1")))
	if _, err := store.Import(cancelled, kmeans, good); !errors.Is(err, context.Canceled) {
		t.Errorf("import that nobody waits for: %v", err)
	}
	broken := pack(t, false, nil, layer(t, file("a", "1"))).(*artefact)
	other := layer(t, file("a", "2"))
	broken.layers[0].(*blob).open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(other)), nil }
	if _, err := store.Import(t.Context(), kmeans, broken); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("a layer with another content: %v", err)
	}
	forged := pack(t, false, nil, layer(t, file("a", "1"))).(*artefact)
	forged.rawConfig = append(forged.rawConfig, ' ')
	if _, err := store.Import(t.Context(), kmeans, forged); err == nil || !strings.Contains(err.Error(), "config") {
		t.Errorf("a config that the manifest does not name: %v", err)
	}
	if _, err := store.Import(t.Context(), "NOT A NAME", good); err == nil {
		t.Error("a malformed name was taken")
	}
	entries, _ := os.ReadDir(filepath.Join(store.directory, "sha256"))
	if len(entries) != 0 {
		t.Errorf("left over: %v", entries)
	}
	if _, err := store.Import(t.Context(), kmeans, good); err != nil {
		t.Errorf("after all that the good one: %v", err)
	}
}

func TestSweep(t *testing.T) {
	store := open(t, Options{})
	var digests []Digest
	for _, text := range []string{"1", "2", "3"} {
		digest, err := store.Import(t.Context(), kmeans, pack(t, false, nil, layer(t, file("a", text))))
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	for range 2 {
		if _, err := store.Sweep(t.Context(), 0, func(d Digest, _ string) bool { return d == digests[0] }); err != nil {
			t.Fatal(err)
		}
	}
	for i, there := range []bool{true, false, true} {
		if _, err := store.Image(t.Context(), digests[i]); (err == nil) != there {
			t.Errorf("image %d: %v", i+1, err)
		}
	}
}
