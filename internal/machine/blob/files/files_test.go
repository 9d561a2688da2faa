package files_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloister/internal/machine/blob"
	"cloister/internal/machine/blob/blobtest"
	"cloister/internal/machine/blob/files"
)

func open(t testing.TB, dir string) *files.Store {
	t.Helper()
	s, err := files.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// names are the paths of all files below a directory.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(p, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		parent := t.TempDir()
		dir := filepath.Join(parent, "data", "blobs")
		t.Cleanup(func() {
			for _, name := range names(t, parent) {
				if !strings.HasPrefix(name, "data/blobs/objects/") {
					t.Errorf("left %s", name)
				}
			}
		})
		return open(t, dir)
	})
}

func TestStaysAndSweeps(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Put(t.Context(), "a/b", strings.NewReader("kept")); err != nil {
		t.Fatal(err)
	}
	// As kill -9 leaves it: a Put that never came to its end, and one with more below.
	pipe, w := io.Pipe()
	ended := make(chan error)
	go func() {
		_, err := s.Put(context.Background(), "half", pipe)
		ended <- err
	}()
	if _, err := w.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if left := names(t, dir); len(left) != 2 {
		t.Fatalf("a Put under way shows %v", left)
	}
	again := open(t, dir)
	if left := names(t, dir); len(left) != 1 {
		t.Errorf("not swept: %v", left)
	}
	w.Close()
	if err := <-ended; err == nil {
		t.Error("a swept Put came to an end")
	}
	r, err := again.Open(t.Context(), "a/b", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "kept" {
		t.Errorf("%q, %v", got, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s := open(t, dir)
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if info, e := d.Info(); err != nil || e != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", p, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestStaysInside plants links that lead out, and things that are no blobs.
func TestStaysInside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, names(t, dir)[0])
	if err := errors.Join(os.Remove(at), os.Symlink(secret, at), os.WriteFile(filepath.Join(filepath.Dir(at), "NOT-A-KEY"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Open(t.Context(), "k", 0, -1); err == nil {
		data, _ := io.ReadAll(r)
		t.Errorf("read %q through a link", data)
	}
	for info, err := range s.All(t.Context(), "") {
		t.Errorf("listed %+v, %v", info, err)
	}
	if _, err := s.Put(t.Context(), "k", strings.NewReader("new")); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(secret); err != nil || string(data) != "secret" {
		t.Errorf("wrote through a link: %q, %v", data, err)
	}
	if err := os.RemoveAll(filepath.Dir(at)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Dir(at)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "k", strings.NewReader("new")); err == nil {
		t.Error("put through a linked folder")
	}
	if err := s.Delete(t.Context(), "k"); err == nil {
		t.Error("deleted through a linked folder")
	}
	if _, err := s.Stat(t.Context(), "k"); err == nil || errors.Is(err, blob.ErrMissing) {
		t.Errorf("looked through a linked folder: %v", err)
	}
	if left := names(t, outside); len(left) != 1 {
		t.Errorf("outside: %v", left)
	}
}

func TestTroubleIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Open(file); err == nil {
		t.Error("a store in a file")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "objects"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x")); err == nil {
		t.Error("put where no folder can be")
	}
	n := 0
	for _, err := range s.All(t.Context(), "") {
		if n++; err == nil {
			t.Error("listed what cannot be")
		}
	}
	if n != 1 {
		t.Errorf("an error came %d times", n)
	}
	if left := names(t, filepath.Join(dir, "unfinished")); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x")); err == nil {
		t.Error("put into a closed store")
	}
}

func BenchmarkPut(b *testing.B) {
	for name, size := range map[string]int{"1KB": 1 << 10, "16MB": 16 << 20} {
		b.Run(name, func(b *testing.B) {
			s, text := open(b, b.TempDir()), strings.Repeat("x", size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := s.Put(b.Context(), "k", strings.NewReader(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	s := open(b, b.TempDir())
	if _, err := s.Put(b.Context(), "k", strings.NewReader(strings.Repeat("x", 1<<10))); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := s.Open(b.Context(), "k", 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, r)
		r.Close()
	}
}
