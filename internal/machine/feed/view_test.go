package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shown starts a keeper that shows files.
func shown(t *testing.T, files map[string]string) (k *Keeper, at string, serve func(context.Context) error) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount: run the tests as root")
	}
	base := t.TempDir()
	at = filepath.Join(base, "view")
	var all []File
	for name := range files {
		all = append(all, File{name, int64(len(files[name]))})
	}
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	list, err := json.Marshal(all)
	must(t, err)
	must(t, os.Mkdir(at, 0o755))
	must(t, os.WriteFile(filepath.Join(base, "files"), list, 0o600))
	k, err = Start(t.Context(), command, filepath.Join(base, "keeper"), nil, []View{{at, filepath.Join(base, "files")}})
	must(t, err)
	t.Cleanup(func() {
		if err := Remove(context.Background(), k.directory); err != nil {
			t.Error(err)
		}
	})
	return k, at, func(ctx context.Context) error {
		return k.Serve(ctx, 0, func(_ context.Context, file int, off int64, n int) ([][]byte, func(), error) {
			rest := files[all[file].Name][off:]
			if n > len(rest) {
				return nil, nil, fmt.Errorf("%d bytes at %d of %s are asked for", n, off, all[file].Name)
			}
			return [][]byte{[]byte(rest[:n/2]), []byte(rest[n/2 : n])}, func() {}, nil
		})
	}
}

func large() string {
	var b bytes.Buffer
	for i := range 700_000 {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()
}

func TestViewIsTheFiles(t *testing.T) {
	files := map[string]string{"a": "A", "empty": "", "sub/b": "BB", "sub/deep/c": large(), strings.Repeat("n", 255): "name"}
	for i := range 3000 {
		files[fmt.Sprintf("many/%04d", i)] = fmt.Sprint(i)
	}
	_, at, serve := shown(t, files)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx) }()
	seen := 0
	err := filepath.WalkDir(at, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		b, err := os.ReadFile(name)
		if want := files[strings.TrimPrefix(name, at+"/")]; string(b) != want {
			t.Errorf("%s: %d bytes of %d", name, len(b), len(want))
		}
		return err
	})
	if err != nil || seen != len(files) {
		t.Errorf("saw %d of %d: %v", seen, len(files), err)
	}
	for what, err := range map[string]error{
		"create": os.WriteFile(at+"/new", nil, 0o644), "change": os.WriteFile(at+"/a", []byte("x"), 0o644), "remove": os.Remove(at + "/a"),
		"rename": os.Rename(at+"/a", at+"/z"), "mkdir": os.Mkdir(at+"/d", 0o755), "mode": os.Chmod(at+"/a", 0o777),
	} {
		if !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := os.Stat(at + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestViewOutlivesItsFeeder has readers wait while nobody serves, and see every byte.
func TestViewOutlivesItsFeeder(t *testing.T) {
	want := large()
	_, at, serve := shown(t, map[string]string{"x": want, "y": want})
	var all sync.WaitGroup
	for _, name := range []string{"x", "y"} {
		all.Go(func() {
			f, err := os.Open(at + "/" + name)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			var got bytes.Buffer
			for {
				_, err := io.CopyN(&got, f, 50_000)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Error(err)
					break
				}
				time.Sleep(time.Millisecond)
			}
			if got.String() != want {
				t.Errorf("%s: %d bytes of %d", name, got.Len(), len(want))
			}
		})
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	for lives := 0; ; lives++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(5+lives)*time.Millisecond)
		serve(ctx) //nolint:errcheck // it dies
		cancel()
		select {
		case <-ended:
			if lives < 2 {
				t.Error("nobody died")
			}
			return
		default:
		}
	}
}

// TestViewsReaderIsKilled ends somebody who waits for what nobody brings.
func TestViewsReaderIsKilled(t *testing.T) {
	k, at, _ := shown(t, map[string]string{"x": "X"})
	r, w, err := os.Pipe()
	must(t, err)
	p, err := os.StartProcess("/bin/cat", []string{"cat", at + "/x"}, &os.ProcAttr{Files: []*os.File{nil, w, w}})
	must(t, err)
	w.Close()
	time.Sleep(50 * time.Millisecond)
	must(t, p.Kill())
	ended := make(chan struct{})
	go func() { p.Wait(); close(ended) }() //nolint:errcheck // it is killed
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("it cannot be killed")
	}
	r.Close()
	f, err := os.Open(at + "/x")
	must(t, err)
	defer f.Close()
	must(t, Remove(t.Context(), k.directory))
	if b, err := os.ReadFile(at + "/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after its end the view has %q: %v", b, err)
	}
	if _, err := io.ReadAll(f); err == nil {
		t.Error("a file of a view that is gone can be read")
	}
}

func TestCheckFiles(t *testing.T) {
	for _, bad := range [][]string{{""}, {"."}, {".."}, {"../x"}, {"/x"}, {"a//b"}, {"a/../b"}, {"a", "a"}, {"a", "a/b"}, {"a/b", "a"}, {strings.Repeat("x", 256)}, {"x\x00"}} {
		var files []File
		for _, name := range bad {
			files = append(files, File{name, 1})
		}
		if err := CheckFiles(files); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := CheckFiles([]File{{"a/b", 1}, {"a/c", 0}, {"..a", 1}}); err != nil {
		t.Error(err)
	}
}
