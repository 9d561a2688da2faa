package image

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestImagesShareTheLayersThatTheyBeginWith(t *testing.T) {
	base := layer(t, dir("d"), file("d/a", strings.Repeat("1", 1000)), file("d/b", "b"), symlink("l", "d"), entry{file("locked", "x").Header, ""})
	middle := layer(t, file("d/a", strings.Repeat("2", 1000)), hardlink("d/h", "d/b"), file("l/n", "n"))
	read := func(s *Store, layers ...[]byte) (Unpacked, int64) {
		t.Helper()
		opened := new(atomic.Int64)
		d, err := s.Keep(t.Context(), pack(t, true, opened, layers...))
		if err != nil {
			t.Fatal(err)
		}
		u, err := s.Image(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return u, opened.Load()
	}
	for rootless := range map[bool]bool{false: true, true: true} {
		store := open(t, Options{Share: 500, Rootless: rootless})
		one, n := read(store, base, middle, layer(t, file("top", "1")))
		two, m := read(store, base, middle, layer(t, file("top", "2"), file("d/.wh.b", ""), file("d/a", "3")))
		if n != 3 || m != 1 {
			t.Errorf("the layers of the first were read %d times, of the second %d times", n, m)
		}
		alone, _ := read(open(t, Options{Rootless: rootless}), base, middle, layer(t, file("top", "2"), file("d/.wh.b", ""), file("d/a", "3")))
		for what, at := range map[string]string{"the second": two.Root, "what stands alone": alone.Root} {
			if got := strings.Join(tree(t, at), " "); got != "d/ d/a=3 d/h=b d/n=n l->d locked= top=2" {
				t.Errorf("%s has %s", what, got)
			}
		}
		if got := strings.Join(tree(t, one.Root), " "); got != "d/ d/a="+strings.Repeat("2", 1000)+" d/b=b d/h=b d/n=n l->d locked= top=1" {
			t.Errorf("the first has become %s", got)
		}
		a, errA := os.Stat(filepath.Join(one.Root, "d/n"))
		b, errB := os.Stat(filepath.Join(two.Root, "d/n"))
		if errA != nil || errB != nil || !os.SameFile(a, b) {
			t.Errorf("a file of the common layers is there twice: %v %v", errA, errB)
		}
		whole, k := read(store, base, middle)
		if k != 0 || !strings.Contains(strings.Join(tree(t, whole.Root), " "), "d/n=n") {
			t.Errorf("an image that is the beginning of another was read %d times", k)
		}
		// A stack that is damaged is as none.
		if err := os.RemoveAll(filepath.Join(store.directory, "stacks")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(store.directory, "stacks"), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, k := read(store, base, middle, layer(t, file("top", "3"))); k != 3 {
			t.Errorf("without stacks %d layers were read", k)
		}
		if _, err := store.Sweep(t.Context(), 0, func(Digest, string) bool { return true }); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(filepath.Join(store.directory, "stacks")); len(left) != 0 {
			t.Errorf("after a sweep: %v", left)
		}
	}
}

// Who only says what a layer holds is not given another image's files.
func TestAStackIsForWhoHasTheLayers(t *testing.T) {
	store := open(t, Options{Share: 1})
	secret := layer(t, file("secret", "s"))
	if _, err := store.Keep(t.Context(), pack(t, true, nil, secret, layer(t, file("a", "1")))); err != nil {
		t.Fatal(err)
	}
	// The same configuration over another layer.
	honest := pack(t, false, nil, secret, layer(t, file("b", "1")))
	config, _ := honest.RawConfigFile()
	forged := pack(t, false, nil, layer(t, file("mine", "m")), layer(t, file("b", "1")))
	m, _ := forged.Manifest()
	m.Config, _ = describe(config, m.Config.MediaType)
	raw := jsonOf(t, m)
	img, err := Of(raw, config, func(digest string) (io.ReadCloser, error) {
		h, _ := v1.NewHash(digest)
		l, err := forged.LayerByDigest(h)
		if err != nil {
			return nil, err
		}
		return l.Compressed()
	})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := store.Keep(t.Context(), img); err == nil {
		u, _ := store.Image(t.Context(), d)
		t.Errorf("a forged image has %v", tree(t, u.Root))
	}
}

func TestBoundsHoldForSharedLayers(t *testing.T) {
	store := open(t, Options{Share: 1, Bytes: 1500, Entries: 10})
	base := layer(t, file("a", strings.Repeat("x", 1000)))
	if _, err := store.Keep(t.Context(), pack(t, true, nil, base, layer(t, file("b", "1")))); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Keep(t.Context(), pack(t, true, nil, base, layer(t, file("c", strings.Repeat("x", 1000))))); err == nil {
		t.Error("more than is allowed was unpacked")
	}
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
