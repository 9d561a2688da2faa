package feed

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkView reads a file from its beginning to its end whose bytes are in the feeder's memory.
func BenchmarkView(b *testing.B) {
	if os.Getuid() != 0 {
		b.Skip("only root may mount")
	}
	const size = 256 << 20
	data := make([]byte, 16<<20)
	b.SetBytes(size)
	for b.Loop() {
		b.StopTimer()
		base := b.TempDir()
		at := filepath.Join(base, "view")
		list, _ := json.Marshal([]File{{"x", size}}) //nolint:errcheck // it can
		if os.Mkdir(at, 0o755) != nil || os.WriteFile(filepath.Join(base, "files"), list, 0o600) != nil {
			b.Fatal("no place")
		}
		k, err := Start(b.Context(), command, filepath.Join(base, "keeper"), nil, []View{{at, filepath.Join(base, "files")}})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() {
			done <- k.Serve(ctx, 0, func(_ context.Context, _ int, off int64, n int) ([][]byte, func(), error) {
				return [][]byte{data[off%(8<<20):][:n]}, func() {}, nil
			})
		}()
		f, err := os.Open(at + "/x")
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 1<<20))
		b.StopTimer()
		if n != size || err != nil {
			b.Fatal(n, err)
		}
		f.Close()
		cancel()
		<-done
		if err := Remove(context.Background(), k.directory); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
