package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// stored packs files into an archive.
func stored(t *testing.T, compressed bool, entries ...entry) string {
	t.Helper()
	data := layer(t, entries...)
	if compressed {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(data)
		z.Close()
		data = b.Bytes()
	}
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// laidOut is a layout as entries of an archive; change may alter its index.
func laidOut(t *testing.T, change func(*v1.IndexManifest)) (entries []entry) {
	t.Helper()
	at := t.TempDir()
	if err := Save(t.Context(), pack(t, true, nil, layer(t, file("etc/x", "1"))), at); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		var index v1.IndexManifest
		name := filepath.Join(at, "index.json")
		if err := readJSON(name, &index); err != nil {
			t.Fatal(err)
		}
		change(&index)
		if err := writeJSON(name, index); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(at, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(at, name)
		entries = append(entries, file(rel, string(data)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestArchives(t *testing.T) {
	plainLayer := layer(t, file("etc/x", "1"))
	diff, _, _ := v1.SHA256(bytes.NewReader(plainLayer))
	config := `{"architecture":"amd64","os":"linux","config":{"Cmd":["a"]},"rootfs":{"type":"layers","diff_ids":["` + diff.String() + `"]}}`
	list, _ := json.Marshal([]map[string]any{{"Config": "c.json", "RepoTags": []string{"docker.io/library/mine:2"}, "Layers": []string{"l/layer.tar"}}})
	docker := []entry{file("c.json", config), file("manifest.json", string(list)), file("0/layer.tar", string(plainLayer)), symlink("l/layer.tar", "../0/layer.tar")}
	named := laidOut(t, func(i *v1.IndexManifest) {
		i.Manifests[0].Annotations = map[string]string{"org.opencontainers.image.ref.name": "mine:3"}
	})
	for what, c := range map[string]struct {
		from string
		name string
	}{
		"layout":       {stored(t, false, laidOut(t, nil)...), ""},
		"named layout": {stored(t, true, named...), "mine:3"},
		"docker save":  {stored(t, false, docker...), "mine:2"},
	} {
		found, err := Read(c.from, t.TempDir())
		if err != nil || found.Name != c.name {
			t.Errorf("%s: %q, %v", what, found.Name, err)
			continue
		}
		store := open(t, Options{})
		digest, err := store.Import(t.Context(), "x:1", found.Image)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		u, err := store.Image(t.Context(), digest)
		if err != nil || strings.Join(tree(t, u.Root), " ") != "etc/ etc/x=1" {
			t.Errorf("%s: %v, %v", what, tree(t, u.Root), err)
		}
	}
}

func TestArchivesThatAreNone(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(`{"rootfs":{"type":"layers","diff_ids":[]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(config string, layers ...string) entry {
		b, _ := json.Marshal([]map[string]any{{"Config": config, "Layers": layers}})
		return file("manifest.json", string(b))
	}
	for what, entries := range map[string][]entry{
		"nothing":           {file("readme", "")},
		"config outside":    {list(secret)},
		"config by dots":    {list("../../../../../../../../" + secret)},
		"config by a link":  {symlink("c.json", secret), list("c.json")},
		"two of a name":     {file("index.json", "{}"), file("index.json", "{}")},
		"through a link":    {symlink("d", filepath.Dir(secret)), file("d/secret", "evil"), list("d/secret")},
		"no JSON":           {file("index.json", "{")},
		"layers not there":  {file("c.json", `{"rootfs":{"diff_ids":["sha256:`+strings.Repeat("0", 64)+`"]}}`), list("c.json", "none")},
		"a device as index": {entry{tar.Header{Name: "index.json", Typeflag: tar.TypeChar}, ""}},
	} {
		work := t.TempDir()
		if found, err := Read(stored(t, false, entries...), work); err == nil {
			t.Errorf("%s was taken: %+v", what, found)
		}
	}
	noise := filepath.Join(t.TempDir(), "noise")
	if err := os.WriteFile(noise, []byte(strings.Repeat("noise", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(noise, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no archive of an OCI layout or of docker save") {
		t.Errorf("noise: %v", err)
	}
	if data, err := os.ReadFile(secret); err != nil || strings.Contains(string(data), "evil") {
		t.Errorf("the file outside is %s, %v", data, err)
	}
}

func TestNamesOfImages(t *testing.T) {
	store := open(t, Options{})
	img := pack(t, false, nil, layer(t, file("x", "1")))
	for _, name := range []string{"b:1", "a"} {
		if _, err := store.Import(t.Context(), name, img); err != nil {
			t.Fatal(err)
		}
	}
	visitor, err := Visit(store.directory, Options{})
	if err != nil {
		t.Fatal(err)
	}
	names, err := visitor.Names(t.Context())
	if err != nil || len(names) != 2 || names[0].Reference != "a:latest" || names[1].Reference != "b:1" {
		t.Errorf("%v, %v", names, err)
	}
	if err := errors.Join(visitor.Untag(t.Context(), "b:1")); err != nil {
		t.Error(err)
	}
	if err := visitor.Untag(t.Context(), "b:1"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if _, err := store.Resolve(t.Context(), "b:1"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	// An image without a name is found by who knows its digest.
	bare := pack(t, false, nil, layer(t, file("y", "2")))
	digest, err := store.Keep(t.Context(), bare)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Image(t.Context(), digest); err != nil {
		t.Error(err)
	}
	if names, _ := store.Names(t.Context()); slices.ContainsFunc(names, func(n Named) bool { return n.Digest == digest }) {
		t.Error("it has a name")
	}
}
