package image

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestZstd(t *testing.T) {
	want := strings.Repeat("layer ", 1000)
	var packed bytes.Buffer
	out, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(out, want)
	out.Close()
	stream, err := plain(io.NopCloser(bytes.NewReader(packed.Bytes())), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if got, err := io.ReadAll(stream); err != nil || string(got) != want {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
