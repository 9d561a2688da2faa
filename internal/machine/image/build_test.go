package image

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func buildFiles(t testing.TB, source string) map[string]File {
	t.Helper()
	return map[string]File{
		"/usr/bin/cloister": {Source: source},
		"/usr/bin/train":    {Link: "cloister"},
		"/etc/passwd":       {Data: []byte("root:x:0:0::/:/\njob:x:1000:1001::/:/\n")},
		"/etc/group":        {Data: []byte("root:x:0:\njobs:x:2000:job\n")},
	}
}

func program(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

var run = Config{Entrypoint: []string{"/usr/bin/cloister", "algorithm", "kmeans"}, User: "job"}

func TestBuild(t *testing.T) {
	first, err := Build(t.Context(), buildFiles(t, program(t, "elf")), run)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Build(t.Context(), buildFiles(t, program(t, "elf")), run)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Build(t.Context(), buildFiles(t, program(t, "elg")), run)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := first.Digest()
	b, _ := second.Digest()
	c, _ := other.Digest()
	if a != b || a == c {
		t.Errorf("digests %s, %s; of other files %s", a, b, c)
	}
	layout := filepath.Join(t.TempDir(), "layout")
	if err := Save(t.Context(), first, layout); err != nil {
		t.Fatal(err)
	}
	store := open(t, Options{})
	digest, err := store.ImportLayout(t.Context(), kmeans, layout)
	if err != nil || string(digest) != a.String() {
		t.Fatalf("through a layout it became %s, %v", digest, err)
	}
	found, err := store.Image(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	want := "etc/ etc/group=root:x:0:\njobs:x:2000:job\n etc/passwd=root:x:0:0::/:/\njob:x:1000:1001::/:/\n usr/ usr/bin/ usr/bin/cloister=elf usr/bin/train->cloister"
	if got := strings.Join(tree(t, found.Root), " "); got != want {
		t.Errorf("got %s", got)
	}
	if info, err := os.Stat(filepath.Join(found.Root, "usr/bin/cloister")); err != nil || info.Mode() != 0o755 {
		t.Errorf("program %v, %v", info, err)
	}
}

func TestBuildRefuses(t *testing.T) {
	source := program(t, "elf")
	for name, files := range map[string]map[string]File{
		"relative":           {"bin/x": {Source: source}},
		"dots":               {"/a/../x": {Source: source}},
		"root":               {"/": {Source: source}},
		"no source":          {"/x": {Source: source + "-not-there"}},
		"source a directory": {"/x": {Source: filepath.Dir(source)}},
		"file and directory": {"/x": {Source: source}, "/x/y": {Source: source}},
	} {
		if _, err := Build(t.Context(), files, run); err == nil {
			t.Errorf("%s was built", name)
		}
	}
}

func TestStoreBuild(t *testing.T) {
	store := open(t, Options{})
	source := program(t, "elf")
	first, err := store.Build(t.Context(), kmeans, buildFiles(t, source), run)
	if err != nil {
		t.Fatal(err)
	}
	// An image that was found again is not read again: its source may even be unreadable.
	images, _ := os.Stat(filepath.Join(store.directory, "sha256", strings.TrimPrefix(string(first), "sha256:")))
	again, err := store.Build(t.Context(), "other:1", buildFiles(t, source), run)
	if err != nil || again != first {
		t.Errorf("built again it is %s, %v", again, err)
	}
	if now, err := os.Stat(filepath.Join(store.directory, "sha256", strings.TrimPrefix(string(first), "sha256:"))); err != nil || !os.SameFile(now, images) {
		t.Error("the image was unpacked again")
	}
	if found, err := store.Resolve(t.Context(), "other:1"); err != nil || found != first {
		t.Errorf("the second name is %s, %v", found, err)
	}
	time.Sleep(20 * time.Millisecond) // the clock of file times ticks slowly
	if err := os.WriteFile(source, []byte("new"), 0o700); err != nil {
		t.Fatal(err)
	}
	changed, err := store.Build(t.Context(), kmeans, buildFiles(t, source), run)
	if err != nil || changed == first {
		t.Errorf("of a changed program: %s, %v", changed, err)
	}
	if err := os.RemoveAll(filepath.Join(store.directory, "sha256", strings.TrimPrefix(string(changed), "sha256:"))); err != nil {
		t.Fatal(err)
	}
	if again, err := store.Build(t.Context(), kmeans, buildFiles(t, source), run); err != nil || again != changed {
		t.Errorf("after the image was lost: %s, %v", again, err)
	}
}

func TestUser(t *testing.T) {
	store := open(t, Options{})
	digest, err := store.Build(t.Context(), kmeans, buildFiles(t, program(t, "elf")), run)
	if err != nil {
		t.Fatal(err)
	}
	found, err := store.Image(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string][2]uint32{
		"": {0, 0}, "job": {1000, 1001}, "1000": {1000, 1001}, "job:jobs": {1000, 2000}, "5": {5, 0}, "5:6": {5, 6}, "root:2000": {0, 2000},
	} {
		found.Config.User = user
		if uid, gid, err := found.User(); err != nil || [2]uint32{uid, gid} != want {
			t.Errorf("user %q is %d:%d, %v", user, uid, gid, err)
		}
	}
	for _, user := range []string{"nobody", "job:nobody", "-1", "4294967295", "99999999999"} {
		found.Config.User = user
		if uid, gid, err := found.User(); err == nil {
			t.Errorf("user %q is %d:%d", user, uid, gid)
		}
	}
	// A file of users that leads out of the image is not read.
	os.Remove(filepath.Join(found.Root, "etc/passwd"))
	os.Symlink("/etc/passwd", filepath.Join(found.Root, "etc/passwd"))
	found.Config.User = "daemon"
	if uid, _, err := found.User(); err == nil {
		t.Errorf("the machine's own users were asked: %d", uid)
	}
}

func TestLayoutRefuses(t *testing.T) {
	img := pack(t, true, nil, layer(t, file("a", "1")))
	for name, spoil := range map[string]func(dir, manifest string) error{
		"no index":     func(dir, _ string) error { return os.Remove(filepath.Join(dir, "index.json")) },
		"bad index":    func(dir, _ string) error { return os.WriteFile(filepath.Join(dir, "index.json"), []byte("{"), 0o644) },
		"no manifest":  func(_, manifest string) error { return os.Remove(manifest) },
		"bad manifest": func(_, manifest string) error { return os.WriteFile(manifest, []byte("{}"), 0o644) },
		"other platform": func(dir, _ string) error {
			name := filepath.Join(dir, "index.json")
			data, _ := os.ReadFile(name)
			return os.WriteFile(name, bytes.Replace(data, []byte(`"manifests":[{`), []byte(`"manifests":[{"platform":{"os":"plan9","architecture":"x"},`), 1), 0o644)
		},
		"huge index": func(dir, _ string) error {
			return os.Truncate(filepath.Join(dir, "index.json"), maxDocument+1)
		},
	} {
		dir := filepath.Join(t.TempDir(), "layout")
		if err := Save(t.Context(), img, dir); err != nil {
			t.Fatal(err)
		}
		hash, _ := img.Digest()
		if err := spoil(dir, filepath.Join(dir, "blobs/sha256", hash.Hex)); err != nil {
			t.Fatal(err)
		}
		if _, err := Layout(dir); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
	if _, err := Layout(t.TempDir()); err == nil {
		t.Error("an empty directory was read as a layout")
	}
}

func BenchmarkStoreBuildAgain(b *testing.B) {
	store := open(b, Options{})
	files := buildFiles(b, program(b, strings.Repeat("elf", 10<<20)))
	if _, err := store.Build(b.Context(), kmeans, files, run); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := store.Build(b.Context(), kmeans, files, run); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildAndUnpack30MB(b *testing.B) {
	source := program(b, strings.Repeat("elf", 10<<20))
	for b.Loop() {
		if _, err := open(b, Options{}).Build(b.Context(), kmeans, buildFiles(b, source), run); err != nil {
			b.Fatal(err)
		}
	}
}
