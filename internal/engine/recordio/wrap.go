package recordio

import (
	"encoding/binary"
	"fmt"
	"io"
)

// MaxFrame is the most that one frame can hold.
const MaxFrame = lengthMask

// Wrap writes size bytes of payload to w as one whole frame. A payload of another size is an error, and w
// then ends inside the frame.
func Wrap(w io.Writer, payload io.Reader, size int64) error {
	if size > MaxFrame {
		return fmt.Errorf("%d bytes are more than a RecordIO record can hold, which is %d", size, MaxFrame)
	}
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:4], MagicNumber)
	binary.LittleEndian.PutUint32(head[4:], uint32(size))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(payload, size))
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("a record of %d bytes has %d: %w", size, n, io.ErrUnexpectedEOF)
	}
	if pad := padding(int(size)); pad > 0 {
		_, err = w.Write(make([]byte, pad))
	}
	return err
}
