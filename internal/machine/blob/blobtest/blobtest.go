// Package blobtest is what every blob.Store must pass.
package blobtest

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"cloister/internal/machine/blob"
)

// Run tests a kind of store; open gives an empty one each time.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for name, test := range map[string]func(*testing.T, blob.Store){
		"put and read": putAndRead, "read a part": readPart, "missing": missing, "keys": keys, "replace": replace,
		"failed put": failedPut, "delete": remove, "all": all, "at once": atOnce, "as a map": asMap,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, s blob.Store, key, text string) blob.Info {
	t.Helper()
	info, err := s.Put(t.Context(), key, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func read(s blob.Store, key string, off, n int64) (string, error) {
	r, err := s.Open(context.Background(), key, off, n)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(r)
	return string(data), errors.Join(err, r.Close())
}

func want(t *testing.T, s blob.Store, key, text string) {
	t.Helper()
	if got, err := read(s, key, 0, -1); err != nil || got != text {
		t.Errorf("%s: %d bytes (%.20q), %v; want %d (%.20q)", key, len(got), got, err, len(text), text)
	}
	if info, err := s.Stat(t.Context(), key); err != nil || info.Key != key || info.Size != int64(len(text)) {
		t.Errorf("%s: %+v, %v", key, info, err)
	}
}

func putAndRead(t *testing.T, s blob.Store) {
	big := make([]byte, 3<<20+17)
	rand.NewChaCha8([32]byte{1}).Read(big)
	for key, text := range map[string]string{"empty": "", "small": "hello", "a/b_c-9": "x\x00y", "big": string(big)} {
		sum := md5.Sum([]byte(text))
		info, err := s.Put(t.Context(), key, iotest.HalfReader(strings.NewReader(text)))
		if err != nil || info != (blob.Info{Key: key, Size: int64(len(text)), MD5: hex.EncodeToString(sum[:])}) {
			t.Errorf("%s: %+v, %v", key, info, err)
		}
		want(t, s, key, text)
	}
}

func readPart(t *testing.T, s blob.Store) {
	put(t, s, "k", "0123456789")
	for _, c := range []struct {
		off, n int64
		want   string
	}{{0, 3, "012"}, {3, 4, "3456"}, {8, 5, "89"}, {9, -1, "9"}, {10, -1, ""}, {10, 1, ""}, {0, 0, ""}, {2, 1 << 40, "23456789"}} {
		if got, err := read(s, "k", c.off, c.n); err != nil || got != c.want {
			t.Errorf("%d+%d: %q, %v", c.off, c.n, got, err)
		}
	}
	for _, off := range []int64{11, -1} {
		if _, err := read(s, "k", off, -1); !errors.Is(err, blob.ErrRange) {
			t.Errorf("from %d: %v", off, err)
		}
	}
}

func missing(t *testing.T, s blob.Store) {
	put(t, s, "a/b", "x")
	for _, key := range []string{"nothing", "a", "a/b/c", "a/c"} {
		if _, err := read(s, key, 0, -1); !errors.Is(err, blob.ErrMissing) {
			t.Errorf("open %s: %v", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrMissing) {
			t.Errorf("stat %s: %v", key, err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	want(t, s, "a/b", "x")
}

// BadKeys are keys that every store must refuse.
var BadKeys = []string{"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a.b", "A", "ä", "a b", "a\x00", "a\n", `a\b`, "*", strings.Repeat("a", blob.MaxKey+1)}

func keys(t *testing.T, s blob.Store) {
	for _, key := range BadKeys {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x")); !errors.Is(err, blob.ErrKey) {
			t.Errorf("put %q: %v", key, err)
		}
		if _, err := s.Open(t.Context(), key, 0, -1); !errors.Is(err, blob.ErrKey) {
			t.Errorf("open %q: %v", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrKey) {
			t.Errorf("stat %q: %v", key, err)
		}
		if err := s.Delete(t.Context(), key); !errors.Is(err, blob.ErrKey) {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	// A key says nothing of others: one may be the beginning of another.
	good := []string{"a", "a/b", "a/b/c", "a_b", "a-b", "a/b-c", "0", "-", strings.Repeat("a", blob.MaxKey), strings.Repeat("a/", blob.MaxKey/2-1) + "a"}
	for _, key := range good {
		put(t, s, key, "of "+key)
	}
	for _, key := range good {
		want(t, s, key, "of "+key)
	}
	if got := list(t, s, ""); len(got) != len(good) {
		t.Errorf("%d blobs of %d", len(got), len(good))
	}
}

func replace(t *testing.T, s blob.Store) {
	put(t, s, "k", "the old bytes")
	r, err := s.Open(t.Context(), "k", 4, -1)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "k", "new")
	want(t, s, "k", "new")
	if err := s.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "old bytes" {
		t.Errorf("a reader of the old got %q, %v", got, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func failedPut(t *testing.T, s blob.Store) {
	put(t, s, "k", "kept")
	cut := errors.New("line cut")
	for _, key := range []string{"k", "new"} {
		broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cut))
		if info, err := s.Put(t.Context(), key, broken); !errors.Is(err, cut) || info != (blob.Info{}) {
			t.Errorf("%+v, %v", info, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		endless := readerFunc(func(b []byte) (int, error) { cancel(); return len(b), nil })
		if _, err := s.Put(ctx, key, endless); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	want(t, s, "k", "kept")
	if got := list(t, s, ""); !slices.Equal(got, []string{"k"}) {
		t.Errorf("left %v", got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func remove(t *testing.T, s blob.Store) {
	put(t, s, "k", "x")
	put(t, s, "k/other", "y")
	for range 2 {
		if err := s.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Stat(t.Context(), "k"); !errors.Is(err, blob.ErrMissing) {
		t.Error(err)
	}
	want(t, s, "k/other", "y")
}

func list(t *testing.T, s blob.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for info, err := range s.All(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	slices.Sort(keys)
	return keys
}

func all(t *testing.T, s blob.Store) {
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("in an empty store: %v", got)
	}
	for _, key := range []string{"a", "a/1", "a/2", "ab", "b/1"} {
		put(t, s, key, key)
	}
	for prefix, want := range map[string][]string{"": {"a", "a/1", "a/2", "ab", "b/1"}, "a/": {"a/1", "a/2"}, "a": {"a", "a/1", "a/2", "ab"}, "b/1": {"b/1"}, "c": nil, "../": nil} {
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("%q: %v", prefix, got)
		}
	}
	n := 0
	for info, err := range s.All(t.Context(), "") {
		if n++; err != nil || info.Size != int64(len(info.Key)) {
			t.Errorf("%+v, %v", info, err)
		}
		if n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("went on to %d after being stopped", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n = 0
	for _, err := range s.All(ctx, "") {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("after the end of its context: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("an error came %d times", n)
	}
}

func atOnce(t *testing.T, s blob.Store) {
	text := func(i int) string { return strings.Repeat(fmt.Sprint(i), 5000+i) }
	valid := map[string]bool{}
	for i := range 8 {
		valid[text(i)] = true
	}
	put(t, s, "shared", text(0))
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			own := fmt.Sprintf("own/%d", i)
			for range 5 {
				for _, key := range []string{"shared", own} {
					if _, err := s.Put(context.Background(), key, strings.NewReader(text(i))); err != nil {
						t.Error(err)
					}
				}
				if got, err := read(s, "shared", 0, -1); err != nil || !valid[got] {
					t.Errorf("a mixture of %d bytes, %v", len(got), err)
				}
				if got, err := read(s, own, 0, -1); err != nil || got != text(i) {
					t.Errorf("%s: %d bytes, %v", own, len(got), err)
				}
				if err := s.Delete(context.Background(), own); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got := list(t, s, ""); !slices.Equal(got, []string{"shared"}) {
		t.Errorf("left %v", got)
	}
}

// asMap walks at random and compares with a map.
func asMap(t *testing.T, s blob.Store) {
	r := rand.New(rand.NewPCG(1, 2))
	model := map[string][]byte{}
	for range 300 {
		key := fmt.Sprintf("k%d/%d", r.IntN(4), r.IntN(5))
		switch r.IntN(3) {
		case 0, 1:
			data := bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(3000))
			put(t, s, key, string(data))
			model[key] = data
		case 2:
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			delete(model, key)
		}
	}
	for key, data := range model {
		want(t, s, key, string(data))
	}
	if got := list(t, s, ""); !slices.Equal(got, slices.Sorted(maps.Keys(model))) {
		t.Errorf("%v", got)
	}
}
