package runc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"cloister/internal/machine/executor"
)

// maxLine is where a line is cut in two: the largest event that CloudWatch Logs takes.
const maxLine = 256 << 10

// A log is a row of frames: time in nanoseconds (8 bytes), length (4 bytes), text. A line's
// sequence number is its place in the row. Frames are only appended, so a reader that meets half of
// one has met the end of what was written so far.
const frameHead = 12

// lineWriter cuts a stream into lines and appends them to a log of bounded size.
type lineWriter struct {
	file  *os.File
	limit int64
	size  int64
	buf   []byte
	full  bool
	now   func() time.Time
}

// copy reads until the end of r. It never stops reading early, whatever becomes of the log: a
// container must not block because its log is full.
func (w *lineWriter) copy(r io.Reader) error {
	buf := make([]byte, 0, maxLine)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		rest := buf[:len(buf)+n]
		for {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				break
			}
			w.add(rest[:end])
			rest = rest[end+1:]
		}
		if len(rest) == maxLine {
			cut := wholeRunes(rest)
			w.add(rest[:cut])
			rest = rest[cut:]
		}
		buf = buf[:copy(buf[:cap(buf)], rest)]
		if err != nil && len(buf) > 0 {
			w.add(buf)
		}
		w.flush()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// wholeRunes gives how much of b ends on a rune's edge; all of it when that is not text.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if at := len(b) - i; utf8.RuneStart(b[at]) {
			if utf8.FullRune(b[at:]) {
				return len(b)
			}
			return at
		}
	}
	return len(b)
}

func (w *lineWriter) add(text []byte) {
	if w.full {
		return
	}
	if w.size+int64(frameHead+len(text)) > w.limit {
		w.full = true
		text = fmt.Appendf(nil, "[the log reached its limit of %d bytes; what follows is not kept]", w.limit)
	}
	w.size += int64(frameHead + len(text))
	w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(w.now().UnixNano()))
	w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(len(text)))
	w.buf = append(w.buf, text...)
	if len(w.buf) > maxLine {
		w.flush()
	}
}

// flush writes what is buffered. When the disk refuses, the log ends there: a torn frame in the
// middle would make nonsense of all that follow.
func (w *lineWriter) flush() {
	if len(w.buf) == 0 {
		return
	}
	if _, err := w.file.Write(w.buf); err != nil {
		w.full = true
	}
	w.buf = w.buf[:0]
}

// lineReader reads a log that may still grow.
type lineReader struct {
	file   *os.File
	in     *bufio.Reader
	offset int64
	next   int64
}

func newLineReader(file *os.File) *lineReader {
	return &lineReader{file: file, in: bufio.NewReaderSize(file, 64<<10)}
}

// read gives the next line; ok is false when no whole one is there yet. Lines before since are
// passed over.
func (r *lineReader) read(since int64) (line executor.Line, ok bool, err error) {
	for {
		head, err := r.in.Peek(frameHead)
		if err != nil {
			return line, false, r.rewind(err)
		}
		at := int64(binary.LittleEndian.Uint64(head))
		length := int(binary.LittleEndian.Uint32(head[8:]))
		if length > maxLine {
			return line, false, fmt.Errorf("log is damaged at byte %d", r.offset)
		}
		frame := make([]byte, frameHead+length)
		if _, err := io.ReadFull(r.in, frame); err != nil {
			return line, false, r.rewind(err)
		}
		r.offset += int64(len(frame))
		r.next++
		if r.next <= since {
			continue
		}
		text := string(frame[frameHead:])
		return executor.Line{Sequence: r.next - 1, Time: time.Unix(0, at).UTC(), Text: text}, true, nil
	}
}

// rewind goes back to the start of a frame that is not complete yet.
func (r *lineReader) rewind(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if _, err := r.file.Seek(r.offset, io.SeekStart); err != nil {
		return err
	}
	r.in.Reset(r.file)
	return nil
}
