package sagemaker

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// noise are bytes of which no two places look alike.
func noise(n int) []byte {
	b := make([]byte, 0, n+8)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%d,", i)
	}
	return b[:n]
}

func fetched(t *testing.T, c *s3, o object) ([]byte, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "object")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := c.fetch(t.Context(), "b", o, f); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(name)
	return b, err
}

func TestS3FetchesInParts(t *testing.T) {
	w := newWorld(t, nil)
	c := client(w, w.service())
	c.chunk = 1000
	for _, n := range []int{0, 1, 999, 1000, 1001, 2000, 12_345} {
		want := noise(n)
		w.s3.put("b/k", want)
		for _, told := range []int64{-1, int64(n), 500, 1500} { // a listing may be old
			if got, err := fetched(t, c, object{Key: "k", Size: told}); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %d told: %d bytes, %v", n, told, len(got), err)
			}
		}
	}
}

func TestS3GoesOnWhereItBroke(t *testing.T) {
	w := newWorld(t, nil)
	c := client(w, w.service())
	c.chunk = 10_000
	want := noise(65_000)
	w.s3.put("b/k", want)
	var asked atomic.Int32
	w.s3.cut = func(*http.Request) int {
		if n := asked.Add(1); n%2 == 1 {
			return 3000
		}
		return -1
	}
	if got, err := fetched(t, c, object{Key: "k", Size: 65_000}); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	w.s3.cut = func(*http.Request) int { return 3000 }
	if got, err := fetched(t, c, object{Key: "k", Size: 65_000}); err != nil || !bytes.Equal(got, want) {
		t.Errorf("every answer breaks, but brings something: %d bytes, %v", len(got), err)
	}
	w.s3.cut = func(*http.Request) int { return 0 }
	if _, err := fetched(t, c, object{Key: "k", Size: 65_000}); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("nothing ever arrives: %v", err)
	}
}

func TestS3NeverMixesTwoObjects(t *testing.T) {
	w := newWorld(t, nil)
	c := client(w, w.service())
	c.chunk = 10_000
	old, young := noise(65_000), bytes.Repeat([]byte("x"), 43_210)
	w.s3.put("b/k", old)
	var asked atomic.Int32
	w.s3.refuse = func(*http.Request) (int, string) { // it holds the lock
		if asked.Add(1) == 4 {
			w.s3.objects["b/k"] = young
		}
		return 0, ""
	}
	if got, err := fetched(t, c, object{Key: "k", Size: 65_000}); err != nil || !bytes.Equal(got, young) {
		t.Errorf("replaced meanwhile: %d bytes, %v", len(got), err)
	}
	r, err := c.open(t.Context(), "b", "k", "", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, 10); err != nil {
		t.Fatal(err)
	}
	w.s3.put("b/k", old)
	r.body.Close()
	if _, err := io.Copy(io.Discard, r); !errors.Is(replaced(err), errReplaced) {
		t.Errorf("a stream that broke went on in another object: %v", err)
	}
}

func TestS3PutsInParts(t *testing.T) {
	w := newWorld(t, nil)
	c := client(w, w.service())
	c.chunk = 1000
	for _, n := range []int{0, 1, 1000, 1001, 5000, 5001} {
		want := noise(n)
		if err := c.put(t.Context(), "b", "k", bytes.NewReader(want), int64(n)); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got := w.s3.get("b/k"); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d arrived", n, len(got))
		}
		tag, err := c.tagOf(t.Context(), bytes.NewReader(want), int64(n))
		if err != nil {
			t.Fatal(err)
		}
		if n <= 1000 {
			if has, err := c.has(t.Context(), "b", "k", tag); !has || err != nil {
				t.Errorf("%d bytes: %s is not there: %v", n, tag, err)
			}
		} else if !strings.HasSuffix(tag, fmt.Sprintf(`-%d"`, (n+999)/1000)) {
			t.Errorf("%d bytes: ETag %s", n, tag)
		}
	}
	one, two := md5.Sum(noise(1001)[:1000]), md5.Sum(noise(1001)[1000:])
	want := fmt.Sprintf(`"%x-2"`, md5.Sum(append(one[:], two[:]...)))
	if got, err := c.tagOf(t.Context(), bytes.NewReader(noise(1001)), 1001); got != want || err != nil {
		t.Errorf("ETag %s, want %s: %v", got, want, err)
	}
	if has, err := c.has(t.Context(), "b", "none", want); has || err != nil {
		t.Errorf("nothing is there: %v %v", has, err)
	}
}

func TestS3LeavesNoParts(t *testing.T) {
	w := newWorld(t, nil)
	c := client(w, w.service())
	c.chunk = 1000
	for what, refuse := range map[string]func(*http.Request) (int, string){
		"denied": func(r *http.Request) (int, string) {
			if r.URL.Query().Get("partNumber") == "3" {
				return 403, "AccessDenied"
			}
			return 0, ""
		},
		"broken": func(r *http.Request) (int, string) {
			if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
				return 503, "SlowDown"
			}
			return 0, ""
		},
	} {
		w.s3.refuse = refuse
		var no *s3Error
		if err := c.put(t.Context(), "b", "k", bytes.NewReader(noise(5000)), 5000); !errors.As(err, &no) {
			t.Errorf("%s: %v", what, err)
		}
		w.s3.refuse = nil
		if len(w.s3.uploads) > 0 || w.s3.get("b/k") != nil {
			t.Errorf("%s: something is there", what)
		}
	}
	asked := map[string]bool{}
	w.s3.refuse = func(r *http.Request) (int, string) {
		if k := r.Method + r.URL.RawQuery; !asked[k] {
			asked[k] = true
			return 503, "SlowDown"
		}
		return 0, ""
	}
	if err := c.put(t.Context(), "b", "k", bytes.NewReader(noise(5000)), 5000); err != nil || !bytes.Equal(w.s3.get("b/k"), noise(5000)) {
		t.Errorf("an S3 that is busy: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.put(ctx, "b", "gone", bytes.NewReader(noise(5000)), 5000); err == nil || len(w.s3.uploads) > 0 {
		t.Errorf("nobody waits: %v, %d uploads", err, len(w.s3.uploads))
	}
}
