package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// nest makes directories in each other, deeper than any path is long.
func nest(t *testing.T, dir string, depth int) {
	t.Helper()
	at, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	for range depth {
		if err = errors.Join(err, unix.Mkdirat(at, "a", 0o755)); err != nil {
			t.Fatal(err)
		}
		below, err := unix.Openat(at, "a", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(at)
		at = below
	}
	unix.Close(at)
}

func TestMeasure(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	if u, err := Measure(t.Context(), dir+"/none"); err != nil || u != (Usage{}) {
		t.Errorf("what is not there: %+v %v", u, err)
	}
	must(os.WriteFile(elsewhere+"/large", make([]byte, 1<<20), 0o644), os.Mkdir(dir+"/sub", 0o755),
		os.WriteFile(dir+"/sub/file", make([]byte, 64<<10), 0o644), os.Link(dir+"/sub/file", dir+"/again"),
		os.Symlink(elsewhere, dir+"/link"), os.Symlink(elsewhere+"/large", dir+"/sub/link"), syscall.Mkfifo(dir+"/fifo", 0o600),
		os.WriteFile(dir+"/sparse", nil, 0o644), os.Truncate(dir+"/sparse", 1<<40))
	u, err := Measure(t.Context(), dir)
	// sub, the file under one of its names, two links, the pipe and the file of holes.
	if err != nil || u.Files != 6 || u.Bytes < 64<<10 || u.Bytes > 128<<10 {
		t.Errorf("%+v %v", u, err)
	}
	if _, err := Measure(t.Context(), dir+"/link"); err == nil {
		t.Error("a link in the place of the directory was followed")
	}
	nest(t, dir, 300)
	if _, err := Measure(t.Context(), dir); !errors.Is(err, ErrDeep) {
		t.Errorf("300 directories in each other: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, elsewhere); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
}

func TestFree(t *testing.T) {
	free, all, err := Free(t.TempDir())
	if err != nil || free.Bytes <= 0 || all.Bytes < free.Bytes || all.Files < free.Files {
		t.Errorf("%+v of %+v: %v", free, all, err)
	}
	if _, _, err := Free("/none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestRemove removes what os.RemoveAll cannot with the files that a process may have open.
func TestRemove(t *testing.T) {
	dir, elsewhere := filepath.Join(t.TempDir(), "dir"), t.TempDir()
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(elsewhere+"/kept", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		sub := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		nest(t, sub, 600)
		for j := range 40 {
			if err := os.MkdirAll(filepath.Join(sub, "wide", strconv.Itoa(j), "x"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Symlink(elsewhere, sub+"/link"), syscall.Mkfifo(sub+"/fifo", 0o600), os.WriteFile(sub+"/.removed-1", nil, 0),
			os.Mkdir(dir+"/.removed-"+strconv.Itoa(i+1), 0)); err != nil {
			t.Fatal(err)
		}
	}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 256, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	err := Remove(dir)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(Remove(dir), os.Symlink(elsewhere, link), Remove(link)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(elsewhere + "/kept"); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
}
