package recordio

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestWrapIsAFrame(t *testing.T) {
	for n := range 9 {
		payload := bytes.Repeat([]byte{7}, n)
		var got bytes.Buffer
		if err := Wrap(&got, bytes.NewReader(append(payload, "more"...)), int64(n)); err != nil || !bytes.Equal(got.Bytes(), AppendFrame(nil, payload)) {
			t.Errorf("%d bytes: %x %v", n, got.Bytes(), err)
		}
	}
	if err := Wrap(io.Discard, strings.NewReader("ab"), 3); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a short payload: %v", err)
	}
	if err := Wrap(io.Discard, strings.NewReader(""), MaxFrame+1); err == nil {
		t.Error("a frame holds too much")
	}
}
