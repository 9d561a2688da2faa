package sagemaker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWalked: a stranger's tree is walked without waiting, without following, and no further than its names may be held.
func TestWalked(t *testing.T) {
	dir := t.TempDir()
	for name, put := range map[string]func(string) error{
		"b/file": func(n string) error { return os.WriteFile(n, nil, 0o644) }, "a": func(n string) error { return os.WriteFile(n, nil, 0o644) },
		"pipe": func(n string) error { return syscall.Mkfifo(n, 0o644) }, "link": func(n string) error { return os.Symlink("/etc", n) }, "inside": func(n string) error { return os.Symlink("b", n) },
	} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), put(at)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	walk := func(names, bytes int) (saw []string, err error) {
		w := newWalked(root)
		w.left, w.bytes = names, bytes
		err = fs.WalkDir(w, ".", func(name string, _ fs.DirEntry, err error) error {
			saw = append(saw, name)
			return err
		})
		return saw, err
	}
	if saw, err := walk(6, 1000); err != nil || strings.Join(saw, " ") != ". a b b/file inside link pipe" {
		t.Errorf("%q %v", saw, err)
	}
	var known *failure
	for _, bounds := range [][2]int{{5, 1000}, {6, 20}} {
		if saw, err := walk(bounds[0], bounds[1]); !errors.As(err, &known) || !strings.Contains(known.reason, "left more than") {
			t.Errorf("%v: %q %v", bounds, saw, err)
		}
	}
	// What was a directory when it was listed.
	w := newWalked(root)
	for _, name := range []string{"pipe", "link", "a", "none"} {
		if all, err := w.ReadDir(name); err == nil {
			t.Errorf("%s: %v", name, all)
		}
	}
}
