// Package recordio reads and writes the data formats of the built-in algorithms: RecordIO frames of
// protobuf Records, comma separated text, JSON and JSON Lines, each as rows of 32-bit floats.
//
// It promises that memory grows only with bytes that really arrived, whatever lengths the data
// claims, and that an error names what is wrong with the data. It does no I/O of its own and knows
// no algorithm.
package recordio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// MagicNumber begins every frame.
	MagicNumber = 0xCED7230A
	// MaxRecord bounds one record, so that a stream cannot make a reader hold all of it.
	MaxRecord = 64 << 20

	lengthBits = 29
	lengthMask = 1<<lengthBits - 1
)

// The top three bits of a length say which part of a record the frame holds. The writer of a split
// record left out the magic number at each cut; the reader puts it back.
const (
	partWhole = iota
	partFirst
	partMiddle
	partLast
)

// AppendFrame appends payload as one whole frame, padded to four bytes.
func AppendFrame(dst, payload []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, MagicNumber)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = append(dst, payload...)
	return append(dst, make([]byte, padding(len(payload)))...)
}

func padding(length int) int { return -length & 3 }

// Reader takes records from a stream of frames.
type Reader struct {
	source io.Reader
	header [8]byte
	record []byte
	index  int
}

// NewReader reads frames from source, which should be buffered.
func NewReader(source io.Reader) *Reader { return &Reader{source: source} }

// Next gives the next record's payload, valid until the following call, and io.EOF after the last.
func (r *Reader) Next() ([]byte, error) {
	r.record = r.record[:0]
	for want := partWhole; ; want = partMiddle {
		part, length, err := r.readHeader(want != partWhole)
		if err != nil {
			return nil, err
		}
		if starts := part == partWhole || part == partFirst; starts != (want == partWhole) {
			return nil, fmt.Errorf("record %d: frame is part %d of a record, out of order", r.index, part)
		}
		if want != partWhole {
			r.record = binary.LittleEndian.AppendUint32(r.record, MagicNumber)
		}
		if err := r.readBody(length); err != nil {
			return nil, err
		}
		if part == partWhole || part == partLast {
			r.index++
			return r.record, nil
		}
	}
}

func (r *Reader) readHeader(inside bool) (part, length int, err error) {
	_, err = io.ReadFull(r.source, r.header[:])
	if err == io.EOF && !inside {
		return 0, 0, io.EOF
	}
	if err != nil {
		return 0, 0, r.fault(err)
	}
	if magic := binary.LittleEndian.Uint32(r.header[:4]); magic != MagicNumber {
		return 0, 0, fmt.Errorf("record %d: magic number is 0x%08x, not 0x%08x: the data is not RecordIO", r.index, magic, uint32(MagicNumber))
	}
	word := binary.LittleEndian.Uint32(r.header[4:])
	part, length = int(word>>lengthBits), int(word&lengthMask)
	if part > partLast {
		return 0, 0, fmt.Errorf("record %d: frame has the unknown part %d", r.index, part)
	}
	if len(r.record)+length > MaxRecord {
		return 0, 0, fmt.Errorf("record %d: longer than %d bytes", r.index, MaxRecord)
	}
	return part, length, nil
}

// readBody reads in steps, so that a false length costs no more memory than the bytes that follow.
func (r *Reader) readBody(length int) error {
	const step = 1 << 16
	for left := length; left > 0; {
		n := min(left, step)
		start := len(r.record)
		r.record = append(r.record, make([]byte, n)...)
		if _, err := io.ReadFull(r.source, r.record[start:]); err != nil {
			return r.fault(err)
		}
		left -= n
	}
	var pad [3]byte
	if _, err := io.ReadFull(r.source, pad[:padding(length)]); err != nil {
		return r.fault(err)
	}
	return nil
}

func (r *Reader) fault(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the data ends inside it")
	}
	return fmt.Errorf("record %d: %w", r.index, err)
}
