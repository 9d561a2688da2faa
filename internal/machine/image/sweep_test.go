package image

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func ago(t *testing.T, name string, d time.Duration) {
	t.Helper()
	if err := os.Chtimes(name, time.Time{}, time.Now().Add(-d)); err != nil {
		t.Fatal(err)
	}
}

// TestSweepSparesWhatIsUsed has images that were used at other times, one by a container.
func TestSweepSparesWhatIsUsed(t *testing.T) {
	for _, rootless := range []bool{false, true} {
		store := open(t, Options{Rootless: rootless})
		kept := func(text string) (Digest, string) {
			d, err := store.Keep(t.Context(), pack(t, false, nil, layer(t, file("d/a", text))))
			if err != nil {
				t.Fatal(err)
			}
			u, err := store.Image(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			return d, u.Root
		}
		old, oldRoot := kept("old")
		run, runRoot := kept("run")
		asked, askedRoot := kept("asked")
		young, _ := kept("young")
		for _, root := range []string{oldRoot, runRoot, askedRoot} {
			ago(t, filepath.Dir(root), 2*time.Hour)
		}
		if _, err := store.Image(t.Context(), asked); err != nil {
			t.Fatal(err)
		}
		release, err := store.hold()
		if err != nil {
			t.Fatal(err)
		}
		inUse := func(_ Digest, root string) bool { return root == runRoot }
		if _, err := store.Sweep(t.Context(), 90*time.Minute, inUse); !errors.Is(err, ErrBusy) {
			t.Errorf("while an image is unpacked: %v", err)
		}
		release()
		if n, err := store.Sweep(t.Context(), 90*time.Minute, inUse); n != 1 || err != nil {
			t.Errorf("%d removed, %v", n, err)
		}
		for d, there := range map[Digest]bool{old: false, run: true, asked: true, young: true} {
			if _, err := store.Image(t.Context(), d); (err == nil) != there {
				t.Errorf("%s: %v", d, err)
			}
		}
		if again, _ := kept("old"); again != old {
			t.Errorf("unpacked again it is %s", again)
		}
		if names, _ := os.ReadDir(filepath.Join(store.directory, "sha256")); len(names) != 4 {
			t.Errorf("left: %v", names)
		}
	}
}

// TestSweepThatDied leaves nothing to the next process that is half there.
func TestSweepThatDied(t *testing.T) {
	store := open(t, Options{Share: 1})
	base := layer(t, file("d/a", "1"))
	d, err := store.Keep(t.Context(), pack(t, false, nil, base, layer(t, file("b", "1"))))
	if err != nil {
		t.Fatal(err)
	}
	gone, err := store.setAside(t.Context(), time.Now(), func(Digest, string) bool { return false })
	stacks, failed := store.setStacksAside(time.Now())
	if len(gone) != 1 || len(stacks) != 1 || err != nil || failed != nil {
		t.Fatal(gone, stacks, err, failed)
	}
	// Here it died. A stack that lost the file that speaks of it, as if it died before:
	if err := os.Mkdir(filepath.Join(store.directory, "stacks", "lost"), 0o700); err != nil {
		t.Fatal(err)
	}
	store, err = Open(store.directory, Options{Share: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Image(t.Context(), d); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if _, err := store.Sweep(t.Context(), time.Hour, func(Digest, string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"sha256", "stacks"} {
		if left, _ := os.ReadDir(filepath.Join(store.directory, where)); len(left) != 0 {
			t.Errorf("%s: %v", where, left)
		}
	}
	if _, err := store.Keep(t.Context(), pack(t, false, nil, base, layer(t, file("b", "2")))); err != nil {
		t.Errorf("another image of the same layers: %v", err)
	}
}
