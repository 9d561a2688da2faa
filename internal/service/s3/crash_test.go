package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
	"cloister/internal/machine/blob"
	"cloister/internal/machine/store"
)

func TestManyWritersNeverMix(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	body := func(i int) string { return strings.Repeat(string(rune('a'+i)), 200<<10) }
	c.do("PUT", "/data/x", body(0)).good(t)
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for i := range 6 {
		writers.Go(func() {
			w := h.as(t, "AKIAROOT")
			for n := range 8 {
				if n%4 == 3 { // sometimes in parts
					_, at := begin(w, "/data/x")
					tag := put(w, at, 1, body(i))
					w.do("POST", at, list("1:"+tag)).good(t)
				} else {
					w.do("PUT", "/data/x", body(i)).good(t)
				}
			}
		})
	}
	for range 3 {
		readers.Go(func() {
			r := h.as(t, "AKIAROOT")
			for {
				select {
				case <-stop:
					return
				default:
				}
				got := r.do("GET", "/data/x", "").good(t).Body
				if len(got) != 200<<10 || strings.Trim(got, got[:1]) != "" {
					t.Errorf("a mix of %d bytes", len(got))
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if n := h.blobCount(t); n != 1 {
		t.Errorf("%d blobs for one object", n)
	}
}

// TestAReaderKeepsItsVersion replaces an object of many parts while it is half read.
func TestAReaderKeepsItsVersion(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	one := string(noise(minPart))
	_, at := begin(c, "/data/x")
	a, b := put(c, at, 1, one), put(c, at, 2, "tail")
	c.do("POST", at, list("1:"+a, "2:"+b)).good(t)
	_, _, r, err := h.read(context.Background(), new("data"), new("x"), nil, func(o *object, _ []piece) (span, error) { return span{n: o.Size}, nil })
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 100)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	c.do("PUT", "/data/x", "new").good(t)
	if n, err := h.sweep(context.Background()); err != nil || n != 0 {
		t.Errorf("swept %d under a reader, %v", n, err)
	}
	rest, err := io.ReadAll(r)
	if err != nil || string(head)+string(rest) != one+"tail" {
		t.Errorf("read %d bytes, %v", len(head)+len(rest), err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if n := h.blobCount(t); n != 1 {
		t.Errorf("%d blobs once nobody reads the old version", n)
	}
}

func TestTheSweepTakesOnlyRubbish(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	c.do("PUT", "/data/x", "kept").good(t)
	_, at := begin(c, "/data/y")
	tag := put(c, at, 1, "part")
	ctx := context.Background()
	for _, key := range []string{under + "0123", "elsewhere/1"} { // the first as a crash before the record leaves it
		if _, err := h.Blobs.Put(ctx, key, strings.NewReader("rubbish")); err != nil {
			t.Fatal(err)
		}
	}
	// One that is being written while the sweep runs.
	from, w := io.Pipe()
	done := make(chan *stored)
	go func() {
		b, err := newBody(from, nil, sum{}, "")
		if err != nil {
			t.Error(err)
		}
		x, err := h.keep(ctx, b)
		if err != nil {
			t.Error(err)
		}
		done <- x
	}()
	w.Close()
	x := <-done
	if n, err := h.sweep(ctx); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
	if _, err := h.Blobs.Stat(ctx, under+x.ID); err != nil {
		t.Errorf("bytes that wait for their record: %v", err)
	}
	if _, err := h.Blobs.Stat(ctx, "elsewhere/1"); err != nil {
		t.Errorf("another's blob: %v", err)
	}
	c.do("POST", at, list("1:"+tag)).good(t)
	c.do("GET", "/data/x", "").is(t, "kept")
	c.do("GET", "/data/y", "").is(t, "part")
	h.restart(t)
	run, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- h.Run(run) }()
	for h.blobCount(t) > 3 { // two objects and another's
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	c.do("GET", "/data/x", "").is(t, "kept")
}

// TestAPutThatIsCutLeavesNothing drops connections in the middle of bodies.
func TestAPutThatIsCutLeavesNothing(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	c.do("PUT", "/data/x", "before").good(t)
	for _, payload := range []string{sigv4.UnsignedPayload, sigv4.Hash([]byte("whatever"))} {
		r := c.request("PUT", "/data/x", &cut{left: 100 << 10})
		r.ContentLength = 200 << 10
		sigv4.Sign(r, payload, c.credentials(), sigv4.Scope{Region: h.region, Service: "s3"}, time.Now())
		if w, err := c.http.Do(r); err == nil {
			w.Body.Close()
			if w.StatusCode < 300 {
				t.Errorf("half a body was answered %d", w.StatusCode)
			}
		}
		h.restart(t) // waits for what was under way
		c.do("GET", "/data/x", "").is(t, "before")
	}
	if n := h.blobCount(t); n != 1 {
		t.Errorf("%d blobs for one object", n)
	}
}

// cut is a body that breaks off.
type cut struct{ left int }

func (c *cut) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, net.ErrClosed
	}
	n := min(len(b), c.left)
	c.left -= n
	return n, nil
}

// TestABodyThatEndsEarlyIsNotKept is the same for a reader that ends as if all were well.
func TestABodyThatEndsEarlyIsNotKept(t *testing.T) {
	h, _, _ := bucketFor(t, "data")
	for _, from := range []io.Reader{short{strings.NewReader("123")}, short{strings.NewReader("12345678901")}} {
		b, err := newBody(from, nil, sum{}, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.keep(context.Background(), b); !strings.Contains(fmt.Sprint(err), "IncompleteBody") {
			t.Errorf("kept, %v", err)
		}
	}
	if n := h.blobCount(t); n != 0 {
		t.Errorf("%d blobs", n)
	}
}

type short struct{ io.Reader }

func (short) Length() int64 { return 10 }

// TestABucketThatGoesWhileAnObjectComes must not leave an object in a bucket of the same name.
func TestABucketThatGoesWhileAnObjectComes(t *testing.T) {
	h, c, o := bucketFor(t, "data")
	b, err := h.see(context.Background(), new("data"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.do("DELETE", "/data", "").good(t)
	o.do("PUT", "/data", "").good(t)
	body, err := newBody(strings.NewReader("x"), nil, sum{}, "")
	if err != nil {
		t.Fatal(err)
	}
	x, err := h.keep(context.Background(), body)
	if err != nil {
		t.Fatal(err)
	}
	err = h.commit(context.Background(), x, func(tx *store.Tx) ([]string, error) {
		return swap(tx, b, "x", &object{ID: x.ID}, nil, nil, nil)
	})
	if !strings.Contains(fmt.Sprint(err), "NoSuchBucket") {
		t.Errorf("an object came into another's bucket: %v", err)
	}
	if n := h.blobCount(t); n != 0 {
		t.Errorf("%d blobs", n)
	}
}

func TestHolds(t *testing.T) {
	var h holds
	if !h.take("a", "b") || !h.take("a") {
		t.Fatal("not taken")
	}
	if dead := h.doom("a", "c"); !slices.Equal(dead, []string{"c"}) {
		t.Errorf("doomed at once: %v", dead)
	}
	if h.take("d", "c") || h.has("d") {
		t.Error("taken while it is deleted, or half taken")
	}
	if dead := h.release("a", "b"); dead != nil {
		t.Errorf("deleted under a reader: %v", dead)
	}
	if dead := h.release("a"); !slices.Equal(dead, []string{"a"}) {
		t.Errorf("the last to let go deletes %v", dead)
	}
	if dead := h.doom("a"); dead != nil {
		t.Errorf("deleted twice: %v", dead)
	}
	h.gone("a")
	h.gone("c")
	if len(h.of) != 0 {
		t.Errorf("remembers %v", h.of)
	}
}

// lost is a store whose blobs are gone.
type lost struct{ blob.Store }

func (lost) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, blob.ErrMissing
}

func TestLostBytesAreOurFault(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	c.do("PUT", "/data/x", "1").good(t)
	h.Blobs = lost{h.Blobs}
	if a := c.do("GET", "/data/x", ""); a.Status != 500 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if len(h.held.of) != 0 {
		t.Errorf("still held: %v", h.held.of)
	}
}
