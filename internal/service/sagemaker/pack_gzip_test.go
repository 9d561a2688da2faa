package sagemaker

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

func TestGzipWriter(t *testing.T) {
	random := make([]byte, 3<<20+77)
	r := rand.NewChaCha8([32]byte{})
	r.Read(random) //nolint:errcheck // it always can
	for name, want := range map[string][]byte{
		"nothing": {}, "one": {7}, "text": noise(5 << 20), "block": noise(gzipBlock), "random": random, "mixed": append(noise(2<<20), random...),
	} {
		var packed bytes.Buffer
		w := newGzipWriter(t.Context(), &packed)
		for left := want; len(left) > 0; {
			n := min(len(left), 1+int(r.Uint64()%100_000))
			if _, err := w.Write(left[:n]); err != nil {
				t.Fatal(err)
			}
			left = left[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if name == "text" && packed.Len() > len(want)/2 || packed.Len() > len(want)+len(want)/1000+100 {
			t.Errorf("%s: %d bytes became %d", name, len(want), packed.Len())
		}
		z, err := gzip.NewReader(&packed)
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false) // one member: some readers take no second
		got, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}
}

type fullDisk struct{ left int }

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errNoSpace
	}
	return len(p), nil
}

func TestGzipWriterEnds(t *testing.T) {
	for _, room := range []int{0, 5_000_000} {
		w := newGzipWriter(t.Context(), &fullDisk{room})
		random := make([]byte, 1<<20)
		rand.NewChaCha8([32]byte{1}).Read(random) //nolint:errcheck // it always can
		var err error
		for i := 0; i < 20 && err == nil; i++ {
			_, err = w.Write(random)
		}
		if closed := w.Close(); !errors.Is(closed, errNoSpace) {
			t.Errorf("room for %d: %v, %v", room, err, closed)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := newGzipWriter(ctx, io.Discard)
	cancel()
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		_, err = w.Write(make([]byte, 1<<20))
	}
	if closed := w.Close(); err == nil || closed == nil {
		t.Errorf("nobody waits: %v, %v", err, closed)
	}
}
